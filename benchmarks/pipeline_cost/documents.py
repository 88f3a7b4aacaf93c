"""What a pipeline sends and keeps, made with the runtime's own records, so that sizes are counted and not guessed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.pipeline_cost.flow import Flow
from lambdas.contracts import claims
from lambdas.contracts.messages import REQUEST_ID_ATTRIBUTE, SCHEMA_VERSION, SCHEMA_VERSION_ATTRIBUTE, SNS_MESSAGE_BYTES
from lambdas.contracts.pipeline import TRACE_CONTEXT_ATTRIBUTE
from lambdas.contracts.records import NEVER, Status
from lambdas.runtime.aws.dynamodb import item_attributes
from lambdas.runtime.lease import Item
from lambdas.runtime.outbox import Channel, Outgoing, encode
from lambdas.runtime.publish import OutgoingMessage

_PIPELINE = "orders"
_ID = "0190a6f0-5c1e-7d3b-8a4f-0123456789ab"
_SHA256 = "5e" * 32
_VERSION_ID = "v" * 32
_TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:tsunagu-prod-orders-ShipTopic-0123456789AB"
_NOW_MS = 1_780_000_000_000
_ATTRIBUTES = {
    REQUEST_ID_ATTRIBUTE: _ID,
    SCHEMA_VERSION_ATTRIBUTE: str(SCHEMA_VERSION),
    TRACE_CONTEXT_ATTRIBUTE: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
_LINE = {"sku": "sku-000001", "quantity": 1, "unit_price": 1_999}


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
    least, line = len(_text(empty)), len(_text(_LINE)) + 1
    if size_bytes < least:
        msg = f"a payload must have at least {least} bytes, got {size_bytes}"
        raise ValueError(msg)
    lines = (size_bytes - least) // line
    order = {"lines": [_LINE] * lines, "note": ""}
    return {**order, "note": "-" * (size_bytes - len(_text(order)))}


def message_bytes(flow: Flow, hop: int) -> int:
    """Return the size of the message to the topic of step `hop`, from 0; after the last step it is the notifier's.

    Raises:
        ValueError: SNS takes no message of that size.
    """
    size = OutgoingMessage(body=_text(_envelope(flow, hop)), attributes=_ATTRIBUTES).size_bytes
    if size > SNS_MESSAGE_BYTES:
        msg = f"a message must have at most {SNS_MESSAGE_BYTES:,} bytes for SNS, got {size:,} with all that is inline"
        raise ValueError(msg)
    return size


def start_item(flow: Flow) -> ItemSizes:
    """Return the sizes of the item of a start: it keeps the envelope that it publishes."""
    envelope = _text(_envelope(flow, 0))
    return _sizes(f"{_PIPELINE}.start#{_SHA256}", result=envelope, body=envelope)


def service_item(flow: Flow, step: int, service: str) -> ItemSizes:
    """Return the sizes of the item of a service: it keeps its result and, until it is sent, what it sends on.

    A service alone sends the whole envelope of the next step. One of several sends it without results: whoever is last
    reads them from the items that are awaited.
    """
    siblings = flow.steps[step].services
    body = _envelope(flow, step + 1)
    if len(siblings) > 1:
        body |= {"results": {}, "awaits": [_item_id(flow, step, sibling) for sibling in siblings]}
    result = _text(_results(flow, step)[service])
    return _sizes(_item_id(flow, step, service), result=result, body=_text(body))


def _sizes(item_id: str, *, result: str, body: str) -> ItemSizes:
    claimed = Item(
        id=item_id,
        status=Status.INPROGRESS,
        owner=_ID,
        fence=1,
        lease=_NOW_MS,
        payload_hash=_SHA256,
        request_id=_ID,
        updated=_NOW_MS,
        expiration=_NOW_MS // 1_000,
    )
    outgoing = Outgoing(channel=Channel.TOPIC, target=_TOPIC_ARN, body=body, attributes=_ATTRIBUTES)
    settled = replace(claimed, lease=NEVER, settled=1, result=result)
    committed = replace(settled, status=Status.COMMITTED, outbox=encode([outgoing]))
    completed = replace(settled, status=Status.COMPLETED)
    return ItemSizes(*map(_item_bytes, (claimed, committed, completed)))


def _item_bytes(item: Item) -> int:
    """Return the size by which DynamoDB bills: names and values; a number has a byte for two digits, and one more.

    See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    values: Iterable[tuple[str, dict[str, str]]] = item_attributes(item).items()
    return sum(
        len(name) + (len(value["S"].encode()) if "S" in value else (len(value["N"]) + 1) // 2 + 1)
        for name, value in values
    )


def _envelope(flow: Flow, hop: int) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "request_id": _ID,
        "run_id": _ID,
        "pipeline": _PIPELINE,
        "step": flow.steps[hop].name if hop < len(flow.steps) else "",
        "hop": hop + 1,
        "request": _part(flow, flow.request_bytes, claims.request_key(_PIPELINE, _ID, _ID)),
        "results": _results(flow, hop - 1) if hop else {},
    }


def _results(flow: Flow, step: int) -> dict[str, Any]:
    name = flow.steps[step].name
    keys = {
        service: claims.result_key(_PIPELINE, _ID, _ID, step=name, service=service, fence=1)
        for service in flow.steps[step].services
    }
    return {service: _part(flow, flow.result_bytes, key) for service, key in keys.items()}


def _part(flow: Flow, size_bytes: int, key: str) -> dict[str, Any]:
    if flow.has_inline(size_bytes):
        return {"inline": payload(size_bytes)}
    claim = {
        "key": key,
        "version_id": _VERSION_ID,
        "sha256": _SHA256,
        "size": size_bytes,
        "content_type": claims.CONTENT_TYPE,
    }
    return {"claim": claim}


def _item_id(flow: Flow, step: int, service: str) -> str:
    return f"{_PIPELINE}.{flow.steps[step].name}.{service}#{_SHA256}"


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
