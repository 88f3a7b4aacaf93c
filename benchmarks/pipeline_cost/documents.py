"""What a pipeline sends and keeps, made by the runtime's own code, so that sizes are counted and not guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.cost.billing import item_bytes
from benchmarks.pipeline_cost.flow import Flow
from tsunagu.contracts import claims, items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.pipeline import run_partition_of
from tsunagu.runtime.aws.item_attributes import item_attributes, to_attribute
from tsunagu.runtime.claim_check import Inline, Part, Stored
from tsunagu.runtime.idempotency.item import Attributes, Item
from tsunagu.runtime.idempotency.keys import item_id
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.json_text import json_text
from tsunagu.runtime.pipeline.envelope import Envelope, attributes_of
from tsunagu.runtime.pipeline.join import onward_text
from tsunagu.runtime.pipeline.shape import service_item_ids, start_key, start_scope
from tsunagu.runtime.sending.outbox import Outbox, OutboxMessage, encode
from tsunagu.runtime.sending.publish import OutgoingMessage

PIPELINE = "orders"
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:tsunagu-prod-orders-ShipTopic-0123456789AB"
# Of an invocation's X-Ray header: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
TRACE_HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
_ID = "0190a6f0-5c1e-7d3b-8a4f-0123456789ab"
_OWNER = "5e" * 16
_SHA256 = "5e" * 32
_VERSION_ID = "v" * 32
_NOW_MS = 1_780_123_456_789
_LINE = {"sku": "sku-000001", "quantity": 1, "unit_price": 1_999}

_Stored = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ItemSizes:
    """Bytes of an idempotency item in the states that it goes through."""

    claimed: int
    committed: int
    completed: int


def payload(size_bytes: int) -> dict[str, Any]:
    """Return an order, or a result, whose JSON has that many bytes.

    Raises:
        ValueError: It has fewer bytes than an empty order.
    """
    empty: dict[str, Any] = {"lines": [], "note": ""}
    least, line = len(json_text(empty)), len(json_text(_LINE)) + 1
    if size_bytes < least:
        msg = f"a payload must have at least {least} bytes, got {size_bytes}"
        raise ValueError(msg)
    lines = (size_bytes - least) // line
    order = {"lines": [_LINE] * lines, "note": ""}
    return {**order, "note": "-" * (size_bytes - len(json_text(order)))}


def message_bytes(flow: Flow, hop: int) -> int:
    """Return the size of the message to the topic of step `hop`, from 0.

    After the last step it is the message to the completion topic.

    Raises:
        ValueError: SNS takes no message of that size.
    """
    envelope = envelope_of(flow, hop)
    (message,) = _outbox(envelope, envelope.encode())
    return OutgoingMessage(body=message.body, attributes=message.attributes).size_bytes


def start_item(flow: Flow) -> ItemSizes:
    """Return the sizes of the item of a start: it keeps its envelope as its result, to which its outbox refers."""
    envelope = envelope_of(flow, 0)
    record_id = item_id(start_scope(PIPELINE), start_key(idempotency_key=None, run_id=envelope.run_id))
    mark: Attributes = {requests.OPEN: run_partition_of(PIPELINE, record_id), requests.DUE: _NOW_MS}
    return _sizes(record_id, envelope.encode(), _outbox(envelope, None), mark)


def service_item(flow: Flow, step: int, service: str) -> ItemSizes:
    """Return the sizes of the item of a service: it keeps its result and, until it is sent, what the message awaits.

    The message itself is made when it is sent, of the one in hand and the results of all services of the step.
    """
    envelope, stage = envelope_of(flow, step), flow.steps[step]
    awaits = service_item_ids(PIPELINE, stage.name, stage.services, run_id=envelope.run_id)
    onward = envelope.onward(_step_name(flow, step + 1), {})
    result = json_text(_results(flow, step)[service].to_json())
    return _sizes(awaits[service], result, _outbox(onward, onward_text(onward.step), awaits))


def _sizes(record_id: str, result: str, outbox: Sequence[OutboxMessage], mark: Attributes | None = None) -> ItemSizes:
    item = Item(
        id=record_id,
        status=Status.INPROGRESS,
        owner=_OWNER,
        fence=1,
        lease=_NOW_MS,
        payload_hash=_SHA256,
        request_id=_ID,
        updated=_NOW_MS,
        expiration=_NOW_MS // 1_000,
    )
    kept: Attributes = {items.RESULT: result, items.OUTBOX: encode(outbox), items.ATTEMPTS: 0}
    claimed = item_attributes(item)
    committed = _changed(claimed, {**Claim(item=item).settle(Status.COMMITTED, kept).values, **(mark or {})})
    completed = _changed(committed, {items.STATUS: Status.COMPLETED, items.LEASE: items.NEVER, items.OUTBOX: ""})
    return ItemSizes(*map(item_bytes, (claimed, committed, completed)))


def _changed(attributes: _Stored, values: Attributes) -> _Stored:
    return {**attributes, **{name: to_attribute(value) for name, value in values.items()}}


def _outbox(envelope: Envelope, body: str | None, awaits: Mapping[str, str] | None = None) -> Sequence[OutboxMessage]:
    outbox = Outbox(envelope.request_id, TRACE_HEADER)
    outbox.publish(TOPIC_ARN, body, attributes=attributes_of(envelope, TRACE_HEADER), awaits=awaits)
    return outbox.seal()


def envelope_of(flow: Flow, hop: int) -> Envelope:
    """Return the envelope of the message to the topic of step `hop`, from 0; after the last step, to the last topic."""
    if hop:
        return envelope_of(flow, hop - 1).onward(_step_name(flow, hop), _results(flow, hop - 1))
    return Envelope(
        request_id=_ID,
        run_id=_ID,
        pipeline=PIPELINE,
        step=_step_name(flow, 0),
        hop=1,
        request=_part(flow, flow.request_bytes, claims.request_key(PIPELINE, _ID, _ID)),
    )


def _step_name(flow: Flow, hop: int) -> str:
    return flow.steps[hop].name if hop < len(flow.steps) else ""


def _results(flow: Flow, step: int) -> Mapping[str, Part]:
    stage = flow.steps[step]
    keys = {
        service: claims.result_key(PIPELINE, _ID, _ID, step=stage.name, service=service, fencing_token=1)
        for service in stage.services
    }
    return {service: _part(flow, flow.result_bytes, key) for service, key in keys.items()}


def _part(flow: Flow, size_bytes: int, key: str) -> Part:
    if flow.has_inline(size_bytes):
        return Inline(payload(size_bytes))
    return Stored(key=key, version_id=_VERSION_ID, sha256=_SHA256, size_bytes=size_bytes)
