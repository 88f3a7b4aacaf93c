"""Counts the messages of queues, and waits until queues are empty."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from tsunagu.errors import NotDrainedError
from tsunagu.runtime.clock import Clock, SystemClock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

COUNTS: "Sequence[QueueAttributeNameType]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
# The counts are approximate: a message can be missing in one of them while SQS moves it to another.
EMPTY_LOOKS = 2
LOOK_AGAIN_SECONDS = 0.2


def count_messages(client: "SQSClient", queue_url: str) -> int:
    """Return how many messages a queue holds: waiting, delayed and in flight."""
    attributes = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(COUNTS))["Attributes"]
    return sum(int(attributes[name]) for name in COUNTS)


def wait_until_drained(
    client: "SQSClient",
    queue_urls: Iterable[str],
    *,
    patience_seconds: float,
    progress: Callable[[int], None] = lambda _left: None,
    clock: Clock | None = None,
) -> None:
    """Wait until no message is left in the queues, neither waiting nor delayed nor in flight.

    Args:
        client: SQS client.
        queue_urls: The queues.
        patience_seconds: How long to wait at most.
        progress: Called at each look with the number of messages that are left. Default: nothing is called.
        clock: The time. Default: the machine's.

    Raises:
        NotDrainedError: Messages are left when the time is over.
    """
    clock, urls = clock or SystemClock(), [*queue_urls]
    deadline_ms = clock.now_ms() + patience_seconds * 1_000
    empty_looks = 0
    while empty_looks < EMPTY_LOOKS:
        left = sum(count_messages(client, url) for url in urls)
        progress(left)
        empty_looks = 0 if left else empty_looks + 1
        if left and clock.now_ms() >= deadline_ms:
            msg = f"the queues must be empty after {patience_seconds:.0f} s, got {left} messages left"
            raise NotDrainedError(msg)
        clock.sleep(LOOK_AGAIN_SECONDS)
