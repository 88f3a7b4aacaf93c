"""Delays: when a message comes back, to the second; and when outcomes are written."""

import math
from dataclasses import replace
from random import Random

import pytest

from tests.tsunagu.runtime.receiving.processes import fail, nothing, send_on
from tests.tsunagu.runtime.world import World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import RetryableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id, payload_hash
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.retry import backoff_seconds
from tsunagu.testing.fakes import DENIED, START_MS, FakeItemStore

ITEM_ID = item_id("orders", "o-1")


@pytest.fixture
def world() -> World:
    world = World()
    world.seed = 41  # its first numbers are neither small nor large
    return world


def put_item(world: World, **fields: object) -> None:
    item = Item(
        id=ITEM_ID,
        status=Status.INPROGRESS,
        owner="other",
        fence=1,
        lease=0,
        payload_hash=payload_hash(order("o-1")),
        expiration=10**10,
    )
    world.store.items[ITEM_ID] = replace(item, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("until_ms", "waits"), [(10_000_000, 10_000.0), (12_345, 12.345), (500, 0.5)])
def test_message_of_a_held_item_comes_back_at_the_end_of_its_lease_with_jitter(
    world: World, until_ms: int, waits: float
) -> None:
    put_item(world, lease=START_MS + until_ms)

    world.receive(record(order("o-1")))

    assert world.visibility.changed == {"handle-m-1": math.ceil(waits + Random(41).uniform(0.0, 2.0))}


def test_message_whose_item_is_written_at_this_moment_comes_back_after_the_jitter(world: World) -> None:
    records = [record(order("o-1", amount=amount), f"m-{amount}") for amount in (1, 2)]

    assert world.receive(*records) == ["m-2"]
    assert world.visibility.changed == {"handle-m-2": math.ceil(Random(41).uniform(0.0, 2.0))}


def test_lease_that_ends_while_the_batch_runs_is_not_waited_for(world: World) -> None:
    put_item(world, lease=START_MS + 500)

    def slow(_body: JsonObject, _message: Message) -> None:
        world.clock.ms += 5_000

    assert world.receive(record(order("o-2"), "m-2"), record(order("o-1")), process=slow) == ["m-1"]
    assert world.visibility.changed == {"handle-m-1": math.ceil(Random(41).uniform(0.0, 2.0))}


@pytest.mark.parametrize("attempts", [0, 1])
def test_failed_message_comes_back_after_the_back_off_of_its_attempts(world: World, attempts: int) -> None:
    put_item(world, status=Status.RELEASED, attempts=attempts)

    world.receive(record(order("o-1")), process=fail)

    assert world.visibility.changed == {"handle-m-1": math.ceil(backoff_seconds(attempts + 1, Random(41)))}


@pytest.mark.parametrize("rounds", [0, 2])
def test_message_whose_outbox_was_not_sent_comes_back_after_the_back_off_of_its_rounds(
    world: World, rounds: int
) -> None:
    world.outbox.broken = True
    world.receive(record(order("o-1")), process=send_on)
    world.store.items[ITEM_ID] = replace(world.only_item(), attempts=rounds)
    world.visibility.changed.clear()

    world.receive(record(order("o-1")), process=send_on)

    assert world.visibility.changed == {"handle-m-1": math.ceil(backoff_seconds(rounds + 1, Random(41)))}


def test_message_whose_outbox_may_not_be_sent_keeps_its_time_out_and_then_waits_longer(world: World) -> None:
    world.outbox.fault = DENIED
    delivery = record(order("o-1"))
    world.receive(delivery, process=send_on)
    assert world.visibility.changed == {}

    delivery["attributes"]["ApproximateReceiveCount"] = "101"
    world.receive(delivery, process=send_on)
    assert world.visibility.changed == {"handle-m-1": 900}


def test_message_whose_sends_were_not_marked_waits_as_a_deferred_one(world: World) -> None:
    delivery = record(order("o-1"))
    delivery["attributes"]["ApproximateReceiveCount"] = "101"
    world.store.plan("update", "", "unavailable")  # the completion, and the mark of what was sent

    assert world.receive(delivery, process=send_on) == ["m-1"]
    assert world.visibility.changed == {"handle-m-1": 900}


def test_message_that_was_not_started_keeps_the_reason_of_before_and_comes_back_with_its_time_out(
    world: World,
) -> None:
    put_item(world, status=Status.RELEASED, attempts=1, reason="why", published_reason="what")

    assert world.receive(record(order("o-1")), remaining_ms=100) == ["m-1"]
    item = world.only_item()
    assert (item.status, item.attempts, item.reason, item.published_reason) == (Status.RELEASED, 1, "why", "what")
    assert world.visibility.changed == {}


def test_start_that_is_not_recorded_says_so(world: World) -> None:
    put_item(world, status=Status.RELEASED, attempts=1)
    world.store.plan("update", "", "unavailable")  # the takeover, and the start

    world.receive(record(order("o-1")))

    assert world.only_item().reason == "the start of an attempt was not recorded"


def test_time_of_a_suspect_is_measured_with_its_start(world: World) -> None:
    """The time of the call to the table belongs to the message: the next one needs as much."""

    class Slow(FakeItemStore):
        def update(self, changes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            world.clock.ms += 400
            return super().update(changes)

    world.store = Slow()
    keys = [f"o-{number}" for number in range(20)]
    for key in keys:
        world.receive(record(order(key)), process=fail)
    receiver = world.receiver(nothing)
    event = {"Records": [record(order(key), f"m-{key}") for key in keys]}

    class Context:
        def __init__(self, remaining_ms: int) -> None:
            self.remaining_ms = remaining_ms

        def get_remaining_time_in_millis(self) -> int:
            return self.remaining_ms

    receiver.receive(event, Context(1_000_000))
    needed_ms = 400 + 1_000  # what was measured, and a tenth of the function's time-out for the answer
    late = [{"Records": [record(order(f"late-{number}"), "m-late")]} for number in range(2)]

    assert receiver.receive(late[0], Context(needed_ms - 1)) == {"batchItemFailures": [{"itemIdentifier": "m-late"}]}
    assert receiver.receive(late[1], Context(needed_ms)) == {"batchItemFailures": []}


@pytest.mark.parametrize(("last_ms", "flushed"), [(399, []), (400, ["o-1", "o-2"])])
def test_outcomes_are_written_once_the_first_of_them_has_waited_for_a_second(
    world: World, last_ms: int, flushed: list[str]
) -> None:
    seen: list[list[object]] = []
    takes_ms = {"o-1": 5_000, "o-2": 600, "o-3": last_ms, "o-4": 0}

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "o-4":
            seen.append(world.effects())
        world.clock.ms += takes_ms[body["order_id"]]
        message.put("effects", {"order_id": body["order_id"]})

    # The first outcome waits while `o-2` and `o-3` run. `o-4` sees whether they were written.
    records = [record(order(key), f"m-{key}") for key in takes_ms]

    assert world.receive(*records, process=process, remaining_ms=1_000_000) == []
    assert seen == [flushed and [*flushed, "o-3"]]


def test_delay_of_a_retry_is_that_of_its_error_also_after_the_write(world: World) -> None:
    def later(_body: JsonObject, _message: Message) -> None:
        raise RetryableError("later", after_seconds=0.5)

    world.receive(record(order("o-1")), process=later)

    assert world.visibility.changed == {"handle-m-1": 1}


def test_message_whose_release_was_refused_keeps_its_time_out(world: World) -> None:
    def lose(_body: JsonObject, _message: Message) -> None:
        world.store.items[ITEM_ID] = replace(world.only_item(), owner="successor")
        raise RetryableError("later", after_seconds=5)

    assert world.receive(record(order("o-1")), process=lose) == ["m-1"]
    assert world.visibility.changed == {}
