"""Where a dead letter came from, what its payload is, and why it is there: reads what AWS's services write.

* QUEUE: a message of a queue; SQS moved it, or the receiver sent it with its reason.
* SUBSCRIPTION: a message that SNS could not deliver; in SNS's envelope, or raw.
* DESTINATION: an asynchronous invocation that failed, with the event in an envelope that names the function.
  https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
* FUNCTION: the event of such an invocation as it was, with three attributes.
  https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
* STREAM: where a batch of a stream is that a function could not process. It has no records, so it cannot be redriven.
* OTHER: none of these, or what sent it is not known.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from tsunagu.contracts.messages import ATTRIBUTES
from tsunagu.operations.letters.letter import LAMBDA_REQUEST_ID_ATTRIBUTE, DeadLetter
from tsunagu.operations.letters.places import LetterQueue, SourceQueue, Subscription, last_part
from tsunagu.operations.letters.reasons import reason_kind
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import exact_number, json_text

_LAMBDA_ATTRIBUTES = frozenset({LAMBDA_REQUEST_ID_ATTRIBUTE, "ErrorCode", "ErrorMessage"})
# Of a letter that EventBridge sent for a schedule or a rule.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
_TARGET_ERRORS = ("ERROR_CODE", "ERROR_MESSAGE")
_STREAMS = frozenset({"KinesisBatchInfo", "DDBStreamBatchInfo"})


class LetterOrigin(StrEnum):
    """What sent a dead letter."""

    QUEUE = "queue"
    SUBSCRIPTION = "subscription"
    DESTINATION = "destination"
    FUNCTION = "function"
    STREAM = "stream"
    OTHER = "other"


@dataclass(frozen=True)
class OpenedLetter:
    """A dead letter, read by what its queue is for.

    Attributes:
        letter: The letter.
        queue: The dead-letter queue.
    """

    letter: DeadLetter
    queue: LetterQueue

    @cached_property
    def origin(self) -> LetterOrigin:
        """What sent it."""
        if self.letter.source_queue_arn:
            return LetterOrigin.QUEUE
        if "requestContext" in self._body and "functionArn" in _mapping(self._body["requestContext"]):
            if _STREAMS & self._body.keys():
                return LetterOrigin.STREAM
            if "requestPayload" in self._body:
                return LetterOrigin.DESTINATION
        is_marked = self.letter.delivery.attributes.keys() >= _LAMBDA_ATTRIBUTES
        if self.queue.functions and (is_marked or not (self.queue.queues or self.queue.subscriptions)):
            return LetterOrigin.FUNCTION
        return self._origin_by_queue()

    def _origin_by_queue(self) -> LetterOrigin:
        if self.subscription is not None and not (self.queue.queues and not self._is_envelope):
            return LetterOrigin.SUBSCRIPTION
        return LetterOrigin.QUEUE if self.queue.queues else LetterOrigin.OTHER

    @cached_property
    def subscription(self) -> Subscription | None:
        """The subscription that it came through; None where it is not known, or several may be."""
        topic_arn = self._body.get("TopicArn") if self._is_envelope else None
        found = [each for each in self.queue.subscriptions if topic_arn in {None, each.topic_arn}]
        return found[0] if len(found) == 1 else None

    @cached_property
    def source_queue(self) -> SourceQueue | None:
        """The queue that it came from; None where it is not known, or several may be."""
        queues = self.queue.queues
        if arn := self.letter.source_queue_arn:
            return next((queue for queue in queues if queue.arn == arn), None)
        return queues[0] if len(queues) == 1 else None

    @cached_property
    def function_arn(self) -> str:
        """The function whose invocation failed; empty where there is none, or several may be."""
        if self.origin in {LetterOrigin.DESTINATION, LetterOrigin.STREAM}:
            return str(self._body["requestContext"]["functionArn"])
        return (
            self.queue.functions[0] if self.origin is LetterOrigin.FUNCTION and len(self.queue.functions) == 1 else ""
        )

    @cached_property
    def payload(self) -> str:
        """What its consumer was to process, as text: without the envelope of SNS or Lambda."""
        if self.origin is LetterOrigin.SUBSCRIPTION and self._is_envelope:
            return str(self._body["Message"])
        if self.origin is LetterOrigin.DESTINATION:
            return _text(self._body["requestPayload"])
        return self.letter.delivery.body

    @cached_property
    def reason(self) -> str:
        """Why it is there; where nobody said it, what is known."""
        return self.letter.reason or self._reason_of_origin()

    @property
    def reason_kind(self) -> str:
        """The reason without numbers and ids."""
        return reason_kind(self.reason)

    def _reason_of_origin(self) -> str:
        match self.origin:
            case LetterOrigin.QUEUE:
                count = self.source_queue.max_receive_count if self.source_queue else None
                return f"SQS moved it after {count or 'its'} deliveries"
            case LetterOrigin.SUBSCRIPTION:
                endpoint = self.subscription.endpoint if self.subscription else "its endpoint"
                return f"SNS could not deliver it to {last_part(endpoint)}"
            case LetterOrigin.DESTINATION | LetterOrigin.STREAM:
                return self._reason_of_invocation()
            case LetterOrigin.FUNCTION:
                error = f"{self._attribute('ErrorCode')} {self._attribute('ErrorMessage')}".strip()
                return f"Lambda gave it up: {error}" if error else "Lambda gave it up"
        errors = [text for name in _TARGET_ERRORS if (text := self._attribute(name))]
        return ": ".join(errors) or "not known: it does not say what sent it"

    def _reason_of_invocation(self) -> str:
        answer = _mapping(self._body.get("responsePayload"))
        error = ": ".join(str(answer[name]) for name in ("errorType", "errorMessage") if answer.get(name))
        condition = str(_mapping(self._body["requestContext"]).get("condition", "failed"))
        return f"{condition}: {error}" if error else condition

    @property
    def invocation_id(self) -> str:
        """Request id of the invocation that failed; empty where there is none."""
        if self.origin in {LetterOrigin.DESTINATION, LetterOrigin.STREAM}:
            return str(_mapping(self._body["requestContext"]).get("requestId", ""))
        return self._attribute(LAMBDA_REQUEST_ID_ATTRIBUTE) if self.origin is LetterOrigin.FUNCTION else ""

    @property
    def request_id(self) -> str:
        """Its request id; without one, the message id that it had first, as in the log of its consumer."""
        delivery, earlier = self.letter.delivery, (self.letter.source or "").rpartition("/")[2]
        return delivery.brought_request_id or earlier or delivery.message_id

    @property
    def ids(self) -> frozenset[str]:
        """Ids by which its sender may know it."""
        return self.letter.ids | ({self.invocation_id} - {""})

    @cached_property
    def own_attributes(self) -> Mapping[str, object]:
        """Attributes of the message that are not ours, by name."""
        attributes = self.letter.delivery.attributes
        return {name: each.value for name, each in attributes.items() if name not in ATTRIBUTES}

    def body_json(self) -> Any:
        """Return the payload as JSON where it is, else the text."""
        try:
            return json.loads(self.payload)
        except (ValueError, RecursionError):
            return self.payload

    @cached_property
    def _body(self) -> Mapping[str, Any]:
        try:
            return _mapping(json.loads(self.letter.delivery.body, parse_float=_number))
        except (ValueError, RecursionError):
            return {}

    @cached_property
    def _is_envelope(self) -> bool:
        return self._body.get("Type") == "Notification" and self._body.keys() >= {"TopicArn", "Message", "MessageId"}

    def _attribute(self, name: str) -> str:
        attribute = self.letter.delivery.attributes.get(name)
        return str(attribute.value) if attribute is not None else ""


def _number(text: str) -> float:
    """Return a number with all of its digits; one that is too large as Python reads it."""
    try:
        return exact_number(text)
    except ValueError:
        return float(text)


def _text(value: object) -> str:
    try:
        return json_text(value)
    except InvalidMessageError:  # NaN, which another one wrote
        return json.dumps(value, ensure_ascii=False)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
