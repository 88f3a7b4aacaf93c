"""Sending messages to queues and topics: cuts them into batches, and sends failed entries again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from tsunagu.contracts.messages import ATTRIBUTES_PER_MESSAGE, SQS_ENTRIES_PER_BATCH, SQS_MESSAGE_BYTES
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.sending.attribute import Attribute

ROUNDS_PER_ENTRY = 4
ROUND_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message as it is passed to SQS or SNS.

    Attributes:
        body: Text of the message.
        attributes: Message attributes by name, ten at most; a plain `str` is an attribute of type `String`.
        group_id: Message group. A FIFO queue or topic requires it; on a standard queue it makes the queue fair.
        deduplication_id: A FIFO queue or topic skips messages with the same id for five minutes. A standard one takes
            none.
        trace_header: X-Ray header of the message.
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


def with_attribute(
    message: OutgoingMessage, name: str, value: str, *, largest_bytes: int = SQS_MESSAGE_BYTES
) -> OutgoingMessage:
    """Return the message with one more attribute; without it, if it would have too many or be too large.

    Args:
        message: The message.
        name: Name of the attribute.
        value: Its text.
        largest_bytes: Largest message, in bytes. Default: 1 MiB, the limit of SQS.
    """
    attributes: dict[str, Attribute | str] = {**message.attributes, name: value}
    extended = replace(message, attributes=attributes)
    has_room = len(attributes) <= ATTRIBUTES_PER_MESSAGE and extended.size_bytes <= largest_bytes
    return extended if has_room else message


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of sending one message.

    Attributes:
        message_id: Identifier that the service gave it; None when it was not sent.
        error: Why it was not sent; None when it was, or when another worker sends it.
        is_permanent: Whether it will be refused each time it is sent.
        call: The call that failed, if it is known.
    """

    message_id: str | None
    error: str | None = None
    is_permanent: bool = False
    call: FailedCall | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """One entry of a batch call that failed.

    Attributes:
        error: The service's error.
        can_retry: Whether it may help to send the entry again at once.
        is_permanent: Whether the entry itself is wrong, and will be refused each time it is sent.
        call: The call that failed, if it is known.
    """

    error: str
    can_retry: bool
    is_permanent: bool = False
    call: FailedCall | None = None


class QueueSender(Protocol):
    """Sends messages to one queue."""

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Send `messages` in order. Return the results in the same order; no failure is raised."""
        ...


class NotificationSender(Protocol):
    """Publishes notifications to a topic."""

    def notify(self, subject: str, message: str) -> None:
        """Publish one notification.

        Raises:
            UnavailableError: The notification was not published.
        """
        ...


SendCall = Callable[[Sequence[OutgoingMessage]], list[str | EntryFailure]]


def send_in_batches(
    messages: Sequence[OutgoingMessage],
    call: SendCall,
    clock: Clock,
    *,
    batch_bytes: int = SQS_MESSAGE_BYTES,
    in_order: bool = True,
) -> list[SendResult]:
    """Send `messages` in batches, and send failed entries again, in four rounds at most.

    If an entry of a FIFO group fails in the end, later calls send nothing of that group, so that it stays in order.
    Within one call, SQS itself may accept an entry and refuse an earlier one of its group.

    Args:
        messages: Messages, in order.
        call: Sends one batch, and returns for each entry its message id or its failure.
        clock: Pauses between rounds.
        batch_bytes: Largest size of one call, in bytes. Default: 1 MiB, the limit of SQS.
        in_order: Whether the groups are those of a FIFO queue or topic. A group of a standard one does not stop.
            Default: they are.

    Returns:
        One result for each message, in order.
    """
    results: list[SendResult] = []
    broken_groups: dict[str | None, FailedCall | None] = {}
    for batch in _batches(messages, batch_bytes):
        sendable = [message for message in batch if message.group_id not in broken_groups]
        sent = iter(_send_batch(sendable, call, clock))
        for message in batch:
            text, failed_call = (
                f"not sent: group {message.group_id} failed before it",
                broken_groups.get(message.group_id),
            )
            held_back = SendResult(None, text, call=failed_call)
            result = held_back if message.group_id in broken_groups else next(sent)
            results.append(result)
        broken_groups |= {
            message.group_id: result.call
            for message, result in zip(batch, results[-len(batch) :], strict=True)
            if in_order and result.error is not None and message.group_id is not None
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
                results[index] = SendResult(None, answer.error, answer.is_permanent, answer.call)
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
