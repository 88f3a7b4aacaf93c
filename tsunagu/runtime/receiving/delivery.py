"""A delivery: one record of an SQS event, and what its body and attributes say."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tsunagu.contracts.messages import (
    GROUP_PLACE_ATTRIBUTE,
    HOP_COUNT_ATTRIBUTE,
    OLD_ATTRIBUTES,
    REQUEST_ID_ATTRIBUTE,
    REQUEST_ID_LENGTHS,
    SCHEMA_VERSION,
    SCHEMA_VERSION_ATTRIBUTE,
    TRACE_CONTEXT_ATTRIBUTE,
    TRACEPARENT,
    place_in,
)
from tsunagu.contracts.telemetry import LogKey
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import JsonObject, read_json
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.runtime.tracing import header_of_traceparent, invocation_header, trace_fields, traceparent, xray_header

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]+")
SHOWN_CHARACTERS = 64
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One record of an SQS event.

    Attributes:
        message_id: Identifier that SQS gave the message; a redriven message has another one.
        receipt_handle: Handle by which the visibility of this delivery is changed.
        body: Text, as it was sent.
        attributes: Message attributes, as they were sent.
        group_id: Message group. On a standard queue it makes the queue fair, and orders nothing.
        is_fifo: Whether it came from a FIFO queue, where the messages of a group run in order.
        trace_header: X-Ray header of the request that the message belongs to. A message that came through a topic has
            that of its publisher as its own, so our attribute goes before it. None: the message has no trace.
        deduplication_id: Deduplication id that it was sent with; empty on a standard queue.
        given_request_id: Request id to use instead of the message's own. Default: the message's own.
        problem: What is malformed in the record. Then the message is invalid. Default: nothing.
        receive_count: Deliveries of the message so far, with this one; 1 where SQS does not say.
        brought_request_id: Request id in the message attribute, if it is well formed; whether or not it is used. It is
            read once, because each log line needs it.
    """

    message_id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, Attribute]
    group_id: str | None
    is_fifo: bool
    trace_header: str | None
    deduplication_id: str = ""
    given_request_id: str | None = None
    problem: str = ""
    receive_count: int = 1
    brought_request_id: str | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Read the request id."""
        attribute = self.attribute(REQUEST_ID_ATTRIBUTE)
        value = attribute.value if attribute else None
        is_one = isinstance(value, str) and len(value) in REQUEST_ID_LENGTHS and _REQUEST_ID.fullmatch(value)
        object.__setattr__(self, "brought_request_id", value if is_one else None)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Delivery":
        """Read a record of an SQS event, as Lambda hands it over. `sqs_records` has checked its message id.

        Nothing is raised: a record that is malformed otherwise becomes a delivery with a `problem`. It has what can be
        read of it, so that it can be dead-lettered.
        """
        problems: list[str] = []
        system = _object("attributes", record.get("attributes"), problems)
        brought = _object("messageAttributes", record.get("messageAttributes") or {}, problems)
        attributes = {
            _unicode(str(name)): attribute
            for name, value in brought.items()
            if (attribute := _attribute(name, value, problems)) is not None
        }
        body = _text(record.get("body"))
        if body is None:
            problems.append(f"the body must be text, got {type(record.get('body')).__name__}")
        elif body != record["body"]:
            problems.append("the body must be Unicode, got half a surrogate pair")
        return cls(
            message_id=record["messageId"],
            receipt_handle=_text(record.get("receiptHandle")) or "",
            body=body or "",
            attributes=attributes,
            group_id=_text(system.get("MessageGroupId")),
            is_fifo="SequenceNumber" in system,
            trace_header=_trace_header(attributes, system),
            deduplication_id=_text(system.get("MessageDeduplicationId")) or "",
            receive_count=_receive_count(system.get("ApproximateReceiveCount")),
            problem=problems[0] if problems else "",
        )

    @property
    def ordered_group_id(self) -> str | None:
        """Message group whose messages run in order; None on a standard queue."""
        return self.group_id if self.is_fifo else None

    @property
    def fair_group_id(self) -> str | None:
        """Message group that makes a standard queue fair; None on a FIFO queue."""
        return None if self.is_fifo else self.group_id

    @property
    def group_place(self) -> str:
        """Place of the message in its parked group; empty where it has none.

        The message attribute says it. Where the message has no room for one, its deduplication id does.
        """
        attribute = self.attributes.get(GROUP_PLACE_ATTRIBUTE)
        value = attribute.value if attribute else None
        return value if isinstance(value, str) and value else place_in(self.deduplication_id)

    @property
    def request_id(self) -> str:
        """Identifier that follows the request through every hop.

        The message attribute, if it is well formed; else the SQS message id.
        """
        return self.given_request_id or self.brought_request_id or self.message_id

    @property
    def hop_count(self) -> int:
        """Number of hops that the message has made; 0 where it has no such attribute."""
        attribute = self.attribute(HOP_COUNT_ATTRIBUTE)
        value = attribute.value if attribute else None
        return int(value) if isinstance(value, str) and _COUNT.fullmatch(value) else 0

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context that the producer set as a message attribute; None where there is none."""
        return traceparent(_value(self.attributes, TRACEPARENT))

    def attribute(self, name: str) -> Attribute | None:
        """Return one of our attributes, under its name of now or of an earlier release; None where there is neither.

        Args:
            name: Its name of now.
        """
        return self.attributes.get(name) or self.attributes.get(OLD_ATTRIBUTES.get(name, ""))

    def log_fields(self, item_id: str) -> dict[str, str]:
        """Return the identifiers of the message, its item and its request, by log key."""
        fields: dict[str, str] = {
            LogKey.REQUEST_ID: self.request_id,
            LogKey.MESSAGE_ID: self.message_id,
            LogKey.ITEM_ID: item_id,
        }
        brought = self.brought_request_id
        if brought is not None and brought != self.request_id:
            fields[LogKey.CAUSE_REQUEST_ID] = brought
        return {**fields, **trace_fields(self.trace_header, self.traceparent)}

    def json_body(self) -> JsonObject:
        """Return the body as a JSON object.

        Raises:
            InvalidMessageError: The record is malformed; the body is no JSON object, or `read_json` refuses it; or the
                message has a schema version that this code does not know.
        """
        if self.problem:
            raise InvalidMessageError(self.problem)
        self._check_schema_version()
        value = read_json("the body", self.body)
        if not isinstance(value, dict):
            msg = f"the body must be a JSON object, got {type(value).__name__}"
            raise InvalidMessageError(msg)
        return value

    def _check_schema_version(self) -> None:
        attribute = self.attributes.get(SCHEMA_VERSION_ATTRIBUTE)
        if attribute is not None and attribute.value != str(SCHEMA_VERSION):
            msg = f"{SCHEMA_VERSION_ATTRIBUTE} must be {SCHEMA_VERSION}, got {str(attribute.value)[:16]!r}"
            raise InvalidMessageError(msg)


def of_invocation(delivery: Delivery) -> Delivery:
    """Return the delivery; one without a trace becomes part of the trace of this invocation, as the SDK's calls are."""
    header = invocation_header() if delivery.trace_header is None else None
    return delivery if header is None else replace(delivery, trace_header=header)


def _trace_header(attributes: Mapping[str, Attribute], system: Mapping[str, Any]) -> str | None:
    """Return the X-Ray header of the request; that of a `traceparent`, where the message brings no other."""
    old = OLD_ATTRIBUTES[TRACE_CONTEXT_ATTRIBUTE]
    started = _value(attributes, TRACE_CONTEXT_ATTRIBUTE) or _value(attributes, old)
    own = _text(system.get("AWSTraceHeader"))
    return xray_header(started) or own or header_of_traceparent(traceparent(_value(attributes, TRACEPARENT)))


def _value(attributes: Mapping[str, Attribute], name: str) -> str | bytes | None:
    attribute = attributes.get(name)
    return attribute.value if attribute is not None else None


def _receive_count(value: object) -> int:
    return int(value) if isinstance(value, str) and _COUNT.fullmatch(value) else 1


def _attribute(name: str, value: object, problems: list[str]) -> Attribute | None:
    """Return a message attribute, or None if it is malformed; `problems` then gets the reason."""
    fields = value if isinstance(value, dict) else {}
    data_type, text, encoded = _text(fields.get("dataType")), fields.get("stringValue"), fields.get("binaryValue")
    if data_type and encoded is not None:
        try:
            return Attribute(data_type, base64.b64decode(encoded, validate=True))
        except (TypeError, ValueError):  # of wrong padding, for example
            problems.append(f"the binary value of message attribute {name[:SHOWN_CHARACTERS]!r} must be Base64")
            return None
    if data_type and (text is None or isinstance(text, str)):
        return Attribute(data_type, _unicode(text or ""))
    problems.append(f"message attribute {name[:SHOWN_CHARACTERS]!r} must have a dataType and a value")
    return None


def _object(name: str, value: object, problems: list[str]) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append(f"{name} of the record must be an object, got {type(value).__name__}")
    return {}


def _text(value: object) -> str | None:
    return _unicode(value) if isinstance(value, str) else None


def _unicode(text: str) -> str:
    """Return `text` with U+FFFD for each half of a surrogate pair, as SQS writes it: nothing else can be sent on."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
