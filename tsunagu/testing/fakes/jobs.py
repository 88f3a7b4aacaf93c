"""Leases of scheduled jobs, and the thread that extends them."""

from collections.abc import Callable
from dataclasses import replace

from tsunagu.contracts import items, schedules
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.idempotency.store import BusinessWrite
from tsunagu.runtime.single_flight.job_lease import JobLease


class FakeJobs:
    """The leases of jobs in a dictionary, with the conditional writes that a state machine makes."""

    def __init__(self) -> None:
        self.leases: dict[str, JobLease] = {}
        self.broken = False

    def read(self, job: str) -> JobLease | None:
        """Return the lease of a job; while `broken`, there is no answer."""
        if self.broken:
            raise UnavailableError(job)
        return self.leases.get(job)

    def take(self, job: str, execution: str, slot: str, *, now_ms: int, bound_ms: int) -> JobLease | None:
        """Take the lease, if it is free and the last slot is before this one. Return it, or None if it is refused."""
        found = self.leases.get(job, JobLease(owner=schedules.FREE, run=0, slot="", lease=0, since=0))
        if (found.owner != schedules.FREE and found.lease >= now_ms) or found.slot >= slot:
            return None
        self.leases[job] = JobLease(
            owner=execution, run=found.run + 1, slot=slot, lease=now_ms + bound_ms, since=now_ms
        )
        return self.leases[job]

    def release(self, job: str, execution: str, run: int) -> bool:
        """Release the lease, if this execution holds it for this run; return whether it did."""
        found = self.leases.get(job)
        if found is None or not found.is_of(execution, run):
            return False
        self.leases[job] = replace(found, owner=schedules.FREE)
        return True

    def refuses(self, write: BusinessWrite) -> bool:
        """Return whether the check of a lease does not hold."""
        job = str(write.target[items.ID]).removesuffix(schedules.job_item_id(""))
        found = self.leases.get(job)
        return found is None or not found.is_of(str(write.values[":owner"]), int(str(write.values[":run"])))


class FakeTicker:
    """Beats when a test says so, and not otherwise, as a thread does that is frozen."""

    def __init__(self, tick: Callable[[], bool], every_seconds: float) -> None:
        self.tick = tick
        self.every_seconds = every_seconds
        self.is_stopped = False

    def stop(self) -> None:
        """End the beats."""
        self.is_stopped = True
