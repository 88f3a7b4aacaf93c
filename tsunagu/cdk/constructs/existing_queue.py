"""What an existing queue must be like, so that its consumer neither loses messages nor gets them too early.

Synthesis sees it where the app creates the queue. An imported queue is not seen, only its ARN.
"""

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack
from aws_cdk import aws_sqs as sqs

from tsunagu.cdk.props import is_known
from tsunagu.errors import InvalidPropsError

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
_DEFAULT_VISIBILITY_SECONDS = 30
_DEFAULT_RETENTION_SECONDS = 345_600


def check_existing_queue(
    queue: sqs.IQueue, *, fifo: bool, visibility_seconds: int, retention_seconds: int, max_receive_count: int
) -> None:
    """Refuse a queue that is not as the channel's props say.

    Args:
        queue: The queue.
        fifo: Whether it is to be a FIFO queue.
        visibility_seconds: Least visibility time-out.
        retention_seconds: Its retention.
        max_receive_count: Deliveries after which SQS dead-letters a message.

    Raises:
        InvalidPropsError: It is of the other kind, or has other numbers.
    """
    if is_known(queue.queue_arn) and bool(queue.fifo) != fifo:
        msg = f"fifo must be {not fifo}, as it is of the existing queue, got {fifo}"
        raise InvalidPropsError(msg)
    resource = queue.node.default_child
    if not isinstance(resource, sqs.CfnQueue):
        return
    if bool(queue.fifo) != fifo:
        msg = f"fifo must be {not fifo}, as it is of the existing queue {queue.node.path}, got {fifo}"
        raise InvalidPropsError(msg)
    seen = _Seen(resource)
    visibility = seen.number("visibility_timeout", _DEFAULT_VISIBILITY_SECONDS)
    if visibility is not None and visibility < visibility_seconds:
        msg = (
            f"existing must have a visibility time-out of at least {visibility_seconds:,} seconds, six handler "
            f"time-outs and the batching window, got {visibility:,} of {queue.node.path}"
        )
        raise InvalidPropsError(msg)
    seen.check("retention", "message_retention_period", _DEFAULT_RETENTION_SECONDS, retention_seconds)
    seen.check_receives(max_receive_count)


class _Seen:
    """What synthesis sees of a queue."""

    def __init__(self, resource: sqs.CfnQueue) -> None:
        self._resource = resource

    def number(self, name: str, default: int) -> int | None:
        """Return a number of the resource; None for one that only the deployment knows."""
        value = self._read(name)
        if value is None:
            return default
        return int(value) if isinstance(value, int | float) and is_known(value) else None

    def check(self, prop: str, name: str, default: int, stated: int) -> None:
        """Check that a prop states the number that the resource has."""
        number = self.number(name, default)
        if number is not None and number != stated:
            msg = f"{prop} must be the {number:,} seconds of the existing queue, got {stated:,}"
            raise InvalidPropsError(msg)

    def check_receives(self, stated: int) -> None:
        """Check that the queue dead-letters a message after the stated number of deliveries."""
        policy: Mapping[str, Any] = self._read("redrive_policy") or {}
        count = policy.get("maxReceiveCount")
        if isinstance(count, int | float) and count != stated:
            msg = f"max_receive_count must be the {int(count):,} deliveries of the existing queue, got {stated:,}"
            raise InvalidPropsError(msg)

    def _read(self, name: str) -> Any:
        return Stack.of(self._resource).resolve(getattr(self._resource, name))
