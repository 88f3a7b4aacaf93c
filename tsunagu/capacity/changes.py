"""What would make a receiver faster: one change at a time, and what it would do."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tsunagu.capacity import quotas
from tsunagu.capacity.draining import seconds_to_drain
from tsunagu.capacity.limits import limits
from tsunagu.capacity.receiver import Load, Pollers, Receiver, batch_seconds

WORTH_SAYING = 0.95  # of the time before: less of a gain is not worth a change


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change, and what it would do.

    Attributes:
        what: What is changed: `batch_size 5 → 10`.
        rate: Messages a second at most, after it.
        seconds: How long the messages that wait would take.
    """

    what: str
    rate: float
    seconds: float


def changes(receiver: Receiver, load: Load) -> Sequence[Change]:
    """Return the changes that make a receiver faster, each alone, the best one first.

    Numbers are doubled, the time of a message is halved. A batch that would take longer than the time-out of the
    function is left out. Doubling the time-out, the memory or a quota is for a person to weigh. A job has one run at a
    time, so that nothing of its mapping or its queue makes it faster.
    """
    settings = () if receiver.is_job else (*_of_mapping(receiver, load), *_of_queue(receiver, load))
    now = seconds_to_drain(receiver, load)
    found = [
        Change(what=what, rate=limits(after, on)[0].rate, seconds=seconds_to_drain(after, on))
        for what, after, on in (*settings, *_of_load(receiver, load))
        if batch_seconds(after, on) <= max(receiver.timeout_seconds, batch_seconds(receiver, load))
    ]
    return sorted((each for each in found if each.seconds < now * WORTH_SAYING), key=lambda change: change.seconds)


_Change = tuple[str, Receiver, Load]


def _of_mapping(receiver: Receiver, load: Load) -> Iterator[_Change]:
    if (own := receiver.max_concurrency) is not None:
        yield f"max_concurrency {own:,} → {own * 2:,}", dataclasses.replace(receiver, max_concurrency=own * 2), load
    if (reserved := receiver.reserved_concurrency) is not None:
        after = dataclasses.replace(receiver, reserved_concurrency=reserved * 2)
        yield f"reserved_concurrency {reserved:,} → {reserved * 2:,}", after, load
    if (pollers := receiver.pollers) is not None:
        more = Pollers(fewest=pollers.fewest, most=pollers.most * 2)
        yield f"pollers {pollers.most:,} → {more.most:,}", dataclasses.replace(receiver, pollers=more), load
    most = quotas.FIFO_BATCH if receiver.fifo else quotas.STANDARD_BATCH
    batch = min(receiver.batch_size * 2, most)
    if batch > receiver.batch_size:
        window = " with a batching_window" if batch > quotas.FIFO_BATCH and not receiver.window_seconds else ""
        after = dataclasses.replace(receiver, batch_size=batch)
        yield f"batch_size {receiver.batch_size:,} → {batch:,}{window}", after, load


def _of_queue(receiver: Receiver, load: Load) -> Iterator[_Change]:
    if receiver.fifo and not receiver.high_throughput:
        yield "high_throughput of the queue", dataclasses.replace(receiver, high_throughput=True), load
    if receiver.fifo:
        what = f"message groups {load.groups:,} → {load.groups * 2:,}"
        yield what, receiver, dataclasses.replace(load, groups=load.groups * 2, largest_group=load.largest_group // 2)
    if receiver.writes:
        more = receiver.table_writes * 2
        what = f"warm throughput of the table {receiver.table_writes:,} → {more:,} write units"
        yield what, dataclasses.replace(receiver, table_writes=more), load


def _of_load(receiver: Receiver, load: Load) -> Iterator[_Change]:
    if not receiver.fifo and receiver.batch_size > load.parallel:
        what = f"concurrency of the decorator {load.parallel:,} → {load.parallel * 2:,}"
        yield what, receiver, dataclasses.replace(load, parallel=load.parallel * 2)
    half = load.message_ms / 2
    yield f"a message in {half:,.4g} ms", receiver, dataclasses.replace(load, message_ms=half)
    if receiver.reserved_concurrency is None:
        free = load.account_concurrency
        after = dataclasses.replace(load, account_concurrency=free * 2)
        yield f"concurrency of the account {free:,} → {free * 2:,}", receiver, after
    if load.own_writes:
        yield "half of the writes to the own table", receiver, dataclasses.replace(load, own_writes=load.own_writes / 2)
    if load.hot_writes:
        after = dataclasses.replace(load, hot_writes=load.hot_writes / 2)
        yield "half of the writes to the hot partition key", receiver, after
