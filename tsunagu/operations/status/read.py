"""Reads how a stack is. What the caller may not read is left out, and named in `denied`."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tsunagu.operations.aws import Aws
from tsunagu.operations.deployed_functions import DeployedFunction
from tsunagu.operations.deployed_queues import DeployedQueue, StackQueues, read_queues
from tsunagu.operations.inventory import StackInventory
from tsunagu.operations.jobs import jobs_of
from tsunagu.operations.reader import Reader
from tsunagu.operations.status.metrics import read_ages, read_alarms
from tsunagu.operations.status.model import ConsumerStatus, DeadLetterStatus, QueueStatus, StackStatus
from tsunagu.operations.status.needs import needs_of
from tsunagu.operations.status.pipelines import read_pipelines
from tsunagu.operations.status.requests import read_requests
from tsunagu.operations.status.schedules import read_jobs, read_schedules


def read_status(aws: Aws, inventory: StackInventory, *, now_ms: int | None = None) -> StackStatus:
    """Return how a stack is, and what a person must look at.

    Args:
        aws: Clients.
        inventory: The stack.
        now_ms: The time, in milliseconds since the epoch. Default: the machine's.
    """
    reader, now = Reader(aws), int(time.time() * 1_000) if now_ms is None else now_ms
    known = read_queues(reader, inventory)
    names = [queue.queue_name for queue in known.channels if queue.depth is None or queue.depth.total]
    ages = read_ages(reader, names, now)
    alarms, alarm_count = read_alarms(reader, inventory, now)
    status = StackStatus(
        name=inventory.name,
        queues=[_queue(queue, known, ages.get(queue.queue_name)) for queue in known.channels],
        dead_letter_queues=[_dead_letters(queue) for queue in known.dead_letter_queues],
        schedules=read_schedules(reader, inventory),
        jobs=read_jobs(reader, jobs_of(reader, inventory, known.functions)),
        pipelines=read_pipelines(reader, inventory, now),
        requests=read_requests(reader, known.functions, now),
        alarms=alarms,
        alarm_count=alarm_count,
        denied=reader.denials(),
    )
    return replace(status, needs=needs_of(status, inventory))


def _queue(queue: DeployedQueue, known: StackQueues, age: float | None) -> QueueStatus:
    dead_letters = _behind(queue, known)
    is_empty = queue.depth is not None and not queue.depth.total
    return QueueStatus(
        name=queue.name,
        url=queue.url,
        depth=queue.depth,
        oldest_seconds=0.0 if is_empty else age,
        dead_letters=_count(dead_letters) if dead_letters else 0,
        has_dead_letter_queue=dead_letters is not None,
        consumers=_consumers(queue, known.functions),
    )


def _behind(queue: DeployedQueue, known: StackQueues) -> DeployedQueue | None:
    """Return the dead-letter queue of a queue; None without one, or where it is in another stack."""
    for each in known.dead_letter_queues:
        if any(origin.arn == queue.arn for origin in each.origins):
            return each
    return None


def _consumers(queue: DeployedQueue, functions: Iterable[DeployedFunction]) -> Sequence[ConsumerStatus]:
    by_name = {function.name: function for function in functions}
    return [
        ConsumerStatus(
            function=by_name[mapping.function_name].label
            if mapping.function_name in by_name
            else mapping.function_name,
            mapping=mapping,
            reserved_concurrency=by_name[mapping.function_name].reserved_concurrency
            if mapping.function_name in by_name
            else None,
        )
        for mapping in queue.consumers
    ]


def _dead_letters(queue: DeployedQueue) -> DeadLetterStatus:
    return DeadLetterStatus(name=queue.name, url=queue.url, count=_count(queue), origins=queue.origins)


def _count(queue: DeployedQueue) -> int | None:
    return None if queue.depth is None else queue.depth.total
