"""One message takes effect once, wherever a worker is killed."""

import contextlib

import pytest

from tests.tsunagu.runtime.world import World, order, record
from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import LeaseLostError, UnavailableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.testing.fakes import Killed


@pytest.fixture
def world() -> World:
    return World()


def test_new_message_takes_effect_and_is_acknowledged(world: World) -> None:
    returned = world.receive(record(order("o-1")))

    assert (returned, world.effects(), world.statuses()) == ([], ["o-1"], [Status.COMPLETED])


def test_second_delivery_is_acknowledged_without_a_second_effect(world: World) -> None:
    world.receive(record(order("o-1"), "m-1"))

    returned = world.receive(record(order("o-1"), "m-2"))

    assert (returned, world.effects()) == ([], ["o-1"])
    assert world.counted()["DuplicatesSkipped"] == 1


def test_quiet_path_costs_two_calls_for_ten_messages(world: World) -> None:
    batch = [record(order(f"o-{n}"), f"m-{n}") for n in range(10)]

    world.receive(*batch, process=lambda _body, _message: None)

    assert world.store.calls == ["insert", "update"]


def test_message_that_another_worker_holds_is_deferred_to_the_end_of_its_lease(world: World) -> None:
    def overtaken(_body: JsonObject, _message: Message) -> None:
        assert world.receive(record(order("o-1"), "m-2")) == ["m-2"]

    world.receive(record(order("o-1"), "m-1"), process=overtaken)

    assert world.visibility.changed["handle-m-2"] in range(12, 15)  # 10 s of invocation, 2 s of grace, 2 s of jitter


@pytest.mark.parametrize(
    ("operation", "fault", "effects_before_redelivery"),
    [
        ("insert", "killed_after", []),
        ("transact", "killed_before", []),
        ("transact", "killed_after", ["o-1"]),
    ],
)
def test_killed_worker_neither_loses_nor_doubles(
    world: World, operation: str, fault: str, effects_before_redelivery: list[str]
) -> None:
    world.store.plan(operation, fault)
    world.receive_and_die(record(order("o-1")))
    assert world.effects() == effects_before_redelivery
    world.pass_lease()

    returned = world.receive(record(order("o-1")))

    assert (returned, world.effects()) == ([], ["o-1"])


def test_message_of_a_killed_worker_waits_for_the_lease(world: World) -> None:
    world.store.plan("insert", "killed_after")
    world.receive_and_die(record(order("o-1")))

    assert world.receive(record(order("o-1"))) == ["m-1"]
    assert world.effects() == []


@pytest.mark.parametrize("operation", ["insert", "transact"])
def test_write_whose_answer_was_lost_is_recognised(world: World, operation: str) -> None:
    world.store.plan(operation, "answer_lost")

    returned = world.receive(record(order("o-1")))

    assert (returned, world.effects()) == ([], ["o-1"])


def test_takeover_whose_answer_was_lost_is_recognised(world: World) -> None:
    world.store.plan("insert", "killed_after")
    world.receive_and_die(record(order("o-1")))
    world.pass_lease()
    world.store.plan("update", "answer_lost")

    assert (world.receive(record(order("o-1"))), world.effects()) == ([], ["o-1"])


def test_late_worker_commits_nothing_and_does_not_acknowledge(world: World) -> None:
    raised: list[BaseException] = []

    def slow(body: JsonObject, message: Message) -> None:
        world.pass_lease()
        world.receive(record(body))
        try:
            world.work(body, message)
        except LeaseLostError as error:
            raised.append(error)  # swallowed: the runtime must not count that as success

    returned = world.receive(record(order("o-1")), process=slow)

    assert (returned, world.effects(), len(raised)) == (["m-1"], ["o-1"], 1)
    assert world.counted()["LeasesLost"] == 1


def test_late_worker_commits_nothing_while_its_successor_works(world: World) -> None:
    def slow(body: JsonObject, message: Message) -> None:
        world.pass_lease()
        world.receive_and_die(record(body), process=dying)
        world.work(body, message)

    def dying(_body: JsonObject, _message: Message) -> None:
        raise Killed

    assert world.receive(record(order("o-1")), process=slow) == ["m-1"]
    assert world.effects() == []


def test_only_one_of_two_workers_takes_over_an_item_whose_lease_has_ended(world: World) -> None:
    world.store.plan("insert", "killed_after")
    world.receive_and_die(record(order("o-1")))
    world.pass_lease()
    rival: list[list[str]] = []

    def dying(_body: JsonObject, _message: Message) -> None:
        rival.append(world.store.calls[:])
        raise Killed

    world.store.before_update = lambda: world.receive_and_die(record(order("o-1")), process=dying)

    assert world.receive(record(order("o-1"))) == ["m-1"]
    assert (len(rival), world.runs, world.only_item().fence) == (1, [], 2)


def test_message_is_not_completed_when_the_function_swallows_an_outage_of_its_transaction(world: World) -> None:
    def careless(body: JsonObject, message: Message) -> None:
        with contextlib.suppress(UnavailableError):
            world.work(body, message)

    world.store.plan("transact", "unavailable", "unavailable")

    assert world.receive(record(order("o-1")), process=careless) == ["m-1"]
    assert world.statuses() == [Status.RELEASED]


def test_commit_whose_answer_was_lost_is_recognised_when_the_message_is_released(world: World) -> None:
    world.store.plan("transact", "unanswered", "unavailable")

    assert (world.receive(record(order("o-1"))), world.effects()) == ([], ["o-1"])


def test_window_starts_again_with_the_completion(world: World) -> None:
    def slow(body: JsonObject, message: Message) -> None:
        world.clock.ms += 5_000
        world.work(body, message)

    world.receive(record(order("o-1")), process=slow)

    assert world.only_item().expiration == world.clock.ms // 1_000 + 3_600


def test_fencing_token_rises_with_each_owner(world: World) -> None:
    tokens: list[int] = []

    def fail(_body: JsonObject, message: Message) -> None:
        tokens.append(message.fencing_token)
        raise ValueError

    for _ in range(2):
        world.receive(record(order("o-1")), process=fail)

    assert tokens == [1, 2]


def test_effect_stands_when_the_function_fails_after_its_commit_and_the_failure_is_counted(world: World) -> None:
    def fail_late(body: JsonObject, message: Message) -> None:
        world.work(body, message)
        raise RuntimeError

    assert (world.receive(record(order("o-1")), process=fail_late), world.effects()) == ([], ["o-1"])
    counted = world.counted()
    assert (counted.get("AttemptsFailed", 0), counted["FailuresAfterCommit"]) == (0, 1)


def test_second_transaction_of_a_message_is_refused(world: World) -> None:
    def greedy(_body: JsonObject, message: Message) -> None:
        message.transaction()
        message.transaction()

    world.receive(record(order("o-1")), process=greedy)

    assert world.only_item().reason.startswith("RuntimeError: a message has one transaction")


def test_transaction_without_a_with_block_is_a_failed_attempt(world: World) -> None:
    def forgetful(body: JsonObject, message: Message) -> None:
        message.transaction().put("effects", {"order_id": body["order_id"]})

    assert world.receive(record(order("o-1")), process=forgetful) == ["m-1"]
    assert "must be used in a with block" in world.only_item().reason


def test_transaction_cannot_be_entered_twice(world: World) -> None:
    def twice(body: JsonObject, message: Message) -> None:
        transaction = message.transaction()
        for number in range(2):
            with transaction:
                transaction.put("effects", {"order_id": f"{body['order_id']}-{number}"})

    assert world.receive(record(order("o-1")), process=twice) == []
    assert world.effects() == ["o-1-0"]


def test_completed_item_expires_after_its_window_even_if_ttl_is_late(world: World) -> None:
    world.receive(record(order("o-1")))
    world.clock.ms += 3_600_000 + 1_000

    world.receive(record(order("o-1")))

    assert world.effects() == ["o-1", "o-1"]


def test_window_is_written_in_seconds(world: World) -> None:
    world.receive(record(order("o-1")))

    assert world.only_item().expiration == world.clock.ms // 1_000 + 3_600


def test_lease_outlives_the_invocation_by_the_grace(world: World) -> None:
    leases: list[int] = []

    world.receive(record(order("o-1")), process=lambda _b, _m: leases.append(world.only_item().lease))

    assert leases == [world.clock.ms + 10_000 + 2_000]


def test_outage_of_the_store_is_not_an_attempt_and_the_message_is_delivered_again(world: World) -> None:
    world.store.plan("transact", "unavailable", "unavailable")

    returned = world.receive(record(order("o-1")))

    assert (returned, world.only_item().attempts, world.visibility.changed) == (["m-1"], 0, {})


def test_transaction_conflict_is_tried_again_at_once(world: World) -> None:
    world.store.plan("transact", "conflict", "conflict")

    assert (world.receive(record(order("o-1"))), world.effects()) == ([], ["o-1"])


def test_message_whose_claim_gets_no_answer_does_not_run(world: World) -> None:
    world.store.plan("insert", "unavailable")

    assert (world.receive(record(order("o-1"))), world.runs) == (["m-1"], [])


def test_equal_messages_of_one_batch_run_once_and_have_one_outcome(world: World) -> None:
    batch = [record(order("o-1"), "m-1"), record(order("o-1"), "m-2"), record(order("o-2"), "m-3")]

    assert world.receive(*batch) == []
    assert world.effects() == ["o-1", "o-2"]


def test_equal_messages_of_one_batch_are_delivered_again_together(world: World) -> None:
    def fail(_body: JsonObject, _message: Message) -> None:
        raise ValueError

    batch = [record(order("o-1"), "m-1"), record(order("o-1"), "m-2")]

    assert world.receive(*batch, process=fail) == ["m-1", "m-2"]


def test_item_is_never_deleted_so_that_the_fencing_token_only_rises(world: World) -> None:
    def fail(_body: JsonObject, _message: Message) -> None:
        raise ValueError

    world.receive(record(order("o-1")), process=fail)

    item = world.only_item()
    assert (item.status, item.fence, item.lease) == (Status.RELEASED, 1, items.FREE)


def test_end_of_the_process_is_not_swallowed(world: World) -> None:
    def die(_body: JsonObject, _message: Message) -> None:
        raise Killed

    with pytest.raises(Killed):
        world.receive(record(order("o-1")), process=die)
