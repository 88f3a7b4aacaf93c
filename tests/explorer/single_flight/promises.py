"""The promises of a job's plant: what must hold after each schedule, when all is quiet."""

from typing import TYPE_CHECKING

from tests.explorer.single_flight.actors import Execution, State
from tests.explorer.single_flight.setting import JOB
from tsunagu.contracts.items import Status
from tsunagu.contracts.messages import DEAD_LETTER_REASON_ATTRIBUTE
from tsunagu.contracts.schedules import FREE
from tsunagu.testing.explorer.schedule import Violation

if TYPE_CHECKING:
    from tests.explorer.single_flight.plant import JobPlant


class JobPromises:
    """Checks the promises of a plant."""

    def __init__(self, plant: "JobPlant") -> None:
        self._plant = plant
        self._journal = plant.journal

    def check(self) -> None:
        """Check what must hold when nobody works and the queue is empty.

        Raises:
            Violation: It does not.
        """
        for item in self._plant.store.items.values():
            if item.status not in {Status.COMPLETED, Status.DEAD}:
                raise Violation(f"{item.id}: an item must end COMPLETED or DEAD, got {item.status}")
        if self._plant.queue.set_aside:
            raise Violation(f"the worker must decide about a message, got {self._plant.queue.set_aside} set aside")
        for execution in self._plant.unjudged():
            self._check_end(execution)
        self._check_lease()
        self._check_letters()

    def _check_end(self, execution: Execution) -> None:
        if execution.taken is None:
            ends = {State.SKIPPED, State.FAILED, State.ABORTED} if execution.was_harmed else {State.SKIPPED}
        elif execution.was_harmed:
            return
        else:
            ends = {State.FAILED} if self._fails else {State.SUCCEEDED}
        if execution.state not in ends:
            raise Violation(f"{execution.name}: must end {ends}, got {execution.state}")
        if execution.taken is not None and execution.outcome is not None and self._fails:
            reason = execution.outcome[1]
            if "attempt" not in reason:
                raise Violation(f"{execution.name}: must be told why its run failed, got {reason}")

    @property
    def _fails(self) -> bool:
        return self._plant.setting.always_fails and not self._plant.is_mended

    def _check_lease(self) -> None:
        lease = self._plant.store.jobs.leases.get(JOB)
        if lease is None or lease.owner == FREE or self._plant.setting.loses_events or self._journal.lost_release:
            return
        raise Violation(f"the lease must be free when nothing runs, got {lease}")

    def _check_letters(self) -> None:
        letters = self._plant.dead_letter_queue.waiting
        harmed = any(execution.was_harmed for execution in self._plant.executions)
        if letters and not self._plant.setting.always_fails and not harmed:
            reasons = [str(letter.attributes.get(DEAD_LETTER_REASON_ATTRIBUTE)) for letter in letters]
            raise Violation(f"a run that can succeed must not be dead-lettered, got {reasons}")
        if self._fails and not harmed and not letters and self._journal.attempts:
            raise Violation("a run that always fails must be dead-lettered, got no dead letter")
