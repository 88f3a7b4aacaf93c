"""Events of a gateway that invokes the function asynchronously, and the record that the worker makes of one."""

from collections.abc import Mapping
from typing import Any

from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import (
    EVENT_MARK,
    EVENT_VERSION,
    KEPT_BYTES,
    REQUEST_ID,
    message_body,
    open_partition_of,
    request_item_id,
)
from tsunagu.runtime.errors import UnroutableEventError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.events import EventKind, kind_of
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.tracing import xray_header


def is_gateway_event(event: object) -> bool:
    """Return whether an event says that it is a request which a gateway handed over."""
    return isinstance(event, dict) and EVENT_MARK in event


def record_of(scope: str, event: Mapping[str, Any]) -> RequestRecord:
    """Return the record of a request, as the worker writes it if there is none.

    Args:
        scope: Scope of the requests.
        event: The event.

    Raises:
        UnroutableEventError: The event has another form, or the marks of another source too. The text has nothing of
            the event, because Lambda logs it.
    """
    kind = kind_of(event)
    if kind is not EventKind.UNKNOWN:
        msg = f"an event with {EVENT_MARK} must come from the gateway alone, got one that also comes from {kind}"
        raise UnroutableEventError(msg)
    if event.get(EVENT_MARK) != EVENT_VERSION:
        msg = f"{EVENT_MARK} of the event must be {EVENT_VERSION}, got another version"
        raise UnroutableEventError(msg)
    caller, request_id = _text(event, "caller"), _text(event, "request_id")
    if not caller or not REQUEST_ID.fullmatch(request_id):
        msg = "caller and request_id of the event must name a request, got others"
        raise UnroutableEventError(msg)
    body, accepted_ms = _text(event, "body"), _accepted_ms(event.get("accepted"))
    if len(body.encode()) > KEPT_BYTES:
        msg = f"body of the event must have at most {KEPT_BYTES:,} bytes, got more"
        raise UnroutableEventError(msg)
    item_id = request_item_id(scope, caller, request_id)
    item = Item(id=item_id, status=Status.RELEASED, owner="", fence=0, lease=0, request_id=request_id)
    return RequestRecord(
        item=item,
        caller=caller,
        body=body,
        content_type=_text(event, "content_type"),
        headers=_headers(event.get("headers") or {}),
        trace_header=xray_header(event.get("trace")) or "",
        accepted_ms=accepted_ms,
        partition=open_partition_of(scope, item_id),
        due_ms=accepted_ms,
    )


def delivery_of(record: RequestRecord) -> Delivery:
    """Return the delivery of a request that did not come through a queue. Lambda's retries have the same one."""
    return Delivery(
        message_id=record.request_id,
        receipt_handle="",
        body=message_body(record.item.id),
        attributes={},
        group_id=None,
        is_fifo=False,
        trace_header=record.trace_header or None,
        given_request_id=record.request_id,
    )


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str):
        msg = f"{name} of the event must be text, got {type(value).__name__}"
        raise UnroutableEventError(msg)
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _headers(headers: object) -> dict[str, str]:
    if not isinstance(headers, dict):
        msg = f"headers of the event must be an object, got {type(headers).__name__}"
        raise UnroutableEventError(msg)
    return {name.lower(): _text(headers, name) for name in headers}


def _accepted_ms(value: object) -> int:
    if type(value) is not int or value < 0:
        msg = "accepted of the event must be a time in milliseconds, got another value"
        raise UnroutableEventError(msg)
    return value
