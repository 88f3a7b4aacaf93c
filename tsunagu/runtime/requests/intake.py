"""The intake of requests: finds the record of each delivery, and reads the request in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from tsunagu.contracts.messages import (
    DEAD_LETTER_REASON_ATTRIBUTE,
    DEAD_LETTER_SOURCE_ATTRIBUTE,
    REDRIVEN_ATTRIBUTE,
    TRACEPARENT,
)
from tsunagu.contracts.requests import REQUEST_KEY, caller_and_request_id
from tsunagu.runtime.errors import InvalidMessageError, PermanentError, refuse_unfinished
from tsunagu.runtime.idempotency.decision import ClaimRequest
from tsunagu.runtime.json_text import read_json
from tsunagu.runtime.receiving.batch import Batch, BatchMessage, arranged, nameless
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.requests.record import FoundRecord, RequestRecord
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.runtime.tracing import header_of_traceparent, traceparent, xray_header

ModelT = TypeVar("ModelT")
ParseBody = Callable[[Any], ModelT]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

# An operator's redrive leaves one of them: the command adds the last, SQS's own keeps the first two.
_OF_A_REDRIVE = (REDRIVEN_ATTRIBUTE, DEAD_LETTER_SOURCE_ATTRIBUTE, DEAD_LETTER_REASON_ATTRIBUTE)


@dataclass(frozen=True, slots=True)
class Accepted(Generic[ModelT]):
    """A request that was read.

    Attributes:
        value: The first argument of the business function.
        record: The record of the request.
    """

    value: ModelT
    record: RequestRecord


class RequestIntake(Generic[ModelT]):
    """Reads deliveries of requests, and arranges them as a batch.

    Args:
        scope: Scope of the requests.
        nameless_space: First part of the ids of the items of messages that name no request.
        parse: Returns the first argument of the business function for a record.
    """

    def __init__(self, scope: str, nameless_space: str, parse: Callable[[RequestRecord], ModelT]) -> None:
        self._scope = scope
        self._nameless_space = nameless_space
        self._parse = parse

    def item_ids(self, deliveries: Sequence[Delivery]) -> list[str]:
        """Return the ids of the records that deliveries name, each once."""
        named = (self._item_id(delivery) for delivery in deliveries)
        return [*dict.fromkeys(item_id for item_id in named if isinstance(item_id, str))]

    def arrange(self, deliveries: Sequence[Delivery], records: Mapping[str, FoundRecord]) -> Batch[Accepted[ModelT]]:
        """Read `deliveries`, and group those of one request.

        Args:
            deliveries: The deliveries.
            records: What was found for each id that `item_ids` returned.
        """
        return arranged(deliveries, lambda delivery: self._message(delivery, records))

    def message(self, delivery: Delivery, record: RequestRecord) -> BatchMessage[Accepted[ModelT]]:
        """Return the message of a delivery whose record is known."""
        own = _of_request(delivery, record)
        request = _claim_request(record.item.id, own)
        try:
            value = self._parse(record)
            refuse_unfinished("the parser", value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the batch boundary: an error of one message affects no other
            return BatchMessage(deliveries=[own], claim_request=request, problem=error)
        return BatchMessage(deliveries=[own], claim_request=request, payload=Accepted(value, record))

    def _message(self, delivery: Delivery, records: Mapping[str, FoundRecord]) -> BatchMessage[Accepted[ModelT]]:
        item_id = self._item_id(delivery)
        if isinstance(item_id, InvalidMessageError):
            return nameless(self._nameless_space, delivery, item_id)
        record = records[item_id]
        if record is None:
            gone = PermanentError("the record of the request must exist, got none: it has expired, or was deleted")
            return nameless(self._nameless_space, delivery, gone)
        if isinstance(record, RequestRecord):
            return self.message(delivery, record)
        return BatchMessage(deliveries=[delivery], claim_request=_claim_request(item_id, delivery))

    def _item_id(self, delivery: Delivery) -> str | InvalidMessageError:
        try:
            item_id = delivery.json_body().get(REQUEST_KEY)
        except InvalidMessageError as error:
            return error
        if isinstance(item_id, str) and caller_and_request_id(self._scope, item_id) is not None:
            return item_id
        return InvalidMessageError(f"{REQUEST_KEY} must be the id of a request of {self._scope}, got another value")


def _of_request(delivery: Delivery, record: RequestRecord) -> Delivery:
    """Return the delivery with the id and the trace of its request: the pipe that sent the message had neither."""
    parent = traceparent(record.headers.get(TRACEPARENT))
    own = {} if parent is None else {TRACEPARENT: Attribute("String", parent)}
    header = xray_header(record.trace_header) or header_of_traceparent(parent) or delivery.trace_header
    return replace(
        delivery,
        given_request_id=record.request_id,
        trace_header=header,
        attributes={**own, **delivery.attributes},
    )


def body_parser(parse: Callable[[Any], ModelT], *, is_text: bool) -> Callable[[RequestRecord], ModelT]:
    """Return the function that reads the first argument of the business function from a record.

    Args:
        parse: Reads it from a JSON object, or from text.
        is_text: Whether the function takes the text of the body, whatever its content type.
    """

    def parse_record(record: RequestRecord) -> ModelT:
        return parse(record.body if is_text else _json_object(record))

    return parse_record


def _json_object(record: RequestRecord) -> dict[str, Any]:
    """Return the body of a request as a JSON object; that of a form has one member for each field.

    Raises:
        InvalidMessageError: It is neither a JSON object nor a form.
    """
    media_type = record.content_type.partition(";")[0].strip().lower()
    if media_type == FORM:
        return _form(record.body)
    if media_type not in {"", JSON} and not media_type.endswith("+json"):
        msg = "the content type must be JSON or a form, got another one: annotate the request with str to take its text"
        raise InvalidMessageError(msg)
    value = read_json("the body", record.body)
    if not isinstance(value, dict):
        msg = f"the body must be a JSON object, got {type(value).__name__}"
        raise InvalidMessageError(msg)
    return value


def _form(body: str) -> dict[str, Any]:
    from urllib.parse import parse_qs  # noqa: PLC0415 - for forms only

    try:
        fields = parse_qs(body, keep_blank_values=True, strict_parsing=bool(body), errors="strict")
    except ValueError:
        msg = "the body must be a form, got text of another form"
        raise InvalidMessageError(msg) from None
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _claim_request(item_id: str, delivery: Delivery) -> ClaimRequest:
    return ClaimRequest(
        item_id=item_id,
        payload_hash="",
        request_id=delivery.request_id,
        message_ids=(delivery.message_id,),
        reopens=any(delivery.attribute(name) is not None for name in _OF_A_REDRIVE),
    )
