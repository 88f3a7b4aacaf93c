"""How long a receiver takes for messages that wait."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from tsunagu.capacity import quotas
from tsunagu.capacity.limits import Throttle, limits, rate_of_one
from tsunagu.capacity.receiver import Load, Receiver, batch_seconds, full_batch

_STEP_SECONDS = 1.0
_LEAST_STEP_SECONDS = 0.001  # a difference of two times may be less than what changes them
_GROW = (Throttle.TABLE, Throttle.OWN_TABLE)
_MOST_DOUBLINGS = 30  # a table has its most long before


def seconds_to_drain(receiver: Receiver, load: Load) -> float:
    """Return how long a receiver takes for the messages of a load, give or take the time of one batch.

    * Lambda begins with five invocations of a standard queue and adds up to 300 a minute; with ten for each
      provisioned poller, and adds up to 1,000 a minute. For a FIFO queue it is taken to begin with all groups.
    * A table on demand takes twice as many writes after each half hour.
    * The largest group of a FIFO queue is done by one invocation after the other.
    """
    largest = load.largest_group if receiver.fifo else 0
    alone = largest / full_batch(receiver, load) * batch_seconds(receiver, load)
    return max(_Course.of(receiver, load).seconds_for(load.messages), alone)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """How the messages a second change while a backlog is done.

    Attributes:
        steady: Messages a second that nothing but the table and the first minutes limit.
        first: Messages a second of the first invocations.
        growth: Messages a second more, each second.
        tables: Messages a second that each table takes at first, and in the end.
    """

    steady: float
    first: float
    growth: float
    tables: Sequence[tuple[float, float]]

    @classmethod
    def of(cls, receiver: Receiver, load: Load) -> Self:
        """Return the course of a receiver."""
        one, (first, growth) = rate_of_one(receiver, load), _ramp(receiver)
        return cls(
            steady=min(limit.rate for limit in limits(receiver, load) if limit.throttle not in _GROW),
            first=first * one,
            growth=growth * one,
            tables=[*_tables(receiver, load)],
        )

    def seconds_for(self, messages: int) -> float:
        """Return the seconds that some messages take; infinitely many where nothing is drained."""
        if messages and not self.steady:
            return math.inf
        left, seconds = float(messages), 0.0
        while left > 0:
            step = self._until_change(seconds)
            done = (self._rate(seconds) + self._rate(seconds, step)) / 2 * step
            if done >= left:
                return seconds + step * left / done
            left, seconds = left - done, seconds + step
        return seconds

    def _rate(self, seconds: float, step: float = 0.0) -> float:
        """Return the messages a second at the end of a step, in which the table does not grow."""
        ramp = self.first + self.growth * (seconds + step)
        doubled: float = 2.0 ** min(seconds // quotas.DOUBLING_SECONDS, _MOST_DOUBLINGS)
        return min(self.steady, ramp, *(min(first * doubled, most) for first, most in self.tables))

    def _until_change(self, seconds: float) -> float:
        """Return the seconds in which the rate changes evenly, or not at all."""
        ramp = (self.steady - self.first) / self.growth
        if seconds < ramp:
            return max(_LEAST_STEP_SECONDS, min(_STEP_SECONDS, ramp - seconds))
        return max(_LEAST_STEP_SECONDS, quotas.DOUBLING_SECONDS - seconds % quotas.DOUBLING_SECONDS)


def _tables(receiver: Receiver, load: Load) -> Iterator[tuple[float, float]]:
    """Yield the messages a second that each table takes at first, and in the end."""
    if receiver.writes:
        at_first = receiver.table_writes
        most = max(at_first, quotas.MOST_TABLE_WRITES) if receiver.table_grows else at_first
        yield at_first / receiver.writes, most / receiver.writes
    if load.own_writes:
        yield quotas.NEW_TABLE_WRITES / load.own_writes, quotas.MOST_TABLE_WRITES / load.own_writes


def _ramp(receiver: Receiver) -> tuple[float, float]:
    """Return the invocations at the begin, and how many more there are each second."""
    if receiver.fifo:
        return quotas.MOST_INVOCATIONS_WITH_POLLERS, 1.0
    if receiver.pollers is not None:
        return receiver.pollers.fewest * quotas.POLLER_INVOCATIONS, quotas.MORE_PER_MINUTE_WITH_POLLERS / 60
    return quotas.FIRST_INVOCATIONS, quotas.MORE_PER_MINUTE / 60
