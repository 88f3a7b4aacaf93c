"""Sends payloads to a queue, each as a message with a request id."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tsunagu.contracts.messages import (
    REQUEST_ID_ATTRIBUTE,
    SCHEMA_VERSION,
    SCHEMA_VERSION_ATTRIBUTE,
    SQS_ENTRIES_PER_BATCH,
    SQS_MESSAGE_BYTES,
)
from tsunagu.errors import InvalidInputError
from tsunagu.operations.channels import Channel
from tsunagu.operations.payloads import Payload
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import Clock, SystemClock, new_request_id
from tsunagu.runtime.idempotency.keys import payload_hash
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def compose_message(
    body: str, *, request_id: str, group_id: str | None = None, deduplication_id: str | None = None
) -> OutgoingMessage:
    """Return a message with the attributes that every message has: request id and schema version."""
    return OutgoingMessage(
        body=body,
        attributes={REQUEST_ID_ATTRIBUTE: request_id, SCHEMA_VERSION_ATTRIBUTE: str(SCHEMA_VERSION)},
        group_id=group_id,
        deduplication_id=deduplication_id,
    )


def compose_messages(
    payloads: Sequence[Payload], channel: Channel, *, group_by: str | None = None, clock: Clock | None = None
) -> list[OutgoingMessage]:
    """Return a message for each payload, with a new request id.

    On a FIFO queue the deduplication id is a hash of the whole payload. So SQS drops a payload that is sent again
    within five minutes, but it takes another payload with the same business key.

    Args:
        payloads: What is sent.
        channel: Where to.
        group_by: Field of the payload that is the message group. A FIFO queue needs one, a standard queue takes none.
        clock: The time, for the request ids. Default: the machine's.

    Raises:
        InvalidInputError: `group_by` does not suit the queue, a payload has no text in that field, or a message is too
            large for SQS. The message names the line.
    """
    _check_group_by(channel, group_by)
    clock = clock or SystemClock()
    return [_message(payload, group_by, new_request_id(clock.now_ms())) for payload in payloads]


def send_messages(client: "SQSClient", queue_url: str, messages: Sequence[OutgoingMessage]) -> list[str | None]:
    """Send messages to a queue in order; return the error of each that was not sent, and None for each that was."""
    return [result.error for result in SqsQueueSender(lambda: client, queue_url).send(messages)]


@dataclass(slots=True)
class PayloadSender:
    """Sends the messages of payloads, ten at a time, and knows at each moment which of them were sent.

    Attributes:
        client: SQS client.
        channel: Where to.
        payloads: What is sent.
        messages: The message of each payload, from `compose_messages`.
        request_ids: Request id of each payload that was sent so far, in the order of the lines.
        failures: Line and error of each payload that was refused so far.
        lines_under_way: Lines of which it is not known whether they were sent: those that are being sent.
    """

    client: "SQSClient"
    channel: Channel
    payloads: Sequence[Payload]
    messages: Sequence[OutgoingMessage]
    request_ids: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    lines_under_way: Sequence[int] = ()
    _done: int = 0
    _broken: set[str | None] = field(default_factory=set)

    @property
    def first_line_left(self) -> int | None:
        """The first line that was not tried, so that it was not sent; None when all were tried."""
        left = self.payloads[self._done + len(self.lines_under_way) :]
        return left[0].line if left else None

    def run(self) -> Iterator[Sequence[str]]:
        """Send, and yield the request ids of the messages that were sent since the last time.

        After a message of a FIFO group that was not sent, those behind it in the group are not sent either. When
        nothing of a call was sent and the messages are not at fault, as in an outage, the others are not tried.
        """
        pairs = [*zip(self.payloads, self.messages, strict=True)]
        while batch := pairs[self._done : self._done + SQS_ENTRIES_PER_BATCH]:
            self.lines_under_way = [payload.line for payload, _ in batch]
            results = self._send(batch)
            sent = [request_id for each in batch if (request_id := self._note(each, results)) is not None]
            self.request_ids += sent
            self._done += len(batch)
            self.lines_under_way = ()
            yield sent
            if _is_outage(results.values()):
                return

    def _send(self, batch: Sequence[tuple[Payload, OutgoingMessage]]) -> dict[int, SendResult]:
        """Send messages but those of groups that are broken; return the results by line."""
        sendable = [(payload.line, message) for payload, message in batch if message.group_id not in self._broken]
        sender = SqsQueueSender(lambda: self.client, self.channel.queue_url)
        results = sender.send([message for _, message in sendable])
        return {line: result for (line, _), result in zip(sendable, results, strict=True)}

    def _note(self, pair: tuple[Payload, OutgoingMessage], results: Mapping[int, SendResult]) -> str | None:
        """Return the request id of a message that was sent; None for one that was not, and note why."""
        payload, message = pair
        held_back = SendResult(None, f"not sent: group {message.group_id} failed before it")
        error = results.get(payload.line, held_back).error
        if error is None:
            return str(message.attributes[REQUEST_ID_ATTRIBUTE])
        self.failures.append(f"line {payload.line}: {error}")
        if self.channel.is_fifo:
            self._broken.add(message.group_id)
        return None


def _is_outage(results: Collection[SendResult]) -> bool:
    return bool(results) and all(each.error is not None and not each.is_permanent for each in results)


def _check_group_by(channel: Channel, group_by: str | None) -> None:
    if channel.is_fifo and group_by is None:
        msg = f"--group-by must name the field that is the message group, because {channel.name} is a FIFO queue"
        raise InvalidInputError(msg)
    if not channel.is_fifo and group_by is not None:
        msg = f"--group-by must be left out, because {channel.name} is a standard queue, got {group_by}"
        raise InvalidInputError(msg)


def _message(payload: Payload, group_by: str | None, request_id: str) -> OutgoingMessage:
    message = compose_message(
        payload.text,
        request_id=request_id,
        group_id=None if group_by is None else payload.text_field(group_by),
        deduplication_id=None if group_by is None else payload_hash(payload.fields),
    )
    if message.size_bytes > SQS_MESSAGE_BYTES:
        size = f"{message.size_bytes:,}"
        msg = f"line {payload.line}: the message must have at most {SQS_MESSAGE_BYTES:,} bytes, got {size}"
        raise InvalidInputError(msg)
    return message
