"""The job lease: which execution may run a job now, and under which run number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tsunagu.contracts import items, schedules


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLease:
    """The lease of a job, as its item has it.

    Attributes:
        owner: ARN of the execution that holds it; empty when it is free.
        run: Number of the last run: the fencing token.
        slot: Scheduled time of the last run, such as `2026-11-28T14:00:00Z`.
        lease: When it ends by itself, in milliseconds since the epoch.
        since: When the owner took it, in milliseconds since the epoch.
    """

    owner: str
    run: int
    slot: str
    lease: int
    since: int

    def is_of(self, execution: str, run: int) -> bool:
        """Return whether this execution holds it, for this run."""
        return (self.owner, self.run) == (execution, run)


class JobLeases(Protocol):
    """Reads the leases of jobs."""

    def read(self, job: str) -> JobLease | None:
        """Return the lease of a job, by a consistent read; None if the job has never run.

        Raises:
            UnavailableError: The table did not answer, or the item cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCheck:
    """A condition that holds while an execution has the lease of a job, for one run.

    Attributes:
        key: Key of the job item.
        condition: Condition expression.
        names: Attribute names of its placeholders.
        values: Values of its placeholders.
    """

    key: Mapping[str, object]
    condition: str
    names: Mapping[str, str]
    values: Mapping[str, object]


def lease_check(job: str, execution: str, run: int) -> LeaseCheck:
    """Return the condition that lets a transaction commit only while this execution holds the lease for this run."""
    return LeaseCheck(
        key={items.ID: schedules.job_item_id(job)},
        condition="#owner = :owner AND #run = :run",
        names={"#owner": schedules.OWNER, "#run": schedules.RUN},
        values={":owner": execution, ":run": run},
    )
