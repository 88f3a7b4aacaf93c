"""What one release writes for another: messages, items, references, commands, logs. It runs with any release.

    python wire.py write           prints documents of every kind, as this release writes them
    python wire.py read < FILE     reads documents, and prints what this release sees in each

Which release that is, `PYTHONPATH` decides; the script itself imports nothing of the tests.
"""

# ruff: noqa: T201, SLF001 - a script that prints, and reads what no function of ours makes public

import base64
import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from tsunagu.contracts import groups, items, messages, schedules
from tsunagu.contracts.claims import request_key
from tsunagu.contracts.items import Status
from tsunagu.operations.change_log import ChangeLog
from tsunagu.operations.letters.export import letter_line, read_export
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.preprocessor_client import replay_command, start_command
from tsunagu.runtime.aws import job_leases, parked_groups
from tsunagu.runtime.aws.entries import batch_entry
from tsunagu.runtime.aws.item_attributes import item_attributes, item_or_verdict, to_attribute
from tsunagu.runtime.aws.open_requests import open_request
from tsunagu.runtime.aws.request_records import record_attributes, record_or_verdict
from tsunagu.runtime.claim_check import Inline, Stored, part_from_json
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.parked_groups import GroupWriter, ParkedEntry, ParkedGroup
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.pipeline.commands import command_from_json, with_payload
from tsunagu.runtime.pipeline.envelope import Envelope, attributes_of
from tsunagu.runtime.pipeline.shape import Pipeline, PipelineStep
from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel, DeadLetters
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.relay import addressed_messages
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.sending.outbox import Channel, OutboxMessage, encode
from tsunagu.runtime.sending.publish import OutgoingMessage
from tsunagu.runtime.single_flight.job_message import JobMessage
from tsunagu.testing.fakes import FakeClock, FakeQueue, FakeTopic

try:
    from tsunagu.runtime.sending.attribute import Attribute
except ModuleNotFoundError:  # the last release has it elsewhere
    from tsunagu.runtime.sending.publish import Attribute  # type: ignore[attr-defined]

Documents = dict[str, Any]

NOW = 1_764_374_400_000
HASH = "a" * 64
REQUEST, RUN, BASE = (f"0198c0de-0000-7000-8000-00000000000{number}" for number in (1, 2, 3))
QUEUE_ARN = "arn:aws:sqs:eu-central-1:123456789012:orders.fifo"
QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders.fifo"
TOPIC_ARN = "arn:aws:sns:eu-central-1:123456789012:ship"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
TRACEPARENT = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
PIPELINE = Pipeline(
    "orders",
    (PipelineStep("reserve", ("billing", "inventory"), TOPIC_ARN), PipelineStep("ship", ("shipping",), TOPIC_ARN)),
)
STORED = Stored(key=request_key("orders", REQUEST, RUN), version_id="v1", sha256=HASH, size_bytes=70_000)
LABEL = f"{NOW}.2"
GROUP_ITEM = groups.group_item_id(QUEUE_ARN, "o-1")


def main() -> None:
    """Write or read."""
    if sys.argv[1] == "write":
        print(json.dumps(written()))
    else:
        print(json.dumps(seen(json.load(sys.stdin))))


def written() -> Documents:
    """Return the documents by `<kind>/<which>`; `READERS` has the kinds."""
    kinds: Mapping[str, Mapping[str, Any]] = {
        "item": {name: item_attributes(item) for name, item in _items().items()},
        "record": {name: record_attributes(record) for name, record in _records().items()},
        "delivery": {name: _sqs_record(message) for name, message in _messages().items()},
        "envelope": {name: envelope.to_json() for name, envelope in _envelopes().items()},
        "part": {"inline": Inline({"lines": [1, "ü"]}).to_json(), "stored": STORED.to_json()},
        "command": _commands(),
        "job-message": {"first": _job(0, None), "next": _job(3, {"page": 4})},
        "job-lease": {"held": _lease()},
        "group": _groups(),
        "letter": {"exported": letter_line(_letter(), QUEUE_URL)},
        "told": {"notification": _notification(), **_changes()},
    }
    return {f"{kind}/{name}": document for kind, found in kinds.items() for name, document in found.items()}


def seen(documents: Mapping[str, Any]) -> Documents:
    """Return what this release sees in each document, as JSON; `{"unreadable": why}` for one that it cannot read."""
    return {name: _seen(name, document) for name, document in documents.items()}


def _items() -> dict[str, Item]:
    common: dict[str, Any] = {
        "owner": "worker-1",
        "fence": 7,
        "payload_hash": HASH,
        "request_id": REQUEST,
        "receiver": QUEUE_ARN,
        "updated": NOW,
        "expiration": NOW // 1_000 + 86_400,
    }
    outbox = encode(_outbox())
    return {
        "in-progress": Item(id="k#1", status=Status.INPROGRESS, lease=NOW + 30_000, attempts=2, settled=5, **common),
        "released": Item(id="k#2", status=Status.RELEASED, lease=items.FREE, attempts=1, reason="ValueError", **common),
        "committed": Item(id="k#3", status=Status.COMMITTED, lease=NOW, outbox=outbox, result='{"a":1}', **common),
        "completed": Item(id="k#4", status=Status.COMPLETED, lease=items.NEVER, settled=7, result='{"a":1}', **common),
        "dead": Item(
            id="k#5",
            status=Status.DEAD,
            lease=items.NEVER,
            attempts=5,
            settled=7,
            reason="KeyError: 'iban'",
            published_reason="KeyError",
            message_ids=("m-1", "m-2"),
            told=("m-1",),
            place=groups.entry_id(GROUP_ITEM, LABEL),
            behind=groups.entry_id(GROUP_ITEM, f"{NOW}.1"),
            **common,
        ),
        "new": Item(id="k#6", status=Status.INPROGRESS, owner="worker-1", fence=1, lease=NOW),
    }


def _outbox() -> list[OutboxMessage]:
    return [
        OutboxMessage(channel=Channel.QUEUE, target=QUEUE_URL, body="x", attributes={"a": "b"}, group_id="o-1"),
        OutboxMessage(channel=Channel.TOPIC, target=TOPIC_ARN, body="y", trace_header=TRACE, awaits={"billing": "k#9"}),
        OutboxMessage(channel=Channel.TASK_SUCCESS, target="token", body='{"a":1}'),
        OutboxMessage(channel=Channel.TASK_FAILURE, target="token", body="why", error="JobFailed"),
        OutboxMessage(channel=Channel.OBJECT, target="results/1", body="staged/1"),
        OutboxMessage(channel=Channel.QUEUE, target=QUEUE_URL, body="", is_result=True),
    ]


def _records() -> dict[str, RequestRecord]:
    accepted = Item(
        id="reports:c-1:r-1", status=Status.RELEASED, owner="", fence=0, lease=items.FREE, request_id="r-1", updated=NOW
    )
    common: dict[str, Any] = {"caller": "c-1", "body": '{"month":"2026-10"}', "content_type": "application/json"}
    done = dataclasses.replace(accepted, status=Status.COMPLETED, owner="w", fence=2, lease=items.NEVER, result="{}")
    return {
        "accepted": RequestRecord(
            item=accepted,
            headers={"x-tenant": "t"},
            trace_header=TRACE,
            accepted_ms=NOW,
            partition="1",
            due_ms=NOW,
            **common,
        ),
        "working": RequestRecord(
            item=accepted, accepted_ms=NOW, progress='{"share":0.5}', resends=1, resent_ms=NOW, **common
        ),
        "cancelled": RequestRecord(item=accepted, accepted_ms=NOW, cancelled_ms=NOW + 1, closed_ms=NOW + 2, **common),
        "reopened": RequestRecord(item=done, accepted_ms=NOW, reopened_ms=NOW + 5, **common),
    }


def _messages() -> dict[str, OutgoingMessage]:
    ours = {messages.REQUEST_ID_ATTRIBUTE: REQUEST, messages.HOP_COUNT_ATTRIBUTE: "3"}
    carried: dict[str, Attribute | str] = {
        "tenant": "t",
        "size": Attribute("Number", "4"),
        "raw": Attribute("Binary", b"\0"),
    }
    envelopes = _envelopes()
    of_step = {
        name: OutgoingMessage(body=each.encode(), attributes={**ours, **attributes_of(each, TRACE)}, trace_header=TRACE)
        for name, each in envelopes.items()
    }
    (letter,) = _dead_letters().sent
    redriven: dict[str, Attribute | str] = {
        messages.REDRIVEN_ATTRIBUTE: Attribute("Number", "2"),
        messages.GROUP_PLACE_ATTRIBUTE: LABEL,
    }
    return {
        "plain": OutgoingMessage(body='{"number":"i-1"}', attributes={**carried, "traceparent": TRACEPARENT}),
        "sent-on": OutgoingMessage(
            body="{}", attributes=dict(ours), group_id="o-1", deduplication_id="d", trace_header=TRACE
        ),
        "dead-letter": letter,
        "redriven": OutgoingMessage(
            body="{}",
            attributes={**ours, **redriven},
            group_id="o-1",
            deduplication_id=messages.redrive_deduplication_id("m-1", LABEL),
        ),
        **{f"step-{name}": message for name, message in of_step.items()},
    }


def _envelopes() -> dict[str, Envelope]:
    common: dict[str, Any] = {"request_id": REQUEST, "run_id": RUN, "pipeline": "orders"}
    inline = Inline({"order_id": "o-1"})
    results: dict[str, Inline | Stored] = {"billing": Inline({"paid": True}), "inventory": STORED}
    return {
        "first": Envelope(step="reserve", hop=1, request=inline, **common),
        "joined": Envelope(step="ship", hop=2, request=STORED, results=results, **common),
        "one-service": Envelope(step="reserve", hop=1, request=inline, only="billing", base_run_id=BASE, **common),
        "final": Envelope(step="", hop=3, request=inline, results={"shipping": Inline(None)}, **common),
    }


def _commands() -> Documents:
    later = {"request": {"order_id": "o-1"}, "results": {"billing": 1, "inventory": 2}}
    return {
        "start": start_command({"order_id": "o-1"}, key="o-1"),
        "start-later": start_command(later, from_step="ship"),
        "replay": replay_command(REQUEST, "reserve"),
        "replay-one": replay_command(REQUEST, "reserve", only="billing", payload={"order_id": "o-2"}, key="again"),
        "exact-numbers": {"action": "start", "payload_json": '{"amount":12345678901234567.89}'},
    }


def _job(number: int, checkpoint: object) -> str:
    message = JobMessage(
        job="sync",
        run=9,
        slot="2026-11-28T14:00:00Z",
        execution="arn:aws:states:eu-central-1:123456789012:execution:Sync:1",
        task_token="token",
        slice=number,
        checkpoint=checkpoint,
    )
    return message.to_json()


def _lease() -> Documents:
    """Return the item of a job, as the state machine writes it."""
    texts = {
        items.ID: schedules.job_item_id("sync"),
        schedules.OWNER: "execution",
        schedules.SLOT: "2026-11-28T14:00:00Z",
    }
    numbers = {schedules.RUN: 9, schedules.LEASE: NOW, schedules.SINCE: NOW}
    return {name: to_attribute(value) for name, value in (texts | numbers).items()}


def _groups() -> Documents:
    group = ParkedGroup(id=GROUP_ITEM, group_id="o-1", queue_arn=QUEUE_ARN)
    dead = dataclasses.replace(
        group, line=NOW, tail=3, died=1, died_ms=NOW, died_item_id="k#5", died_message_id="m-1", updated=NOW
    )
    entry = ParkedEntry(
        id=groups.entry_id(GROUP_ITEM, LABEL),
        item_id="k#6",
        message_id="m-2",
        request=REQUEST,
        reason="parked",
        behind=groups.entry_id(GROUP_ITEM, f"{NOW}.1"),
        updated=NOW,
    )
    writes = GroupWriter(table_name="items", window_seconds=86_400).write(group, dead, entry)
    return {name: _written_item(write) for name, write in zip(("item", "entry"), writes, strict=True)}


def _written_item(write: Any) -> Documents:
    """Return the item that an update makes of none."""
    values = {name: write.values[f":{name}"] for name in write.names.values() if f":{name}" in write.values}
    return {name: to_attribute(value) for name, value in {**write.target, **values}.items()}


def _dead_letters() -> Any:
    queue, topic = FakeQueue(), FakeTopic()
    item = dataclasses.replace(_items()["dead"], behind="")
    channel = DeadLetterChannel(queue, topic, QUEUE_ARN)
    channel.send([DeadLetters(item, (_delivery(),))], SimpleNamespace(count_failed_call=print))  # type: ignore[arg-type]
    return SimpleNamespace(sent=queue.sent, published=topic.published)


def _delivery() -> Delivery:
    return Delivery(
        message_id="m-1",
        receipt_handle="h",
        body='{"number":"i-1"}',
        attributes={"tenant": Attribute("String", "t"), "raw": Attribute("Binary", b"\0\xff")},
        group_id="o-1",
        is_fifo=True,
        trace_header=TRACE,
        deduplication_id="d-1",
    )


def _letter() -> DeadLetter:
    return DeadLetter(_delivery(), NOW, QUEUE_ARN)


def _notification() -> Any:
    (published,) = _dead_letters().published
    return published


def _changes() -> Documents:
    """Return the lines of a change that an operator made."""
    lines: list[str] = []
    logs = SimpleNamespace(
        create_log_stream=lambda **_: None,
        put_log_events=lambda **call: lines.append(call["logEvents"][0]["message"]),
    )
    sts = SimpleNamespace(get_caller_identity=lambda: {"Arn": "arn:aws:iam::123456789012:user/ops"})
    aws: Any = SimpleNamespace(logs=logs, sts=sts)
    log = ChangeLog(aws, "dlq redrive", "letters go back", log_group="/aws/lambda/f", stack_name="S", clock=FakeClock())
    log.start()
    log.note(moved=3)
    log.end("ended")
    return {name: json.loads(line) for name, line in zip(("change-started", "change-ended"), lines, strict=True)}


def _sqs_record(message: OutgoingMessage) -> Documents:
    """Return the record of Lambda's event for a message that was sent to a queue."""
    entry = batch_entry(0, message)
    given = entry.get("MessageAttributes", {})
    system: Documents = {"ApproximateReceiveCount": "1", "SentTimestamp": str(NOW)}
    if message.group_id is not None:
        deduplication = {"MessageDeduplicationId": message.deduplication_id, "SequenceNumber": "1"}
        system |= {"MessageGroupId": message.group_id, **(deduplication if message.deduplication_id else {})}
    if message.trace_header:
        system["AWSTraceHeader"] = message.trace_header
    return {
        "messageId": "m-1",
        "receiptHandle": "h",
        "body": message.body,
        "attributes": system,
        "messageAttributes": {name: _record_attribute(value) for name, value in given.items()},
    }


def _record_attribute(value: Mapping[str, Any]) -> Documents:
    if "BinaryValue" in value:
        return {"dataType": value["DataType"], "binaryValue": base64.b64encode(value["BinaryValue"]).decode()}
    return {"dataType": value["DataType"], "stringValue": value["StringValue"]}


def _read_item(document: Any) -> Any:
    item = item_or_verdict(document)
    return item if isinstance(item, Verdict) else (item, addressed_messages(item))


def _read_record(document: Any) -> Any:
    return record_or_verdict(document), open_request(document)


def _read_delivery(document: Any) -> Any:
    delivery = Delivery.from_record(document)
    body = delivery.json_body()
    known = {"request_id": delivery.request_id, "hops": delivery.hop_count, "place": delivery.group_place}
    envelope = Envelope.from_json(body) if "schema_version" in body else None
    return delivery, known, delivery.traceparent, envelope


def _read_group(document: Any) -> Any:
    kind: Any = ParkedGroup if groups.LINE in document else ParkedEntry
    return parked_groups._record(kind, document)


READERS: Mapping[str, Callable[[Any], Any]] = {
    "item": _read_item,
    "record": _read_record,
    "delivery": _read_delivery,
    "envelope": Envelope.from_json,
    "part": lambda document: part_from_json("part", document),
    "command": lambda document: command_from_json(PIPELINE, with_payload(document)),
    "job-message": lambda document: JobMessage.from_json(json.loads(document)),
    "job-lease": job_leases._lease,
    "group": _read_group,
    "letter": lambda document: list(read_export([json.dumps(document)])),
    "told": lambda document: document,  # for people and their tools: the release itself does not read it
}


def _seen(name: str, document: Any) -> Any:
    try:
        return _plain(READERS[name.partition("/")[0]](document))
    except Exception as error:  # noqa: BLE001 - whatever it is, this release cannot read the document
        return {"unreadable": f"{type(error).__name__}: {error}"}


def _plain(value: Any) -> Any:
    """Return a value as JSON: dataclasses and named tuples by their fields."""
    if isinstance(value, Verdict):
        raise TypeError(value.unreadable)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value) if each.compare}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, str | int | float | bool | None):
        return value
    return [_plain(each) for each in value] if isinstance(value, Sequence) else str(value)


if __name__ == "__main__":
    main()
