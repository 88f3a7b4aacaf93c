"""Lets the mapping of a FIFO queue invoke several message groups at the same time, up to its MaximumConcurrency.

As on AWS, a group is in one invocation at a time, and a receive takes as many messages of one group as there are
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html).
ministack runs one batch at a time. So does a mapping without MaximumConcurrency here, to spare the machine.
"""

# ruff: noqa: SLF001 - the package's docstring says why

from typing import Any

from .ministack_modules import lambda_svc, sqs

Mapping = dict[str, Any]
Queue = dict[str, Any]
Message = dict[str, Any]


def install() -> None:
    """Count groups side by side, and receive group after group."""
    concurrency, collect = lambda_svc._sqs_esm_concurrency, sqs._collect_fifo

    def concurrency_of(mapping: Mapping, function: Any, config: Any, queue: Queue | None = None) -> int:
        own = _maximum_concurrency(mapping)
        return int(concurrency(mapping, function, config, None if own else queue))

    def collect_groups(queue: Queue, *rest: Any) -> list[Message]:
        view = {**queue, "messages": _by_group(queue["messages"])} if _is_shared(queue) else queue
        found: list[Message] = collect(view, *rest)  # which changes the messages, and not their list
        return found

    lambda_svc._sqs_esm_concurrency = concurrency_of
    sqs._collect_fifo = collect_groups


def _maximum_concurrency(mapping: Mapping) -> int | None:
    own: int | None = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency")
    return own


def _is_shared(queue: Queue) -> bool:
    """Whether a mapping may have several batches of the queue in hand."""
    arn = queue["attributes"].get("QueueArn")
    mappings = [mapping for *_, mapping in lambda_svc._iter_all_esms()]
    return any(mapping.get("EventSourceArn") == arn and _maximum_concurrency(mapping) for mapping in mappings)


def _by_group(messages: list[Message]) -> list[Message]:
    """Return messages such that those of a group follow each other; the order within groups stays."""
    first: dict[Any, int] = {}
    for number, message in enumerate(messages):
        first.setdefault(message["group_id"], number)
    return sorted(messages, key=lambda message: first[message["group_id"]])
