"""The sweeper of runs: takes ended runs out of the index, and counts those that should have ended long ago.

It looks at every open run, not only at old ones. A deployment may rename the last step: whether a run ended before that
is known as long as the pipeline has the step.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass

from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import FailedCall, UnavailableError, call_of
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import ItemStore, Outcome
from tsunagu.runtime.pipeline.open_runs import OpenRuns
from tsunagu.runtime.pipeline.run_marks import closing
from tsunagu.runtime.pipeline.unfinished_run import UnfinishedRun
from tsunagu.runtime.telemetry import Metrics, call_fields

_logger = logging.getLogger(__name__)

RESERVE_MS = 10_000  # of an invocation: for the page in hand
LINES = 20  # of unfinished runs, in the log of one invocation


@dataclass(slots=True)
class RunSweepReport:
    """What an invocation did.

    Attributes:
        looked_at: Open runs that it looked at.
        closed: Runs that it took out of the index.
        unfinished: Runs that are older than the longest run.
        is_complete: Whether there was time for all.
        problem: A call that failed, a configuration fault first; None if all succeeded.
    """

    looked_at: int = 0
    closed: int = 0
    unfinished: int = 0
    is_complete: bool = True
    problem: FailedCall | None = None


class RunSweeper:
    """Sweeps the open runs of one pipeline.

    Args:
        runs: The open runs.
        store: Changes the items of starts.
        metrics: Counts.
        clock: The time.
        rng: Chooses the order of the partitions, so that none waits for another when time is short.
        longest_run_seconds: Age of a run from which it counts as unfinished.
    """

    def __init__(
        self,
        runs: OpenRuns,
        store: ItemStore,
        metrics: Metrics,
        clock: Clock,
        rng: random.Random,
        *,
        longest_run_seconds: int,
    ) -> None:
        self._runs = runs
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._rng = rng
        self._longest_run_ms = longest_run_seconds * 1_000

    def run(self, deadline_ms: int) -> RunSweepReport:
        """Look at all open runs, until the time is over. A call that failed does not end the sweep.

        Args:
            deadline_ms: When the invocation ends, in milliseconds since the epoch.
        """
        report = RunSweepReport()
        for partition in self._rng.sample(self._runs.partitions, len(self._runs.partitions)):
            if not report.is_complete:
                break
            try:
                self._sweep(partition, report, deadline_ms - RESERVE_MS)
            except UnavailableError as error:
                self._note(report, call_of(error))
        if not report.is_complete:
            _logger.warning("sweep of runs incomplete, the next one goes on")
        self._metrics.count(Metric.RUNS_UNFINISHED, report.unfinished)
        self._metrics.flush()
        return report

    def _sweep(self, partition: str, report: RunSweepReport, until_ms: int) -> None:
        now_ms = self._clock.now_ms()
        for page in self._runs.pages(partition, now_ms):
            report.looked_at += len(page.over) + len(page.unfinished)
            self._close(page.over, report)
            self._count([run for run in page.unfinished if run.started_ms <= now_ms - self._longest_run_ms], report)
            if self._clock.now_ms() >= until_ms:
                report.is_complete = False
                return

    def _close(self, over: Sequence[Item], report: RunSweepReport) -> None:
        for verdict in self._store.update([closing(item) for item in over]) if over else []:
            report.closed += verdict.outcome is Outcome.APPLIED
            if verdict.outcome not in {Outcome.APPLIED, Outcome.REFUSED}:
                self._note(report, verdict.problem)

    def _count(self, unfinished: Sequence[UnfinishedRun], report: RunSweepReport) -> None:
        for run in unfinished[: max(0, LINES - report.unfinished)]:
            ids: dict[str, str] = {LogKey.REQUEST_ID: run.request_id, LogKey.ITEM_ID: run.start_id}
            _logger.warning("run unfinished", extra=ids)
        report.unfinished += len(unfinished)

    def _note(self, report: RunSweepReport, problem: FailedCall | None) -> None:
        call = problem or FailedCall("sweep", self._runs.partitions[0], "NoAnswer")
        _logger.error("call failed", extra=call_fields(call))
        self._metrics.count_failed_call(call)
        if report.problem is None or call.is_configuration_fault:
            report.problem = call
