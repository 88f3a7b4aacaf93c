"""One run of a sweeper: its pages of the index, in turn, until its time is over, and what it reports."""

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tsunagu.contracts.telemetry import LogKey
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import FailedCall, UnavailableError, call_of
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.requests.open_request import DuePage
from tsunagu.runtime.telemetry import Metrics, call_fields

_logger = logging.getLogger(__name__)

RESERVE_MS = 10_000  # of a run: for the page in hand


@dataclass(slots=True)
class SweepReport:
    """What a run did.

    Attributes:
        looked_at: Records that were due.
        failed: Requests that have failed since this run: their time was over, or their letter was found. Of HTTP
            requests: those whose messages can never be sent, and were given up.
        resent: Requests that were sent again. Of HTTP requests: those whose messages were sent.
        closed: Requests that ended, and were taken out of the index.
        is_complete: Whether there was time for all that were due.
        problem: A call that failed, a configuration fault first; None if all succeeded.
    """

    looked_at: int = 0
    failed: int = 0
    resent: int = 0
    closed: int = 0
    is_complete: bool = True
    problem: FailedCall | None = None


class DueRecords(Protocol):
    """The index of the records that are open."""

    def find_due(self, partition: str, now_ms: int, start: object | None = None) -> DuePage:
        """Return a page of the records of a partition that are due; see `OpenRequests.find_due`."""
        ...


class SweepRun:
    """One run of a sweeper, which has a scope, an index and a time.

    Args:
        scope: Scope of the requests.
        clock: The time.
        metrics: Counts.
        until_ms: When the last page begins, in milliseconds since the epoch.

    Attributes:
        report: What it did so far.
    """

    def __init__(self, scope: str, clock: Clock, metrics: Metrics, *, until_ms: int) -> None:
        self.report = SweepReport()
        self._scope = scope
        self._clock = clock
        self._metrics = metrics
        self._until_ms = until_ms

    def pages(self, index: DueRecords, partitions: Sequence[str], rng: random.Random) -> Iterator[Sequence[str]]:
        """Return one page of each partition in turn, so that none waits for another, and begin with any of them."""
        now_ms = self._clock.now_ms()
        shuffled = [*partitions]
        rng.shuffle(shuffled)
        waiting: list[tuple[str, object | None]] = [(partition, None) for partition in shuffled]
        while waiting:
            if self._clock.now_ms() >= self._until_ms:
                self.report.is_complete = False
                return
            partition, start = waiting.pop(0)
            try:
                page = index.find_due(partition, now_ms, start)
            except UnavailableError as error:
                self.note(call_of(error))
                continue
            if page.following is not None:
                waiting.append((partition, page.following))
            if page.item_ids:
                self.report.looked_at += len(page.item_ids)
                yield page.item_ids

    def unread(self, item_id: str, verdict: Verdict) -> None:
        """Log and count a record that could not be read."""
        if verdict.outcome is Outcome.UNREADABLE:
            _logger.error("record cannot be read", extra={LogKey.ITEM_ID: item_id})
            self.note(FailedCall("read the record", item_id.partition("#")[0], verdict.outcome.name))
        else:
            self.note(verdict.problem)

    def note(self, problem: FailedCall | None, count: int = 1) -> None:
        """Log and count calls that failed. The run goes on, and what they were for is due in the next one."""
        call = problem or FailedCall("sweep", self._scope, "NoAnswer")
        _logger.error("call failed", extra=call_fields(call))
        self._metrics.count_failed_call(call, count)
        if self.report.problem is None or call.is_configuration_fault:
            self.report.problem = call
