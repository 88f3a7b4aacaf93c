"""What limits the messages a second of a receiver.

Each limit is an upper bound of a steady state: full batches, no retries, no cold starts, and messages of all groups
until the end.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tsunagu.capacity import quotas
from tsunagu.capacity.receiver import Load, Receiver, batch_seconds, full_batch, groups_in_batch


class Throttle(StrEnum):
    """What throttles, as JSON names it."""

    MAPPING = "mapping_concurrency"
    RESERVED = "reserved_concurrency"
    ACCOUNT = "account_concurrency"
    ACCOUNT_REQUESTS = "account_requests"
    POLLERS = "pollers"
    POLLER_BYTES = "poller_bytes"
    GROUPS = "message_groups"
    FIFO_CALLS = "fifo_calls"
    IN_FLIGHT = "in_flight"
    TABLE = "table_writes"
    OWN_TABLE = "own_table_writes"
    PARTITION = "partition_writes"
    SNS = "sns_messages"


@dataclass(frozen=True, slots=True, order=True)
class Limit:
    """A limit of the messages a second.

    Attributes:
        rate: Messages a second.
        what: What it is the limit of.
        throttle: Its name.
    """

    rate: float
    what: str
    throttle: Throttle


def limits(receiver: Receiver, load: Load) -> Sequence[Limit]:
    """Return what limits a receiver, the tightest limit first."""
    found = (*_of_lambda(receiver, load), *_of_queue(receiver, load), *_of_writes(receiver, load))
    return sorted(found)


def concurrency_for(receiver: Receiver, load: Load, rate: float) -> int:
    """Return how many invocations at the same time a number of messages a second takes.

    Args:
        receiver: The receiver.
        load: The load.
        rate: Messages a second.
    """
    return math.ceil(round(rate * batch_seconds(receiver, load) / full_batch(receiver, load), 6))


def rate_of_one(receiver: Receiver, load: Load) -> float:
    """Return the messages a second of invocations that follow each other."""
    return full_batch(receiver, load) / batch_seconds(receiver, load)


def most_invocations(receiver: Receiver) -> int:
    """Return the most invocations at the same time that the mapping makes."""
    if receiver.pollers is not None:
        return min(receiver.pollers.most * quotas.POLLER_INVOCATIONS, quotas.MOST_INVOCATIONS_WITH_POLLERS)
    return min(receiver.max_concurrency or quotas.MOST_INVOCATIONS, quotas.MOST_INVOCATIONS)


def _of_lambda(receiver: Receiver, load: Load) -> Iterator[Limit]:
    of_one, most = rate_of_one(receiver, load), most_invocations(receiver)
    if receiver.pollers is not None:
        pollers = f"{receiver.pollers.most:,} provisioned pollers"
        yield Limit(most * of_one, f"{most:,} invocations of {pollers}", Throttle.POLLERS)
        bytes_per_second = receiver.pollers.most * quotas.POLLER_BYTES_PER_SECOND
        yield Limit(bytes_per_second / load.message_bytes, f"a megabyte a second of {pollers}", Throttle.POLLER_BYTES)
    elif receiver.max_concurrency:
        yield Limit(most * of_one, f"max_concurrency of the mapping, {most:,} invocations", Throttle.MAPPING)
    else:
        yield Limit(most * of_one, f"{most:,} invocations, the most of one mapping", Throttle.MAPPING)
    if receiver.reserved_concurrency is not None:
        reserved = receiver.reserved_concurrency
        yield Limit(reserved * of_one, f"reserved_concurrency, {reserved:,} invocations", Throttle.RESERVED)
    else:
        free = load.account_concurrency
        yield Limit(free * of_one, f"{free:,} invocations that the account has free", Throttle.ACCOUNT)
    requests = load.account_concurrency * quotas.REQUESTS_PER_CONCURRENCY
    rate = requests * full_batch(receiver, load)
    yield Limit(rate, f"{requests:,} invocations a second of the account", Throttle.ACCOUNT_REQUESTS)


def _of_queue(receiver: Receiver, load: Load) -> Iterator[Limit]:
    yield Limit(
        quotas.IN_FLIGHT / batch_seconds(receiver, load),
        f"{quotas.IN_FLIGHT:,} messages in flight of one queue",
        Throttle.IN_FLIGHT,
    )
    if not receiver.fifo:
        return
    yield _of_groups(receiver, load)
    per_call = min(full_batch(receiver, load), quotas.MESSAGES_PER_CALL)
    if receiver.high_throughput:
        calls = quotas.HIGH_THROUGHPUT_CALLS.get(load.region, quotas.FEWEST_HIGH_THROUGHPUT_CALLS)
        what = f"{calls:,} calls a second of FIFO queues {f'in {load.region}' if load.region else 'in most regions'}"
    else:
        calls = quotas.FIFO_CALLS_PER_SECOND
        what = f"{calls:,} calls a second of a FIFO queue without high_throughput"
    yield Limit(calls * per_call, what, Throttle.FIFO_CALLS)


def _of_groups(receiver: Receiver, load: Load) -> Limit:
    """Return the limit of the message groups; a job is one group, whose next run waits for the one before."""
    if receiver.is_job:
        return Limit(rate_of_one(receiver, load), "one run of the job at a time", Throttle.GROUPS)
    side_by_side = max(1, load.groups // groups_in_batch(receiver, load))
    what = f"{load.groups:,} message groups, each in one invocation at a time"
    return Limit(side_by_side * rate_of_one(receiver, load), what, Throttle.GROUPS)


def _of_writes(receiver: Receiver, load: Load) -> Iterator[Limit]:
    if receiver.writes:
        unit = "run of the pipeline" if receiver.pipeline else "message"
        kind = "a table on demand, at first" if receiver.table_grows else "the table"
        what = f"{receiver.table_writes:,} write units a second of {kind}, {receiver.writes:g} a {unit}"
        yield Limit(receiver.table_writes / receiver.writes, what, Throttle.TABLE)
    if load.own_writes:
        what = f"{quotas.NEW_TABLE_WRITES:,} write units a second of an own table on demand, at first"
        yield Limit(quotas.NEW_TABLE_WRITES / load.own_writes, what, Throttle.OWN_TABLE)
    if load.hot_writes:
        what = f"{quotas.PARTITION_WRITES:,} write units a second of one partition key"
        yield Limit(quotas.PARTITION_WRITES / load.hot_writes, what, Throttle.PARTITION)
    if load.sns_quota and receiver.pipeline:
        yield Limit(load.sns_quota, f"{load.sns_quota:,} messages a second that SNS takes", Throttle.SNS)
