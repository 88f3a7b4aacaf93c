"""Reads from a template what limits its receivers."""

from collections.abc import Iterator

from tsunagu.capacity.receiver import Receiver
from tsunagu.templates.consumers import QueueConsumer, idempotency_writes, queue_consumers
from tsunagu.templates.template import Resource, Template

DEFAULT_TIMEOUT_SECONDS = 3


def receivers(template: Template) -> Iterator[Receiver]:
    """Iterate over the functions with a queue. A number that only the deployment knows limits nothing."""
    for consumer in queue_consumers(template):
        if consumer.function is not None:
            yield _receiver(template, consumer, consumer.function)


def _receiver(template: Template, consumer: QueueConsumer, function: Resource) -> Receiver:
    own = consumer.mapping.mapping("ScalingConfig").get("MaximumConcurrency")
    reserved = function.properties.get("ReservedConcurrentExecutions")
    known = [each for each in (own, reserved) if isinstance(each, int)]
    return Receiver(
        name=function.logical_id,
        batch_size=consumer.batch_size,
        fifo=consumer.queue.properties.get("FifoQueue") is True,
        high_throughput=consumer.queue.properties.get("FifoThroughputLimit") == "perMessageGroupId",
        concurrency=min(known) if known else None,
        writes=idempotency_writes(template, function),
        timeout_seconds=function.number("Timeout", DEFAULT_TIMEOUT_SECONDS) or DEFAULT_TIMEOUT_SECONDS,
    )
