"""Telemetry of outcomes: the log of an invocation, line by line with levels and fields, and its counts."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.tsunagu.runtime.receiving.processes import beat, commit, fail, nothing, refuse, send_on
from tests.tsunagu.runtime.world import Process, World, order, record
from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import LogKey
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id, payload_hash, unreadable_item_id
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.telemetry import AllowListFilter
from tsunagu.testing.fakes import DENIED

Line = tuple[str, str, dict[str, object]]

ITEM_ID = item_id("orders", "o-1")
IDS: dict[str, object] = {"request_id": "r-1", "message_id": "m-1", "item_id": ITEM_ID}
CALL = {"operation": DENIED.operation, "resource": DENIED.resource, "error_code": DENIED.code}
PROCESSED: Line = ("INFO", "message processed", {**IDS, "fencing_token": 1, "attempts": 1})
HERE = "test_outcomes_in_telemetry.py"


def settled(record_count: int, returned_count: int) -> Line:
    return ("INFO", "batch settled", {"record_count": record_count, "returned_count": returned_count})


def of_error(name: str, place: str) -> dict[str, object]:
    return {"error_type": name, "error_location": place}


def of_message(event: str, **fields: object) -> Line:
    return ("WARNING", event, {**IDS, "record_count": 1, **fields})


def failed(name: str = "ValueError", place: str = "processes.py", attempts: int = 1) -> Line:
    return ("WARNING", "attempt failed", {**IDS, "attempts": attempts, **of_error(name, place)})


class OddError(Exception):
    """An error that the adapters do not know."""


def raising(*_arguments: object) -> Any:
    raise OddError


def logged(
    caplog: pytest.LogCaptureFixture, world: World, *records: dict[str, Any], process: Process
) -> Sequence[Line]:
    """Hand over a batch; return level, text and fields of its log lines. Of places, the file alone."""
    caplog.handler.addFilter(AllowListFilter("orders"))
    with caplog.at_level(logging.INFO):
        world.receive(*records, process=process)
    return [(line.levelname, line.message, _fields(line)) for line in caplog.records]


def _fields(line: logging.LogRecord) -> dict[str, object]:
    fields = {str(key): vars(line)[key] for key in LogKey if key in vars(line) and key is not LogKey.SERVICE}
    if LogKey.ERROR_LOCATION in fields:
        fields[LogKey.ERROR_LOCATION] = str(fields[LogKey.ERROR_LOCATION]).partition(":")[0]
    return fields


def plan(operation: str, *faults: str) -> Callable[[World], object]:
    return lambda world: world.store.plan(operation, *faults)


def deny(port: str) -> Callable[[World], object]:
    return lambda world: setattr(getattr(world, port), "fault", DENIED)


def make_raise(port: str, method: str) -> Callable[[World], object]:
    return lambda world: setattr(getattr(world, port), method, raising)


def held_by_another_receiver(world: World) -> None:
    item = Item(id=ITEM_ID, status=Status.COMPLETED, owner="w", fence=1, lease=0, receiver="theirs", expiration=10**10)
    world.store.items[ITEM_ID] = item
    world.keys_of = "mine"


def unreadable(world: World) -> None:
    world.store.items[ITEM_ID] = Verdict(Outcome.UNREADABLE, unreadable="odd")  # type: ignore[assignment]


def fail_after_the_commit(body: JsonObject, message: Message) -> None:
    commit(body, message)
    raise ValueError


FAULT = {"CallsFailed": 1, "ConfigurationFaults": 1, "MessagesReturned": 1}
BESIDE_ID = unreadable_item_id(ITEM_ID, payload_hash(order("o-1")))
KEY_OF_ANOTHER = (
    "the key belongs to another receiver of the table, so the message was not processed: "
    "give each its own table, or shared keys to both"
)

INVOCATIONS: dict[str, tuple[Callable[[World], object], Process, list[Line]]] = {
    "success": (lambda _: None, nothing, [PROCESSED, settled(1, 0)]),
    "failed attempt": (lambda _: None, fail, [failed(), settled(1, 1)]),
    "invalid message": (
        lambda _: None,
        refuse,
        [failed("PermanentError"), of_message("message dead-lettered"), settled(1, 0)],
    ),
    "outage of a service that the message needs": (
        deny("tasks"),
        beat,
        [
            (
                "WARNING",
                "message deferred",
                {**IDS, "attempts": 0, **of_error("UnavailableError", "sending.py"), **CALL},
            ),
            settled(1, 1),
        ],
    ),
    "outcome that is not written": (
        plan("update", "denied"),
        nothing,
        [of_message("outcome not written", **CALL), settled(1, 1)],
    ),
    "call to the table that raises": (
        make_raise("store", "insert"),
        nothing,
        [("ERROR", "call failed", of_error("OddError", HERE)), settled(1, 1)],
    ),
    "item that cannot be read": (
        unreadable,
        nothing,
        [
            ("ERROR", "item not readable", IDS),
            (
                "WARNING",
                "attempt failed",
                {**IDS, "item_id": BESIDE_ID, "attempts": 1, **of_error("RetryableError", "unknown")},
            ),
            settled(1, 1),
        ],
    ),
    "key of another receiver": (
        held_by_another_receiver,
        nothing,
        [("ERROR", KEY_OF_ANOTHER, {**IDS, "receiver": "theirs"}), settled(1, 1)],
    ),
    "failure after the commit": (
        lambda _: None,
        fail_after_the_commit,
        [("ERROR", "failed after the commit", {**IDS, **of_error("ValueError", HERE)}), PROCESSED, settled(1, 0)],
    ),
    "outbox that may not be sent": (
        deny("outbox"),
        send_on,
        [PROCESSED, of_message("outbox not sent", **CALL), settled(1, 1)],
    ),
    "outbox whose send raises": (
        make_raise("outbox", "send"),
        send_on,
        [
            PROCESSED,
            ("ERROR", "outbox not sent", of_error("OddError", HERE)),
            of_message("outbox not sent"),
            settled(1, 1),
        ],
    ),
    "dead letter that may not be sent": (
        deny("dead_letter_queue"),
        refuse,
        [
            failed("PermanentError"),
            ("ERROR", "dead letter not sent", {**IDS, "error_type": "ServiceUnavailable", **CALL}),
            settled(1, 1),
        ],
    ),
    "dead letter whose send raises": (
        make_raise("dead_letter_queue", "send"),
        refuse,
        [
            failed("PermanentError"),
            ("ERROR", "dead letter not sent", {**IDS, "error_type": "OddError"}),
            settled(1, 1),
        ],
    ),
    "dead letter that SNS is not notified of": (
        deny("topic"),
        refuse,
        [
            failed("PermanentError"),
            ("ERROR", "dead letters not notified", {**of_error("UnavailableError", "sending.py"), **CALL}),
            settled(1, 1),
        ],
    ),
    "dead letter that is not marked": (
        plan("update", "", "denied"),
        refuse,
        [failed("PermanentError"), of_message("dead letter not marked", **CALL), settled(1, 1)],
    ),
    "visibility that may not be changed": (
        deny("visibility"),
        fail,
        [failed(), ("WARNING", "visibility not changed", {**CALL}), settled(1, 1)],
    ),
    "change of visibility that raises": (
        make_raise("visibility", "change"),
        fail,
        [failed(), ("WARNING", "visibility not changed", of_error("OddError", HERE)), settled(1, 1)],
    ),
}


COUNTS = {
    "success": {"MessagesProcessed": 1},
    "failed attempt": {"AttemptsFailed": 1, "MessagesReturned": 1},
    "invalid message": {"MessagesDeadLettered": 1},
    "outage of a service that the message needs": FAULT,
    "outcome that is not written": FAULT,
    "call to the table that raises": {"CallsFailed": 1, "MessagesReturned": 1},
    "item that cannot be read": {"AttemptsFailed": 1, "MessagesReturned": 1},
    "key of another receiver": {"KeysMixedUp": 1, "ConfigurationFaults": 1, "MessagesReturned": 1},
    "failure after the commit": {"FailuresAfterCommit": 1, "MessagesProcessed": 1},
    "outbox that may not be sent": {"MessagesProcessed": 1, **FAULT},
    "outbox whose send raises": {"MessagesProcessed": 1, "CallsFailed": 1, "MessagesReturned": 1},
    "dead letter that may not be sent": FAULT,
    "dead letter whose send raises": {"CallsFailed": 1, "MessagesReturned": 1},
    "dead letter that SNS is not notified of": FAULT,
    "dead letter that is not marked": FAULT,
    "visibility that may not be changed": {"AttemptsFailed": 1, "ConfigurationFaults": 1, "MessagesReturned": 1},
    "change of visibility that raises": {"AttemptsFailed": 1, "MessagesReturned": 1},
}


@pytest.mark.parametrize("name", INVOCATIONS)
def test_log_and_counts_of_an_invocation_say_what_became_of_its_message(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    arrange, process, lines = INVOCATIONS[name]
    world = World()
    arrange(world)

    message = record(order("o-1"), attributes={"tsunagu_request_id": "r-1"})

    assert logged(caplog, world, message, process=process) == lines
    assert {metric: number for metric, number in world.counted().items() if number} == COUNTS[name]


def test_lost_lease_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    def lose(_body: JsonObject, _message: Message) -> None:
        world.store.items[ITEM_ID] = replace(world.only_item(), owner="successor")

    message = record(order("o-1"), attributes={"tsunagu_request_id": "r-1"})

    assert logged(caplog, world, message, process=lose) == [of_message("lease lost"), settled(1, 1)]
    assert world.counted() == {"LeasesLost": 1, "MessagesReturned": 1}


def test_records_of_one_message_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    copies = [record(order("o-1"), name, attributes={"tsunagu_request_id": "r-1"}) for name in ("m-1", "m-2")]

    world = World()

    lines = logged(caplog, world, *copies, record(order("o-2"), "m-3"), process=refuse)

    counts = [fields["record_count"] for _, text, fields in lines if text == "message dead-lettered"]
    assert (counts, lines[-1]) == ([2, 1], settled(3, 0))
    assert world.counted() == {"MessagesDeadLettered": 3}


def test_each_returned_record_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    lines = logged(caplog, world, record(order("o-1")), record(order("o-2"), "m-2"), process=fail)

    assert lines[-1] == settled(2, 2)
    assert world.counted() == {"AttemptsFailed": 2, "MessagesReturned": 2}


def test_each_message_of_an_outbox_is_counted() -> None:
    world = World()

    def send_two(_body: JsonObject, message: Message) -> None:
        message.outbox.send("https://sqs/next", "one")
        message.outbox.send("https://sqs/next", "two")

    world.receive(record(order("o-1")), record(order("o-2"), "m-2"), process=send_two)

    assert world.counted() == {"MessagesProcessed": 2, "MessagesSent": 4}


def test_each_record_of_a_duplicate_is_counted() -> None:
    world = World()
    world.receive(record(order("o-1")))

    world.receive(record(order("o-1"), "m-2"), record(order("o-1"), "m-3"))

    assert world.counted() == {"MessagesProcessed": 1, "DuplicatesSkipped": 2}
