"""Messages that a business function sends on: kept in the item with the effect, then sent until it is known.

A crash between effect and send would lose them; a crash between send and effect would tell of what did not happen. So
they are committed as part of the item (COMMITTED), sent with ids that stay the same, and only then is the item
COMPLETED. They arrive at least once: their receivers tell copies by the business's key.
"""

import json
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
)

# Of the 400 KB that an item may have; what is larger belongs into S3, and a reference into the message.
OUTBOX_BYTES = 300_000
SEND_ROUNDS = 20  # with back-off up to a quarter of an hour: some four hours of an outage

_OPTIONAL = {"group_id", "error"}


class Channel(StrEnum):
    """Where a message goes."""

    QUEUE = "queue"
    TOPIC = "topic"
    TASK_SUCCESS = "task-success"
    TASK_FAILURE = "task-failure"


_LARGEST = {
    Channel.QUEUE: SQS_MESSAGE_BYTES,
    Channel.TOPIC: SNS_MESSAGE_BYTES,
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    Channel.TASK_SUCCESS: 262_144,
    Channel.TASK_FAILURE: 32_768,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A message to be sent on.

    Attributes:
        channel: What the target is.
        target: Queue URL, topic ARN, or task token.
        body: Text of the message; the output of a task, or the cause of its failure.
        attributes: Message attributes of type String.
        group_id: Message group of a FIFO queue or topic.
        error: Name of a task's error.
        trace_header: X-Ray header to carry on.
        awaits: Ids of the items whose results the message is made of, by name; `runtime.pipeline.join` makes it. Most
            messages await nothing.
        is_result: Whether the text is the result of the item. It is kept once, there, and read when the message is
            sent; `body` is empty until then.
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
    """What one message sends on, collected until it completes.

    Args:
        request_id: What follows the request through every hop; each message carries it.
        trace_header: X-Ray header that each message carries.
    """

    def __init__(self, request_id: str, trace_header: str | None = None) -> None:
        self._trace_header = trace_header
        self._carried = {REQUEST_ID_ATTRIBUTE: request_id}
        self._messages: list[OutboxMessage] = []
        self._is_sealed = False

    def count_hops(self, hops: int) -> None:
        """Let each message to a queue or topic from now on say how many hops it has behind it: so a loop ends.

        Args:
            hops: Hops so far.
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
        """Send to a queue, once this message is done.

        Args:
            queue_url: The queue.
            body: Text of the message, 1 MiB at most with its attributes. None: the result of this message.
            attributes: Message attributes, eight at most: the request id is one, and the hop count another where the
                message in hand brought one, as in a pipeline. One of the same name takes the place of ours.
            group_id: Message group; required by a FIFO queue.

        Raises:
            TypeError: The queue, the body, the group or an attribute is no text.
            ValueError: The message is too large or empty, has too many attributes, or an empty one, or no queue.
            RuntimeError: This message was completed before.
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
        """Publish to a topic, once this message is done; as `send`, with 256 KiB at most."""
        self._add(Channel.TOPIC, topic_arn, body, attributes, group_id=group_id, awaits=awaits)

    def succeed_task(self, token: str, output: object) -> None:
        """Tell Step Functions, once this message is done, that the task succeeded with this JSON value."""
        self._add(Channel.TASK_SUCCESS, token, json.dumps(output))

    def fail_task(self, token: str, error: str, cause: str) -> None:
        """Tell Step Functions, once this message is done, that the task failed."""
        self._add(Channel.TASK_FAILURE, token, cause, error=error)

    def seal(self) -> tuple[OutboxMessage, ...]:
        """Return what was collected; what comes later is refused, because it would be lost."""
        self._is_sealed = True
        return tuple(self._messages)

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
        if self._is_sealed:
            msg = "messages must be given to the outbox before the message is completed, got one after"
            raise RuntimeError(msg)
        has_attributes = channel in {Channel.QUEUE, Channel.TOPIC}
        carried = {**self._carried, **(attributes or {})} if has_attributes else {}
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
        _check(message)
        self._messages.append(message)
        if len(encode(self._messages).encode()) > OUTBOX_BYTES:
            msg = f"all messages of an outbox must have at most {OUTBOX_BYTES:,} bytes together, got more"
            raise ValueError(msg)


def encode(messages: Sequence[OutboxMessage]) -> str:
    """Return the text that an item keeps of an outbox; empty when there is nothing to send."""
    return json.dumps([*map(_kept, messages)], separators=(",", ":")) if messages else ""


def _kept(message: OutboxMessage) -> dict[str, object]:
    """Return the fields of a message that say something; without a body, it is the result of the item."""
    fields = {name: value for name, value in asdict(message).items() if value and name not in {"body", "is_result"}}
    return fields if message.is_result else {**fields, "body": message.body}


def _check(message: OutboxMessage) -> None:
    """Refuse what could never be sent, before it is committed: the effect would stand, and its message would not."""
    place: list[tuple[str, object]] = [("target", message.target), ("group_id", message.group_id)]
    named = [*place, *message.attributes.items()]
    for name, value in [("body", message.body), ("error", message.error), *named]:
        if not isinstance(value, str) and not (value is None and name in _OPTIONAL):
            msg = f"{name} of a message for a {message.channel} must be text, got {type(value).__name__}"
            raise TypeError(msg)
    "".join(f"{name}{value}" for name, value in named).encode()  # half a surrogate pair could not be sent either
    needs_body = message.channel in {Channel.QUEUE, Channel.TOPIC} and not message.is_result
    needed = [*named, ("body", message.body)] if needs_body else named
    if empty := [name for name, value in needed if value == ""]:
        msg = f"{' and '.join(empty)} of a message for a {message.channel} must not be empty"
        raise ValueError(msg)
    if len(message.attributes) > ATTRIBUTES_PER_MESSAGE:
        msg = f"a message must have at most {ATTRIBUTES_PER_MESSAGE} attributes, got {len(message.attributes)}"
        raise ValueError(msg)
    size = len(message.body.encode())
    size += sum(len(f"{name}String{value}".encode()) for name, value in message.attributes.items())
    if size > _LARGEST[message.channel]:
        msg = f"a message for a {message.channel} must have at most {_LARGEST[message.channel]:,} bytes, got {size:,}"
        raise ValueError(msg)
