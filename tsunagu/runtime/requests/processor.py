"""Processes one request: calls the business function, stages its result, and hands over what is committed together."""

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tsunagu.contracts.requests import (
    DELIVERY_ID_ATTRIBUTE,
    KEPT_BYTES,
    REQUEST_STATUS_ATTRIBUTE,
    ShownStatus,
    completion_body,
    delivery_id,
)
from tsunagu.runtime.errors import PermanentError, refuse_unfinished
from tsunagu.runtime.json_text import json_text
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.requests.intake import Accepted
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.requests.request import ProgressWriter, Request
from tsunagu.runtime.requests.results import JSON_CONTENT_TYPE, Result, Results

ModelT = TypeVar("ModelT")

_RESULT = ""  # name of the result itself, beside those of attachments


class RequestProcessor(Generic[ModelT]):
    """Processes requests. `process` is the function that a `BatchWorker` needs.

    Args:
        function: The business function: takes the value and the request, and returns its result.
        results: Stages results.
        progress: Writes the progress of requests.
        scope: Scope of the requests.
        completion_topic_arn: Topic that is notified when a request succeeded. Default: none.
    """

    def __init__(
        self,
        function: Callable[[ModelT, Request], object],
        results: Results,
        progress: ProgressWriter,
        *,
        scope: str,
        completion_topic_arn: str = "",
    ) -> None:
        self._function = function
        self._results = results
        self._progress = progress
        self._scope = scope
        self._completion_topic_arn = completion_topic_arn

    def process(self, accepted: Accepted[ModelT], message: Message) -> None:
        """Process one request.

        Raises:
            InvalidMessageError: The function's result is not JSON.
            PermanentError: There is a result, and no bucket for it; or the item cannot keep all that the request sends.
            UnfinishedWorkError: The function returned a coroutine or a generator.
            UnavailableError: The result was not stored.
        """
        record = accepted.record
        request = Request(record, message, self._progress)
        value = self._function(accepted.value, request)
        refuse_unfinished("the business function", value)
        own = {} if value is None else {_RESULT: _result(value)}
        message.extend(request)
        message.result = self._results.stage(
            record, message.outbox, {**own, **request.attachments}, fencing_token=message.fencing_token
        )
        if self._completion_topic_arn:
            self._announce(record, message)
        _check_size(record, message)

    def _announce(self, record: RequestRecord, message: Message) -> None:
        ending, item_id = ShownStatus.SUCCEEDED, record.item.id
        body = completion_body(
            scope=self._scope,
            item_id=item_id,
            ending=ending,
            accepted_ms=record.accepted_ms,
        )
        attributes = {
            DELIVERY_ID_ATTRIBUTE: delivery_id(item_id, ending),
            REQUEST_STATUS_ATTRIBUTE: str(ending),
        }
        message.outbox.publish(self._completion_topic_arn, body, attributes=attributes)


def _result(value: object) -> Result:
    """Return what a function returned as a result: JSON, unless it is a `Result`.

    Raises:
        PermanentError: It is bytes, whose content type nobody knows.
        InvalidMessageError: It is not JSON.
    """
    if isinstance(value, Result):
        return value
    if isinstance(value, bytes | bytearray):
        msg = "bytes must be returned as a Result with their content type, got bytes alone"
        raise PermanentError(msg)
    return Result(json_text(_plain(value)), JSON_CONTENT_TYPE)


def _check_size(record: RequestRecord, message: Message) -> None:
    """Refuse an outbox that the item has no room for beside the body. DynamoDB would refuse each try of its commit.

    Raises:
        PermanentError: It is too large.
    """
    accepted = [record.body, *record.headers, *record.headers.values()]
    size = sum(len(text.encode()) for text in (*accepted, message.result)) + message.outbox.size_bytes
    if size > KEPT_BYTES:
        msg = f"body, headers, outbox and result must have at most {KEPT_BYTES:,} bytes in the item, got {size:,}"
        raise PermanentError(msg)


def _plain(value: object) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
