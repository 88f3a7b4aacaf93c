"""What the demonstration does to a deployed queue: send, kill the handler that works on it, wait until it is empty."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cdk_app.demo.errors import DemoError
from cdk_app.demo.load import PlannedMessage
from tsunagu.contracts.messages import (
    REQUEST_ID_ATTRIBUTE,
    SCHEMA_VERSION,
    SCHEMA_VERSION_ATTRIBUTE,
    SQS_ENTRIES_PER_BATCH,
)

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

# A killed batch comes back after the visibility time-out, 30 s; a second one in its way after another 30 s.
DRAIN_PATIENCE_SECONDS = 180
KILL_PATIENCE_SECONDS = 10
LOOK_AGAIN_SECONDS = 0.01
SETTLE_SECONDS = 0.05  # time for an answer that was on its way when its handler was frozen
COUNTS: "Sequence[QueueAttributeNameType]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


class HandlerHost(Protocol):
    """Where handlers run."""

    def handler_processes(self, function_name: str, *, busy: bool = False) -> list[int]:
        """Return the process ids of a function's live handlers, or of those in the middle of an invocation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumedQueue:
    """A queue, what is behind it, and who consumes it.

    Attributes:
        name: How reports call it.
        queue_url: Where messages are sent.
        dead_letter_queue_url: Where those go that cannot be processed.
        function_name: The consumer.
        fifo: Whether the queue is a FIFO queue.
    """

    name: str
    queue_url: str
    dead_letter_queue_url: str
    function_name: str
    fifo: bool


def send(sqs: "SQSClient", queue: ConsumedQueue, messages: Sequence[PlannedMessage]) -> None:
    """Send `messages` in order, ten a call.

    Raises:
        DemoError: The queue refused one.
    """
    for start in range(0, len(messages), SQS_ENTRIES_PER_BATCH):
        batch = messages[start : start + SQS_ENTRIES_PER_BATCH]
        entries = [_entry(str(index), message, fifo=queue.fifo) for index, message in enumerate(batch)]
        for failure in sqs.send_message_batch(QueueUrl=queue.queue_url, Entries=entries).get("Failed", []):
            msg = f"the {queue.name} queue must accept every message, got {failure['Code']}: {failure.get('Message')}"
            raise DemoError(msg)


def kill_working_handlers(host: HandlerHost, sqs: "SQSClient", queue: ConsumedQueue, *, patience_seconds: float) -> int:
    """Kill handlers of `queue` with SIGKILL in the middle of their work.

    It is tried once the queue gets shorter, or the kill would hit handlers that are still starting. They are frozen
    first: whoever still owes an answer while it cannot move was at work, and is killed. The others go on, and another
    moment is tried.

    Args:
        host: Where the handlers run.
        sqs: Client.
        queue: The queue, and the function that consumes it.
        patience_seconds: How long to try.

    Returns:
        Number of handlers killed; 0 when the queue ran empty, or the patience out, before a moment was found.
    """
    deadline = time.monotonic() + patience_seconds
    at_start = left = count_messages(sqs, queue.queue_url)
    while left and time.monotonic() < deadline:
        if left < at_start and (killed := _kill_working(host, queue.function_name)):
            return killed
        time.sleep(LOOK_AGAIN_SECONDS)
        left = count_messages(sqs, queue.queue_url)
    return 0


def kill_next_working_handlers(host: HandlerHost, function_name: str, *, patience_seconds: float) -> int:
    """Kill handlers of a function with SIGKILL as soon as some work; others may go on sending to its queue meanwhile.

    Args:
        host: Where the handlers run.
        function_name: The function, whose handlers have started before.
        patience_seconds: How long to look.

    Returns:
        Number of handlers killed; 0 when the patience ran out.
    """
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if killed := _kill_working(host, function_name):
            return killed
        time.sleep(LOOK_AGAIN_SECONDS)
    return 0


def _kill_working(host: HandlerHost, function_name: str) -> int:
    with _frozen(host.handler_processes(function_name, busy=True)) as frozen:
        working = frozen & set(host.handler_processes(function_name, busy=True))
        return sum(_signal(process_id, signal.SIGKILL) for process_id in working)


def wait_until_drained(
    sqs: "SQSClient", queues: Sequence[ConsumedQueue], *, patience_seconds: float, tell: Callable[[int], None]
) -> None:
    """Wait until no message is left in the queues, neither waiting nor in flight.

    Args:
        sqs: Client.
        queues: The queues.
        patience_seconds: How long to wait.
        tell: Called with the number of messages that are left, at each look.

    Raises:
        DemoError: Messages are left when the patience is over.
    """
    deadline = time.monotonic() + patience_seconds
    empty_looks = 0
    # Two looks, because the counts are approximate: a message can be on its way from one to the other.
    while empty_looks < 2:  # noqa: PLR2004 - the comment above says why
        left = sum(count_messages(sqs, queue.queue_url) for queue in queues)
        tell(left)
        empty_looks = 0 if left else empty_looks + 1
        if left and time.monotonic() > deadline:
            msg = f"the queues must be empty after {patience_seconds:.0f} s, got {left} messages left"
            raise DemoError(msg)
        time.sleep(0.2)


def count_messages(sqs: "SQSClient", queue_url: str) -> int:
    """Return how many messages a queue holds, waiting, delayed and in flight."""
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(COUNTS))["Attributes"]
    return sum(int(attributes[name]) for name in COUNTS)


@contextmanager
def _frozen(process_ids: Sequence[int]) -> Iterator[set[int]]:
    frozen = {process_id for process_id in process_ids if _signal(process_id, signal.SIGSTOP)}
    try:
        time.sleep(SETTLE_SECONDS)
        yield frozen
    finally:
        for process_id in frozen:
            _signal(process_id, signal.SIGCONT)


def _signal(process_id: int, number: signal.Signals) -> bool:
    with suppress(ProcessLookupError):
        os.kill(process_id, number)
        return True
    return False


def _entry(entry_id: str, message: PlannedMessage, *, fifo: bool) -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": entry_id,
        "MessageBody": message.body,
        "MessageAttributes": {
            REQUEST_ID_ATTRIBUTE: {"DataType": "String", "StringValue": message.request_id},
            SCHEMA_VERSION_ATTRIBUTE: {"DataType": "String", "StringValue": str(SCHEMA_VERSION)},
        },
    }
    if fifo:
        entry["MessageGroupId"] = message.group_id
        entry["MessageDeduplicationId"] = message.request_id
    return entry
