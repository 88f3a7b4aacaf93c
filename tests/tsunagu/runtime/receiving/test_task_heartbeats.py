"""Heartbeats for Step Functions tasks: they keep a task waiting, and show when no task waits any more."""

import pytest

from tests.tsunagu.runtime.world import Process, World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import LONGEST_DELAY_SECONDS, LeaseLostError, UnavailableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.testing.fakes import DENIED

LEASE_SECONDS = 3
LONGEST_INVOCATION_SECONDS = 15 * 60
LONGEST_BATCHING_WINDOW_SECONDS = 5 * 60
LONGEST_VISIBILITY_SECONDS = 12 * 60 * 60


@pytest.fixture
def world() -> World:
    return World()


def task(key: str, token: str) -> JsonObject:
    return order(key, token=token)


def beating(world: World) -> Process:
    def beat(body: JsonObject, message: Message) -> None:
        message.heartbeat(task_token=body["token"])
        world.work(body, message)

    return beat


def test_task_gets_a_heartbeat_where_the_lease_is_as_long_as_the_invocation(world: World) -> None:
    assert world.receive(record(task("o-1", "t-1")), process=beating(world)) == []

    assert (world.tasks.heard, world.store.calls) == (["t-1"], ["insert", "transact"])


def test_heartbeat_extends_the_lease_hides_the_message_and_reaches_the_task(world: World) -> None:
    world.lease_seconds = LEASE_SECONDS
    ends: list[int] = []

    def beat(body: JsonObject, message: Message) -> None:
        world.clock.ms += 2_000
        world.visibility.changed.clear()
        message.heartbeat(task_token=body["token"])
        ends.append(world.only_item().lease - world.clock.ms)

    assert world.receive(record(task("o-1", "t-1")), process=beat) == []
    assert (ends, world.visibility.changed, world.tasks.heard) == ([5_000], {"handle-m-1": 5}, ["t-1"])


def test_heartbeat_without_a_token_reaches_no_task(world: World) -> None:
    world.receive(record(order("o-1")), process=lambda _body, message: message.heartbeat())

    assert world.tasks.heard == []


def test_task_that_does_not_wait_dead_letters_its_message_without_an_effect_and_frees_its_group(world: World) -> None:
    world.tasks.lost = {"spent"}
    batch = [record(task("a", "spent"), "a", group="g"), record(task("b", "t-1"), "b", group="g")]

    assert world.receive(*batch, process=beating(world)) == []

    (letter,) = world.topic.published[0]["dead_letters"]
    assert (letter["message_id"], letter["reason"]) == ("a", "task spent does not wait")
    assert (world.effects(), sorted(world.statuses())) == (["b"], [Status.COMPLETED, Status.DEAD])


def test_task_that_is_started_again_under_the_same_key_takes_effect(world: World) -> None:
    world.tasks.lost = {"spent"}
    world.receive(record(task("o-1", "spent")), process=beating(world))

    assert world.receive(record(task("o-1", "t-2"), "m-2"), process=beating(world)) == []
    assert (world.effects(), world.tasks.heard) == (["o-1"], ["t-2"])


def test_effect_stands_when_the_task_is_lost_after_the_commit(world: World) -> None:
    world.tasks.lost = {"spent"}

    def late(body: JsonObject, message: Message) -> None:
        world.work(body, message)
        message.heartbeat(task_token=body["token"])

    assert world.receive(record(task("o-1", "spent")), process=late) == []
    assert (world.effects(), world.dead_letter_queue.sent) == (["o-1"], [])


def test_heartbeat_without_an_answer_is_not_an_attempt_and_the_message_is_delivered_again(world: World) -> None:
    world.tasks.broken = True

    assert world.receive(record(task("o-1", "t-1")), process=beating(world)) == ["m-1"]
    assert (world.only_item().status, world.only_item().attempts) == (Status.RELEASED, 0)

    world.tasks.broken = False
    assert world.receive(record(task("o-1", "t-1")), process=beating(world)) == []
    assert world.effects() == ["o-1"]


def test_lease_is_extended_even_if_step_functions_does_not_answer(world: World) -> None:
    world.lease_seconds = LEASE_SECONDS
    world.tasks.broken = True
    rivals: list[list[str]] = []

    def persist(body: JsonObject, message: Message) -> None:
        world.clock.ms += 4_000
        with pytest.raises(UnavailableError):
            message.heartbeat(task_token=body["token"])
        world.clock.ms += 4_000
        rivals.append(world.receive(record(body, "m-2")))
        world.work(body, message)

    assert world.receive(record(task("o-1", "t-1")), process=persist) == []
    assert (rivals, world.effects()) == ([["m-2"]], ["o-1"])


@pytest.mark.parametrize(("fault", "got"), [("unavailable", "no answer"), ("denied", str(DENIED))])
def test_lease_that_is_not_extended_says_what_failed(world: World, fault: str, got: str) -> None:
    world.lease_seconds = LEASE_SECONDS
    world.store.plan("update", fault)
    errors: list[UnavailableError] = []

    def beat(_body: JsonObject, message: Message) -> None:
        with pytest.raises(UnavailableError) as caught:
            message.heartbeat()
        errors.append(caught.value)

    world.receive(record(order("o-1")), process=beat)

    (error,) = errors
    assert str(error) == f"DynamoDB must extend the lease, got {got}"
    assert error.call == (DENIED if fault == "denied" else None)


def test_long_lease_hides_its_message_until_its_end_to_the_second(world: World) -> None:
    world.lease_seconds = 800

    world.receive(record(order("o-1")), process=lambda _body, message: message.heartbeat(), remaining_ms=900_000)

    assert world.visibility.changed == {"handle-m-1": 800 + 2}  # the lease, and the grace


def test_message_whose_invocation_is_over_is_hidden_for_a_second_at_least(world: World) -> None:
    world.lease_seconds = LEASE_SECONDS

    def beat(_body: JsonObject, message: Message) -> None:
        world.clock.ms += 11_999  # the invocation and its grace, but for a millisecond
        message.heartbeat()

    world.receive(record(order("o-1")), process=beat)

    assert world.visibility.changed == {"handle-m-1": 1}


def test_late_worker_sends_no_heartbeat(world: World) -> None:
    world.lease_seconds = LEASE_SECONDS

    def late(body: JsonObject, message: Message) -> None:
        world.clock.ms += 6_000
        world.receive(record(body, "m-2"))
        with pytest.raises(LeaseLostError):
            message.heartbeat(task_token=body["token"])

    world.receive(record(task("o-1", "t-1")), process=late)

    assert world.tasks.heard == []


def test_late_worker_whose_lease_was_the_invocation_sends_a_heartbeat_and_commits_nothing(world: World) -> None:
    def late(body: JsonObject, message: Message) -> None:
        world.clock.ms += 1_000_000
        world.receive(record(body, "m-2"))
        message.heartbeat(task_token=body["token"])
        world.work(body, message)

    assert world.receive(record(task("o-1", "t-1")), process=late) == ["m-1"]
    assert (world.effects(), world.tasks.heard) == (["o-1"], ["t-1"])


def test_heartbeats_hide_a_message_until_the_end_of_its_invocation_at_most(world: World) -> None:
    world.lease_seconds = 8

    def beat(_body: JsonObject, message: Message) -> None:
        world.clock.ms += 7_000
        message.heartbeat()

    world.receive(record(order("o-1")), process=beat)

    assert world.visibility.changed == {"handle-m-1": 3 + 2}  # what is left of the invocation, and the grace


def test_longest_delay_ends_within_twelve_hours_of_the_earliest_receive() -> None:
    latest = LONGEST_BATCHING_WINDOW_SECONDS + LONGEST_INVOCATION_SECONDS + LONGEST_DELAY_SECONDS

    assert latest <= LONGEST_VISIBILITY_SECONDS
