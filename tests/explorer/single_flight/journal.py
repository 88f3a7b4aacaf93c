"""The journal of a job's plant: which runs were taken, worked and committed, and what must never be."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from tests.explorer.single_flight.setting import BOUND_MS, JOB, SKEW_MS
from tsunagu.runtime.single_flight.job_lease import JobLease
from tsunagu.runtime.single_flight.run import Run
from tsunagu.testing.explorer.item_life import changed_by, judge
from tsunagu.testing.explorer.schedule import Violation

if TYPE_CHECKING:
    from tests.explorer.single_flight.actors import Execution
    from tests.explorer.single_flight.plant import JobPlant
    from tsunagu.testing.explorer.stage import Actor

ResultT = TypeVar("ResultT")

WINDOW_SECONDS = 86_400


class JobJournal:
    """Watches a plant.

    Attributes:
        committed: Runs and slices that were committed, in this order.
        attempts: How often the business function came to its end, by run and slice.
        was_still: Somebody stood still in the middle of something, for a visibility time-out or longer.
        lost_release: Nobody releases the lease of an execution that ended.
        disturbances: Crashes, failed calls and forced waits so far.
    """

    def __init__(self, plant: "JobPlant") -> None:
        self._plant = plant
        self._last_run = 0
        self.committed: list[tuple[int, int]] = []
        self.attempts: dict[tuple[int, int], int] = {}
        self.was_still = False
        self.lost_release = False
        self.disturbances = 0

    def disturbed(self) -> None:
        self.disturbances += 1

    def fault(self, _actor: "Actor") -> None:
        self.disturbed()

    def time_passed(self) -> None:
        """Note that the clock moved, which alone does no harm here."""

    def took(self, execution: "Execution") -> None:
        """Judge a lease that was taken: its number is higher than all before."""
        assert execution.taken is not None
        if execution.taken.run <= self._last_run:
            raise Violation(f"{execution.name}: a run must have a new number, got {execution.taken.run}")
        self._last_run = execution.taken.run

    def refused(self, execution: "Execution", found: JobLease) -> None:
        """Judge a lease that is refused: its slot was started, or somebody has held it for less than the bound."""
        was_started = execution.tick.slot <= found.slot
        held_ms = self._plant.ms - found.since
        if not was_started and (not found.owner or held_ms > BOUND_MS + 2 * SKEW_MS):
            raise Violation(f"{execution.name}: must not be skipped while nothing runs, got {found}")

    def worked(self, run: Run) -> None:
        """Note that the business function came to its end."""
        place = run.number, run.slice
        self.attempts[place] = self.attempts.get(place, 0) + 1

    def told(self, execution: "Execution") -> None:
        """Judge an outcome: a success is of a run whose last slice is committed."""
        assert execution.taken is not None
        assert execution.outcome is not None
        wanted = (execution.taken.run, self._plant.setting.slices - 1)
        if execution.outcome[0].name == "SUCCEEDED" and wanted not in self.committed:
            raise Violation(f"{execution.name}: must not succeed before {wanted} is committed, got {self.committed}")

    def watch(self, actor: "Actor", item_ids: Sequence[str], write: Callable[[], ResultT]) -> ResultT:
        known = len(self._plant.store.effects)
        lease = self._plant.store.jobs.leases.get(JOB)
        result, changes = changed_by(write, self._plant.store.items, item_ids)
        for old, new in changes:
            judge(actor, old, new, window_seconds=WINDOW_SECONDS)
        for effect in self._plant.store.effects[known:]:
            self._committed(actor, int(str(effect["run"])), int(str(effect["slice"])), lease)
        return result

    def _committed(self, actor: "Actor", run: int, number: int, lease: JobLease | None) -> None:
        if lease is None or lease.run != run or not lease.owner:
            raise Violation(f"{actor.name}: must commit run {run} while it holds the lease only, got {lease}")
        before = self.committed[-1] if self.committed else (0, 0)
        is_next = (run == before[0] and number == before[1] + 1) or (run > before[0] and number == 0)
        if not is_next:
            raise Violation(f"{actor.name}: must commit what is behind {before}, got {(run, number)}")
        self.committed.append((run, number))
