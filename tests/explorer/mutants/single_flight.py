"""A scheduled job, broken on purpose, one rule each."""

from dataclasses import replace
from typing import Any

from tests.explorer.mutants.mutant import ONE_SWITCH, Mutants, Patch
from tsunagu.contracts import schedules
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.single_flight import outcomes
from tsunagu.runtime.single_flight.job_lease import JobLease
from tsunagu.runtime.single_flight.job_message import JobMessage
from tsunagu.runtime.single_flight.outcomes import FailureTeller
from tsunagu.runtime.single_flight.processor import RunProcessor
from tsunagu.runtime.single_flight.run import Run
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.fakes import FakeJobs

MUTANTS = Mutants()
seen_in = MUTANTS.seen_in

ONE_CRASH = Bounds(crashes=1)


# --- the worker ----------------------------------------------------------------------------------


@seen_in("job: aborted, next tick", ONE_SWITCH)
def commit_does_not_check_the_lease_of_the_job(patch: Patch) -> None:
    patch.setattr(FakeJobs, "refuses", lambda _self, _write: False)


@seen_in("job: run", ONE_CRASH)
def outcome_that_was_sent_before_a_kill_is_dead_lettered(patch: Patch) -> None:
    patch.setattr(outcomes, "_NOT_AWAITED", set())


@seen_in("job: always fails")
def execution_is_not_told_that_its_run_was_dead_lettered(patch: Patch) -> None:
    patch.setattr(FailureTeller, "tell", lambda _self, _item, _delivery, _reason: None)


@seen_in("job: slices")
def end_of_a_slice_is_the_end_of_the_run(patch: Patch) -> None:
    commit = RunProcessor._commit  # noqa: SLF001

    def mutant(self: RunProcessor, job_message: JobMessage, message: Message, run: Run, _end: object) -> None:
        commit(self, job_message, message, run, None)

    patch.setattr(RunProcessor, "_commit", mutant)


@seen_in("job: slices")
def next_slice_is_the_same_one(patch: Patch) -> None:
    patch.setattr(JobMessage, "next_slice", lambda self, checkpoint: replace(self, checkpoint=checkpoint))


# --- the lease -----------------------------------------------------------------------------------


def _taking(**changes: Any) -> Any:
    """Return `FakeJobs.take` that sees the lease as it is not."""
    take = FakeJobs.take

    def mutant(self: FakeJobs, job: str, execution: str, slot: str, *, now_ms: int, bound_ms: int) -> JobLease | None:
        if job in self.leases:
            self.leases[job] = replace(self.leases[job], **changes)
        return take(self, job, execution, slot, now_ms=now_ms, bound_ms=bound_ms)

    return mutant


@seen_in("job: one slot twice")
def slot_is_started_again(patch: Patch) -> None:
    patch.setattr(FakeJobs, "take", _taking(slot=""))


@seen_in("job: two ticks", ONE_SWITCH)
def lease_is_taken_though_another_execution_holds_it(patch: Patch) -> None:
    patch.setattr(FakeJobs, "take", _taking(owner=schedules.FREE))


@seen_in("job: two ticks")
def run_has_the_number_of_an_earlier_one(patch: Patch) -> None:
    patch.setattr(FakeJobs, "take", _taking(run=0))


@seen_in("job: events lost")
def lease_never_ends_by_itself(patch: Patch) -> None:
    patch.setattr(FakeJobs, "take", _taking(lease=10**15))
