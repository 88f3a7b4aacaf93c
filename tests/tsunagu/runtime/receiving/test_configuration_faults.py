"""Faults that no retry mends: they are loud, cost no attempt, and the message goes on once they are mended."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.tsunagu.runtime.receiving.processes import beat, collect, commit, fail, nothing, refuse, send_on
from tests.tsunagu.runtime.world import MAX_ATTEMPTS, Process, World, order, record
from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import LogKey
from tsunagu.runtime.errors import FailedCall, RetryableError, UnavailableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import SEND_ROUNDS
from tsunagu.testing.fakes import DENIED

MISSING = FailedCall("sqs:SendMessage", "next", "QueueDoesNotExist", is_configuration_fault=True, is_missing=True)
OUTAGE = FailedCall("dynamodb:PutItem", "effects", "ThrottlingException")

Break = Callable[[World], object]


@pytest.fixture
def world() -> World:
    return World()


def fail_later(_body: JsonObject, _message: Message) -> None:
    msg = "later"
    raise RetryableError(msg, after_seconds=5)


def deny(operation: str, *, after: int = 0) -> Break:
    return lambda world: world.store.plan(operation, *[""] * after, "denied")


def break_port(name: str) -> Break:
    return lambda world: setattr(getattr(world, name), "fault", DENIED)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is denied, and the business function whose message is affected.

    Attributes:
        breaks: Takes a permission away.
        process: What the message runs.
        event: The log line that names the call; the adapter of the store, which is a fake here, writes those left out.
        has_failed: Whether the message failed once before.
    """

    breaks: Break
    process: Process = nothing
    event: str = ""
    has_failed: bool = False


FAULTS = {
    "claim": Fault(deny("insert")),
    "look at an item that exists": Fault(deny("read"), has_failed=True),
    "take-over": Fault(deny("update"), has_failed=True),
    "start of a suspect": Fault(deny("update", after=1), has_failed=True),
    "completion": Fault(deny("update"), event="outcome not written"),
    "transaction": Fault(deny("transact"), commit, "message deferred"),
    "writes without a transaction": Fault(deny("transact"), collect, "message deferred"),
    "heartbeat of a lease": Fault(deny("update"), beat, "message deferred"),
    "heartbeat of a task": Fault(break_port("tasks"), beat, "message deferred"),
    "outbox": Fault(break_port("outbox"), send_on, "outbox not sent"),
    "mark of what was sent": Fault(deny("update", after=1), send_on),
    "dead-letter queue": Fault(break_port("dead_letter_queue"), refuse, "dead letter not sent"),
    "notification": Fault(break_port("topic"), refuse, "dead letters not notified"),
    "mark of what was notified": Fault(deny("update", after=1), refuse, "dead letter not marked"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fault_is_counted_and_logged_with_the_call_and_its_message_comes_back(
    world: World, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    if fault.has_failed:
        world.receive(record(order("o-1")), process=fail)
    world.lease_seconds = 3
    fault.breaks(world)

    assert world.receive(record(order("o-1")), process=fault.process) == ["m-1"]
    assert (world.counted()["ConfigurationFaults"], world.counted()["CallsFailed"]) == (1, 1)
    if fault.event:
        (line,) = [line for line in caplog.records if line.message == fault.event]
        assert {name: getattr(line, name) for name in (LogKey.OPERATION, LogKey.RESOURCE, LogKey.ERROR_CODE)} == {
            "operation": DENIED.operation,
            "resource": DENIED.resource,
            "error_code": DENIED.code,
        }


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_message_that_was_delivered_often_waits_longer_for_a_fault_to_be_mended(world: World, fault: Fault) -> None:
    delivery = record(order("o-1"))
    delivery["attributes"]["ApproximateReceiveCount"] = "900"
    if fault.has_failed:
        world.receive(delivery, process=fail)
    world.lease_seconds = 3
    fault.breaks(world)

    world.receive(delivery, process=fault.process)

    assert world.visibility.changed == {"handle-m-1": 900}


@pytest.mark.parametrize("lease_seconds", [None, 3])
def test_visibility_that_may_not_be_changed_is_loud(
    world: World, lease_seconds: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    world.visibility.fault, world.lease_seconds = DENIED, lease_seconds

    world.receive(record(order("o-1")), process=nothing if lease_seconds else fail_later)

    assert world.counted()["ConfigurationFaults"] == 1
    (line,) = [line for line in caplog.records if line.message == "visibility not changed"]
    assert getattr(line, LogKey.OPERATION) == DENIED.operation


def test_throttled_call_is_no_configuration_fault(world: World) -> None:
    world.tasks.fault = OUTAGE

    world.receive(record(order("o-1")), process=beat)

    assert "ConfigurationFaults" not in world.counted()
    assert world.counted()["CallsFailed"] == 1


def test_message_waits_with_the_reason_and_without_an_attempt_until_the_permission_is_there(world: World) -> None:
    world.store.plan("transact", *["denied"] * 3 * MAX_ATTEMPTS)
    for _ in range(3 * MAX_ATTEMPTS):
        assert world.receive(record(order("o-1"))) == ["m-1"]
        item = world.only_item()
        assert (item.status, item.attempts) == (Status.RELEASED, 0)
        assert "dynamodb:PutItem on effects: AccessDeniedException" in item.reason

    assert (world.receive(record(order("o-1"))), world.effects()) == ([], ["o-1"])
    assert world.dead_letter_queue.sent == []


def test_suspect_whose_start_is_denied_keeps_its_attempts_and_says_why(world: World) -> None:
    world.receive(record(order("o-1")), process=fail)
    deny("update", after=1)(world)

    world.receive(record(order("o-1")))

    assert (world.only_item().attempts, world.only_item().reason) == (1, str(DENIED))


def test_outbox_that_may_not_be_sent_waits_without_counting_rounds_until_it_may(world: World) -> None:
    world.outbox.fault = DENIED
    for _ in range(2 * SEND_ROUNDS):
        assert world.receive(record(order("o-1")), process=send_on) == ["m-1"]
        world.pass_lease()

    item = world.only_item()
    assert (item.status, item.send_rounds, item.reason) == (Status.COMMITTED, 0, str(DENIED))
    assert world.visibility.changed == {}
    world.outbox.fault = None
    assert world.receive(record(order("o-1")), process=send_on) == []
    assert (world.statuses(), world.dead_letter_queue.sent) == ([Status.COMPLETED], [])


def test_outbox_to_a_target_that_does_not_exist_is_dead_lettered_after_its_rounds(world: World) -> None:
    world.outbox.fault = MISSING
    for _ in range(SEND_ROUNDS - 1):
        assert world.receive(record(order("o-1")), process=send_on) == ["m-1"]
        world.pass_lease()

    assert world.receive(record(order("o-1")), process=send_on) == []
    reason = str(world.dead_letter_queue.sent[0].attributes["tsunagu_dead_letter_reason"])
    assert reason.startswith(f"done, but its messages were refused {SEND_ROUNDS} times, the last with ")
    assert world.counted()["ConfigurationFaults"] == SEND_ROUNDS


def test_one_send_that_fails_otherwise_counts_the_round(world: World) -> None:
    def send_both(_body: JsonObject, message: Message) -> None:
        message.outbox.send("https://sqs/next", "x")
        message.outbox.send("https://sqs/next", "never")  # refused for good; the other one may succeed

    world.outbox.broken = True

    world.receive(record(order("o-1")), process=send_both)

    assert world.only_item().send_rounds == 1


def test_handler_that_names_its_own_dependency_is_no_configuration_fault(world: World) -> None:
    def process(_body: JsonObject, _message: Message) -> None:
        msg = "the price service answers 503"
        raise UnavailableError(msg)

    world.receive(record(order("o-1")), process=process)

    assert "ConfigurationFaults" not in world.counted()
