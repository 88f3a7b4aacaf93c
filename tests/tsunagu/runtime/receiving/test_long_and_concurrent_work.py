"""Long work, whose heartbeats extend the lease; and messages of a standard queue that run at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.tsunagu.runtime.world import World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import LeaseLostError, PermanentError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.testing.fakes import Killed


@pytest.fixture
def world() -> World:
    return World()


def test_heartbeats_keep_a_short_lease_alive(world: World) -> None:
    world.lease_seconds = 3
    rivals: list[list[str]] = []

    def long(body: JsonObject, message: Message) -> None:
        for _ in range(3):
            world.clock.ms += 2_500
            message.heartbeat()
        rivals.append(world.receive(record(body, "m-2")))
        world.work(body, message)

    assert world.receive(record(order("o-1")), process=long) == []
    assert (rivals, world.effects()) == ([["m-2"]], ["o-1"])


def test_lease_is_never_extended_past_the_deadline_and_its_grace(world: World) -> None:
    world.lease_seconds = 8
    started = world.clock.ms
    leases: list[int] = []

    def long(_body: JsonObject, message: Message) -> None:
        world.clock.ms += 7_000
        message.heartbeat()
        leases.append(world.only_item().lease - started)

    world.receive(record(order("o-1")), process=long)

    assert leases == [12_000]


def test_message_is_hidden_until_its_short_lease_ends_so_that_a_kill_costs_a_lease(world: World) -> None:
    world.lease_seconds = 3

    def kill(_body: JsonObject, _message: Message) -> None:
        raise Killed

    world.receive_and_die(record(order("o-1")), process=kill)

    assert world.visibility.changed == {"handle-m-1": 5}  # 3 s of lease, 2 s of grace


def test_heartbeat_hides_the_message_as_long_as_it_extends_the_lease(world: World) -> None:
    world.lease_seconds = 3

    def beat(_body: JsonObject, message: Message) -> None:
        world.visibility.changed.clear()
        message.heartbeat()
        assert world.visibility.changed == {"handle-m-1": 5}

    assert world.receive(record(order("o-1")), process=beat) == []


def test_heartbeat_of_a_late_worker_says_that_the_lease_is_lost(world: World) -> None:
    world.lease_seconds = 3
    raised: list[str] = []

    def late(body: JsonObject, message: Message) -> None:
        world.clock.ms += 6_000
        world.receive(record(body, "m-2"))
        try:
            message.heartbeat()
        except LeaseLostError as error:
            raised.append(str(error))
            raise

    assert world.receive(record(order("o-1")), process=late) == ["m-1"]
    assert (raised, world.effects()) == (["another worker owns the message"], ["o-1"])


def test_heartbeat_after_the_commit_says_that_the_message_is_done(world: World) -> None:
    world.lease_seconds = 3
    raised: list[str] = []

    def late(body: JsonObject, message: Message) -> None:
        world.work(body, message)
        try:
            message.heartbeat()
        except LeaseLostError as error:
            raised.append(str(error))
            raise

    assert world.receive(record(order("o-1")), process=late) == []
    assert world.effects() == ["o-1"]
    assert raised == ["a heartbeat must come before the transaction is committed, got one after: the message is done"]


def test_heartbeat_costs_nothing_where_the_lease_is_the_invocation(world: World) -> None:
    world.receive(record(order("o-1")), process=lambda _body, message: message.heartbeat())

    assert world.store.calls == ["insert", "update"]


@pytest.mark.parametrize("tenant", [None, "one-for-all"])
def test_messages_of_a_standard_queue_run_at_the_same_time(world: World, tenant: str | None) -> None:
    world.concurrency = 4
    all_there = threading.Barrier(4)

    def together(body: JsonObject, message: Message) -> None:
        all_there.wait(timeout=60)
        world.work(body, message)

    batch = [record(order(f"o-{n}"), f"m-{n}", tenant=tenant) for n in range(4)]

    assert world.receive(*batch, process=together) == []
    assert sorted(map(str, world.effects())) == ["o-0", "o-1", "o-2", "o-3"]


def test_no_more_messages_run_at_the_same_time_than_the_setting_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers: list[int | None] = []

    class Noting(ThreadPoolExecutor):
        def __init__(self, max_workers: int | None = None) -> None:
            numbers.append(max_workers)
            super().__init__(max_workers)

    monkeypatch.setattr("tsunagu.runtime.receiving.invocation.ThreadPoolExecutor", Noting)
    world.concurrency = 2

    assert world.receive(*[record(order(f"o-{n}"), f"m-{n}") for n in range(4)]) == []
    assert numbers == [2]


def test_one_of_several_that_run_at_the_same_time_fails_alone(world: World) -> None:
    world.concurrency = 3

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "o-1":
            raise PermanentError("never")
        if body["order_id"] == "o-2":
            raise ValueError
        world.work(body, message)

    batch = [record(order(f"o-{n}"), f"m-{n}") for n in range(4)]

    assert world.receive(*batch, record(order("o-0"), "m-copy"), process=process) == ["m-2"]
    assert sorted(map(str, world.effects())) == ["o-0", "o-3"]
    assert sorted(world.statuses()) == [Status.COMPLETED, Status.COMPLETED, Status.DEAD, Status.RELEASED]


def test_message_of_two_records_is_called_once_and_one_that_cannot_be_read_never(world: World) -> None:
    world.concurrency = 3
    seen: list[object] = []
    other_ran = threading.Event()

    def process(body: JsonObject, _message: Message) -> None:
        seen.append(body["order_id"])
        if body["order_id"] == "other":
            other_ran.set()
        assert other_ran.wait(10)  # so that the second record has its turn while the first one is in hand

    batch = [record(order("o-1"), "m-1"), record("no json", "m-2"), record(order("o-1"), "m-3")]

    assert world.receive(*batch, record(order("other"), "m-4"), process=process) == []
    assert sorted(map(str, seen)) == ["o-1", "other"]


def test_groups_never_run_at_the_same_time(world: World) -> None:
    world.concurrency = 4
    threads: set[int] = set()

    def note(_body: JsonObject, _message: Message) -> None:
        threads.add(threading.get_ident())

    world.receive(*[record(order(key), key, group=key) for key in "abcd"], process=note)

    assert threads == {threading.get_ident()}


def test_suspects_run_alone_after_those_that_run_together(world: World) -> None:
    def fail(_body: JsonObject, _message: Message) -> None:
        raise ValueError

    world.receive(record(order("suspect"), "m-s"), process=fail)
    world.concurrency = 4

    batch = [record(order("suspect"), "m-s"), *[record(order(f"o-{n}"), f"m-{n}") for n in range(3)]]

    assert world.receive(*batch) == []
    assert world.runs[-1] == "suspect"


def test_messages_that_do_not_fit_before_the_deadline_are_released(world: World) -> None:
    world.concurrency = 2
    batch = [record(order(f"o-{n}"), f"m-{n}") for n in range(2)]

    assert world.receive(*batch, remaining_ms=1_000) == ["m-0", "m-1"]
    assert [item.status for item in world.store.items.values()] == [Status.RELEASED] * 2
