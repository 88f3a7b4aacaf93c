"""The outbox: messages that a business function sends on, committed in the item together with its effect.

1. The item becomes COMMITTED, with the effect and the messages. A crash before that loses both, and the message is
   processed again.
2. The messages are sent, with deduplication ids that stay the same. After a crash they are all sent again.
3. The item becomes COMPLETED.

So each message arrives at least once. Its receiver skips copies by the business key.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import cast

from tsunagu.contracts.messages import (
    ATTRIBUTES_PER_MESSAGE,
    HOP_COUNT_ATTRIBUTE,
    REQUEST_ID_ATTRIBUTE,
    SNS_MESSAGE_BYTES,
    SQS_MESSAGE_BYTES,
    TRACEPARENT,
)
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import json_text
from tsunagu.runtime.sending.seal import Seal

# An item has 400 KB at most. Put larger data into S3, and a reference to it into the message.
OUTBOX_BYTES = 300_000
SEND_ROUNDS = 20  # with a back-off of up to 15 minutes, they cover an outage of about four hours

_OPTIONAL = {"group_id", "error", "trace_header"}


class Channel(StrEnum):
    """Where a message goes."""

    QUEUE = "queue"
    TOPIC = "topic"
    TASK_SUCCESS = "task-success"
    TASK_FAILURE = "task-failure"
    OBJECT = "object"  # of the results of accepted requests: the body is the key of the copy that was staged


_LARGEST = {
    Channel.QUEUE: SQS_MESSAGE_BYTES,
    Channel.TOPIC: SNS_MESSAGE_BYTES,
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    Channel.TASK_SUCCESS: 262_144,
    Channel.TASK_FAILURE: 32_768,
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    Channel.OBJECT: 1_024,
}


# What is clearly wrong is refused when it is put into the outbox. Whether the queue or topic exists shows at the send.
_TARGETS = {
    Channel.QUEUE: (re.compile(r"https?://[^\s/]+/\S+"), "a queue URL"),
    Channel.TOPIC: (re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]+:\S+"), "the ARN of a topic"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A message in an outbox.

    Attributes:
        channel: Kind of the target.
        target: Queue URL, topic ARN, task token, or key of an object.
        body: Text of the message; for a task, its output, or the cause of its failure; for an object, the key of the
            one that is copied.
        attributes: Message attributes of type String.
        group_id: Message group. A FIFO queue or topic requires it; on a standard queue it makes the queue fair.
        error: Name of a task's error.
        trace_header: X-Ray header of the message.
        awaits: Ids of the items whose results the message will contain, by name; `runtime.pipeline.join` adds them.
            Default: none.
        is_result: Whether the text is the result of the item. The item keeps it once, as its result, and `body` is
            empty until the message is sent.
    """

    channel: Channel
    target: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    group_id: str | None = None
    error: str | None = None
    trace_header: str | None = None
    awaits: Mapping[str, str] = field(default_factory=dict)
    is_result: bool = False


class Outbox:
    """Collects what one message sends on, until the message is completed.

    Args:
        request_id: Identifier that follows the request through every hop; an attribute of each message.
        trace_header: X-Ray header of each message.
        seal: Refuses messages that come too late. Default: a seal of its own.
        traceparent: W3C trace context; an attribute of each message that has room for it and none of its own.
            Default: none.
    """

    def __init__(
        self,
        request_id: str,
        trace_header: str | None = None,
        seal: Seal | None = None,
        *,
        traceparent: str | None = None,
    ) -> None:
        self._trace_header = trace_header
        self._traceparent = traceparent
        self._carried = {REQUEST_ID_ATTRIBUTE: request_id}
        self._messages: list[OutboxMessage] = []
        self._seal = Seal() if seal is None else seal

    def count_hops(self, hops: int) -> None:
        """Add the number of hops to each message to a queue or topic, from now on, so that a loop can be ended.

        Args:
            hops: Hops that the message in hand has made.
        """
        self._carried[HOP_COUNT_ATTRIBUTE] = str(hops)

    def send(
        self,
        queue_url: str,
        body: str | None,
        *,
        attributes: Mapping[str, str] | None = None,
        group_id: str | None = None,
    ) -> None:
        """Send a message to a queue, once the message in hand is completed.

        Args:
            queue_url: URL of the queue.
            body: Text of the message, 1 MiB at most with its attributes. None: the result of the message in hand.
            attributes: Message attributes, eight at most. Two more are added: the request id, and, in a pipeline, the
                number of hops. Yours replace those of the same name.
            group_id: Message group. A FIFO queue requires it; a standard one becomes fair by it, and orders nothing.

        Raises:
            TypeError: The queue, the body, the group or an attribute is not text.
            ValueError: The message is too large, or has too many attributes; or one of these texts is empty.
            RuntimeError: The message in hand was completed before.
        """
        self._add(Channel.QUEUE, queue_url, body, attributes, group_id=group_id)

    def publish(
        self,
        topic_arn: str,
        body: str | None,
        *,
        attributes: Mapping[str, str] | None = None,
        group_id: str | None = None,
        awaits: Mapping[str, str] | None = None,
    ) -> None:
        """Publish a message to a topic, once the message in hand is completed; as `send`, with 256 KiB at most.

        Args:
            topic_arn: ARN of the topic.
            body: Text of the message. None: the result of the message in hand.
            attributes: Message attributes, as for `send`.
            group_id: Message group. A FIFO topic requires it; a standard one passes it on to standard queues of SQS.
            awaits: Ids of the items whose results the message will contain, by name. Default: none.
        """
        self._add(Channel.TOPIC, topic_arn, body, attributes, group_id=group_id, awaits=awaits)

    def succeed_task(self, token: str, output: object) -> None:
        """Report to Step Functions that a task succeeded, with this JSON value, once this message is completed.

        Raises:
            ValueError: The output is not JSON (it contains NaN or half a surrogate pair, for example), or is too large.
            TypeError, RuntimeError: As `send`.
        """
        try:
            text = json_text(output)
        except InvalidMessageError as error:
            msg = f"the output of a task must be JSON: {error}"
            raise ValueError(msg) from None
        self._add(Channel.TASK_SUCCESS, token, text)

    def fail_task(self, token: str, error: str, cause: str) -> None:
        """Report to Step Functions that a task failed, once this message is completed."""
        self._add(Channel.TASK_FAILURE, token, cause, error=error)

    def keep_object(self, staged_key: str, key: str) -> None:
        """Copy an object that was staged in the bucket of results, once this message is completed.

        Only a function of accepted requests has such a bucket; elsewhere the copy is refused, and dead-lettered.
        """
        self._add(Channel.OBJECT, key, staged_key)

    @property
    def size_bytes(self) -> int:
        """Bytes that the messages so far have in the item."""
        return len(encode(self._messages).encode())

    def seal(self) -> tuple[OutboxMessage, ...]:
        """Return the messages, and refuse later ones, because they would be lost."""
        self._seal.is_closed = True
        return tuple(self._messages)

    def _with_trace(self, attributes: Mapping[str, str]) -> Mapping[str, str]:
        if self._traceparent is None or len(attributes) >= ATTRIBUTES_PER_MESSAGE:
            return attributes
        return {TRACEPARENT: self._traceparent, **attributes}

    def _add(
        self,
        channel: Channel,
        target: str,
        body: str | None,
        attributes: Mapping[str, str] | None = None,
        *,
        group_id: str | None = None,
        error: str | None = None,
        awaits: Mapping[str, str] | None = None,
    ) -> None:
        self._seal.check("a message for the outbox")
        has_attributes = channel in {Channel.QUEUE, Channel.TOPIC}
        carried = self._with_trace({**self._carried, **(attributes or {})}) if has_attributes else {}
        is_result = body is None and has_attributes
        message = OutboxMessage(
            channel=channel,
            target=target,
            body="" if is_result else cast("str", body),
            attributes=carried,
            group_id=group_id,
            error=error,
            trace_header=self._trace_header,
            awaits=awaits or {},
            is_result=is_result,
        )
        check_message(message)
        _check_size(message)
        self._messages.append(message)
        if self.size_bytes > OUTBOX_BYTES:
            msg = f"all messages of an outbox must have at most {OUTBOX_BYTES:,} bytes together, got more"
            raise ValueError(msg)


def encode(messages: Sequence[OutboxMessage]) -> str:
    """Return the outbox as JSON, as an item keeps it; empty when there is nothing to send."""
    return json.dumps([*map(_kept, messages)], separators=(",", ":")) if messages else ""


def _kept(message: OutboxMessage) -> dict[str, object]:
    """Return the fields of a message that are not empty. A message without a body sends the result of the item."""
    fields = {name: value for name, value in asdict(message).items() if value and name not in {"body", "is_result"}}
    return fields if message.is_result else {**fields, "body": message.body}


def check_message(message: OutboxMessage) -> None:
    """Refuse a message of a form that cannot be sent, before the commit. After it, the effect would stand without it.

    Raises:
        TypeError: A text of it is no text.
        ValueError: It has too many attributes, or an empty text; or its target is no queue URL or no ARN of a topic.
    """
    place: list[tuple[str, object]] = [("target", message.target), ("group_id", message.group_id)]
    named = [*place, *message.attributes.items()]
    optional = [("trace_header", message.trace_header), *message.awaits.items()]
    for name, value in [("body", message.body), ("error", message.error), *optional, *named]:
        if not isinstance(value, str) and not (value is None and name in _OPTIONAL):
            msg = f"{name} of a message for a {message.channel} must be text, got {type(value).__name__}"
            raise TypeError(msg)
    texts = [message.body, *(f"{name}{value}" for name, value in named)]
    "".join(texts).encode()  # raises for half a surrogate pair, which cannot be sent
    needs_body = message.channel in {Channel.QUEUE, Channel.TOPIC} and not message.is_result
    needed = [*named, ("body", message.body)] if needs_body else named
    if empty := [name for name, value in needed if value == ""]:
        msg = f"{' and '.join(empty)} of a message for a {message.channel} must not be empty"
        raise ValueError(msg)
    if len(message.attributes) > ATTRIBUTES_PER_MESSAGE:
        msg = f"a message must have at most {ATTRIBUTES_PER_MESSAGE} attributes, got {len(message.attributes)}"
        raise ValueError(msg)
    form, expected = _TARGETS.get(message.channel, (None, ""))
    if form is not None and not form.fullmatch(message.target):
        msg = f"target of a message for a {message.channel} must be {expected}, got something else"
        raise ValueError(msg)


def _check_size(message: OutboxMessage) -> None:
    """Refuse a message that is too large. Not that of a result: its topic may take more than others."""
    size = len(message.body.encode())
    size += sum(len(f"{name}String{value}".encode()) for name, value in message.attributes.items())
    if size > _LARGEST[message.channel]:
        msg = f"a message for a {message.channel} must have at most {_LARGEST[message.channel]:,} bytes, got {size:,}"
        raise ValueError(msg)
