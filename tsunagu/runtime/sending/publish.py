"""Sending messages on: what a message is, how it is cut into calls, and which entries are sent again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH, SQS_MESSAGE_BYTES
from tsunagu.runtime.clock import Clock

ROUNDS_PER_ENTRY = 4
ROUND_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Attribute:
    """A message attribute that is not plain text.

    Attributes:
        data_type: SQS's type, such as `Number` or `Binary.png`.
        value: Text, or bytes for a binary type.
    """

    data_type: str
    value: str | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message for a queue.

    Attributes:
        body: Text of the message.
        attributes: Message attributes by name, ten at most; a plain `str` is an attribute of type `String`.
        group_id: Message group; required by a FIFO queue.
        deduplication_id: What SQS compares for five minutes on a FIFO queue.
        trace_header: X-Ray header to carry on.
    """

    body: str
    attributes: Mapping[str, Attribute | str] = field(default_factory=dict)
    group_id: str | None = None
    deduplication_id: str | None = None
    trace_header: str | None = None

    @property
    def size_bytes(self) -> int:
        """Size as SQS counts it: body and attributes, each with name, type and value, in UTF-8."""
        size = len(self.body.encode())
        for name, attribute in self.attributes.items():
            data_type, value = ("String", attribute) if isinstance(attribute, str) else _parts(attribute)
            size += len(name.encode()) + len(data_type.encode())
            size += len(value.encode() if isinstance(value, str) else value)
        return size


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one message.

    Attributes:
        message_id: Identifier that SQS gave it; None when it was not sent.
        error: Why it was not sent; None when it was, or when another sends it.
        is_permanent: Whether it will be refused again, however often it is sent.
    """

    message_id: str | None
    error: str | None = None
    is_permanent: bool = False


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """One entry that a batch call refused.

    Attributes:
        error: What the service said.
        can_retry: Whether sending the entry again, at once, may help.
        is_permanent: Whether the entry itself is at fault, so that it will be refused again.
    """

    error: str
    can_retry: bool
    is_permanent: bool = False


class QueueSender(Protocol):
    """Sends messages to one queue."""

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Send `messages` in order; the results are in the same order, and no failure is raised."""
        ...


class NotificationSender(Protocol):
    """Tells people, by a topic."""

    def notify(self, subject: str, message: str) -> None:
        """Publish one notification.

        Raises:
            UnavailableError: It was not published.
        """
        ...


SendCall = Callable[[Sequence[OutgoingMessage]], list[str | EntryFailure]]


def send_in_batches(
    messages: Sequence[OutgoingMessage], call: SendCall, clock: Clock, *, batch_bytes: int = SQS_MESSAGE_BYTES
) -> list[SendResult]:
    """Send `messages` by `call`, ten and `batch_bytes` at a time, and send failed entries again.

    Once an entry of a FIFO group failed for good, later calls send nothing of that group, so that it stays in order.
    (Inside one call SQS itself may take an entry and refuse an earlier one of its group.)

    Args:
        messages: What to send, in order.
        call: Sends one batch; gives for each entry its message id, or why it failed.
        clock: What the pauses between rounds are made of.
        batch_bytes: Size of one call at most. Default: 1 MiB, as SQS takes.

    Returns:
        One result for each message, in order.
    """
    results: list[SendResult] = []
    broken_groups: set[str | None] = set()
    for batch in _batches(messages, batch_bytes):
        sendable = [message for message in batch if message.group_id not in broken_groups]
        sent = iter(_send_batch(sendable, call, clock))
        for message in batch:
            held_back = SendResult(None, f"not sent: group {message.group_id} failed before it")
            result = held_back if message.group_id in broken_groups else next(sent)
            results.append(result)
        broken_groups |= {
            message.group_id
            for message, result in zip(batch, results[-len(batch) :], strict=True)
            if result.error is not None and message.group_id is not None
        }
    return results


def _send_batch(messages: Sequence[OutgoingMessage], call: SendCall, clock: Clock) -> list[SendResult]:
    results = [SendResult(None, "not sent")] * len(messages)
    waiting = list(range(len(messages)))
    for attempt in range(ROUNDS_PER_ENTRY):
        if not waiting:
            break
        if attempt:
            clock.sleep(ROUND_PAUSE_SECONDS * 2**attempt)
        answers = call([messages[index] for index in waiting])
        again = []
        for index, answer in zip(waiting, answers, strict=True):
            if isinstance(answer, EntryFailure):
                results[index] = SendResult(None, answer.error, answer.is_permanent)
                if answer.can_retry:
                    again.append(index)
            else:
                results[index] = SendResult(answer)
        waiting = again
    return results


def _batches(messages: Sequence[OutgoingMessage], batch_bytes: int) -> Iterator[list[OutgoingMessage]]:
    batch: list[OutgoingMessage] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == SQS_ENTRIES_PER_BATCH or size + message.size_bytes > batch_bytes):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += message.size_bytes
    if batch:
        yield batch


def _parts(attribute: Attribute) -> tuple[str, str | bytes]:
    return attribute.data_type, attribute.value
