"""Drives a deployed queue: sends messages, kills the handlers that work on them, and waits until it is empty."""

import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import Progress
from cdk_app.demo.load import PlannedMessage
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.queues import count_messages, wait_until_drained
from tsunagu.operations.sending import compose_message, send_messages

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# A killed batch comes back after the visibility time-out, 30 s; a batch behind it in its group after another 30 s.
DRAIN_PATIENCE_SECONDS = 180
KILL_PATIENCE_SECONDS = 10
LOOK_AGAIN_SECONDS = 0.01
SETTLE_SECONDS = 0.05  # time for an answer that was on its way when its handler was frozen


class HandlerHost(Protocol):
    """The place where handlers run."""

    def handler_processes(self, function_name: str, *, busy: bool = False) -> list[int]:
        """Return the process ids of the live handlers of a function, or only of those that work on an invocation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumedQueue:
    """A deployed queue with its dead-letter queue and its consumer.

    Attributes:
        name: Name in reports.
        queue_url: The queue.
        dead_letter_queue_url: Its dead-letter queue.
        function_name: Function that consumes it.
        fifo: Whether it is a FIFO queue.
    """

    name: str
    queue_url: str
    dead_letter_queue_url: str
    function_name: str
    fifo: bool

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, str], name: str, *, fifo: bool = False) -> "ConsumedQueue":
        """Return the queue whose outputs of a stack begin with the name, such as `FifoQueueUrl` for `fifo`."""
        prefix = name.capitalize()
        return cls(
            name=name,
            queue_url=outputs[f"{prefix}QueueUrl"],
            dead_letter_queue_url=outputs[f"{prefix}DeadLetterQueueUrl"],
            function_name=outputs[f"{prefix}FunctionName"],
            fifo=fifo,
        )


def send(sqs: "SQSClient", queue: ConsumedQueue, messages: Sequence[PlannedMessage]) -> None:
    """Send `messages` in order.

    Raises:
        DemoError: A message was not sent.
    """
    outgoing = [
        compose_message(
            message.body,
            request_id=message.request_id,
            group_id=message.group_id if queue.fifo else None,
            deduplication_id=message.request_id if queue.fifo else None,
        )
        for message in messages
    ]
    for error in send_messages(sqs, queue.queue_url, outgoing):
        if error is not None:
            msg = f"the {queue.name} queue must accept every message, got {error}"
            raise DemoError(msg)


def drain(
    cloud: EmbeddedCloud,
    queues: Iterable[ConsumedQueue],
    progress: Progress = lambda _text: None,
    *,
    patience_seconds: float = DRAIN_PATIENCE_SECONDS,
) -> None:
    """Wait until the queues are empty.

    Args:
        cloud: Where they are.
        queues: The queues.
        progress: Shows how many messages are left. Default: nothing is shown.
        patience_seconds: How long to wait. Default: three minutes.

    Raises:
        NotDrainedError: Messages are left when the time is over.
    """
    wait_until_drained(
        cloud.client("sqs"),
        [queue.queue_url for queue in queues],
        patience_seconds=patience_seconds,
        progress=lambda left: progress(
            f"{left} messages left; those of killed handlers come back after the visibility time-out"
        ),
    )


def kill_working_handlers(host: HandlerHost, sqs: "SQSClient", queue: ConsumedQueue, *, patience_seconds: float) -> int:
    """Kill handlers of `queue` with SIGKILL while they work.

    - Handlers are killed only after the queue got shorter. Before that, they may still be starting.
    - The busy handlers are frozen first. Those that are still busy while they are frozen were at work, and are killed.
    - The others go on, and the function tries again.

    Args:
        host: Where the handlers run.
        sqs: SQS client.
        queue: The queue, with the function that consumes it.
        patience_seconds: How long to try.

    Returns:
        Number of handlers killed; 0 when the queue was empty or the time was over first.
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
    """Kill handlers of a function with SIGKILL as soon as some work. Others may send to its queue meanwhile.

    Args:
        host: Where the handlers run.
        function_name: The function. Its handlers have started before.
        patience_seconds: How long to try.

    Returns:
        Number of handlers killed; 0 when the time was over first.
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
