"""The commits of a batch, broken on purpose, one rule each."""

from collections.abc import Sequence
from typing import Any

from tests.explorer.mutants.mutant import FAILED_CALL, Mutants, Patch
from tsunagu.runtime.idempotency.committer import Committer
from tsunagu.runtime.idempotency.store import Commit, Outcome, Verdict
from tsunagu.runtime.receiving.invocation import Invocation
from tsunagu.runtime.receiving.settlement import Settlement

MUTANTS = Mutants()
seen_in = MUTANTS.seen_in

commit_all = Committer.commit


@seen_in("standard, commit: three")
def completions_split_from_their_writes(patch: Patch) -> None:
    def mutant(self: Committer, commits: Sequence[Commit]) -> list[Verdict]:
        return commit_all(self, [commit._replace(writes=()) for commit in commits])

    patch.setattr(Committer, "commit", mutant)


@seen_in("standard, commit: refused condition")
def answer_of_one_commit_taken_for_each(patch: Patch) -> None:
    def mutant(self: Committer, commits: Sequence[Commit]) -> list[Verdict]:
        return commit_all(self, commits)[:1] * len(commits)

    patch.setattr(Committer, "commit", mutant)


@seen_in("standard, commit: refused condition")
def refused_transaction_taken_for_the_fault_of_each(patch: Patch) -> None:
    def mutant(self: Committer, commits: Sequence[Commit]) -> list[Verdict]:
        answers = self._transact(commits)
        failed = Verdict(Outcome.FAILED, error=ValueError())
        return answers if all(answer.outcome is Outcome.APPLIED for answer in answers) else [failed] * len(commits)

    patch.setattr(Committer, "commit", mutant)


@seen_in("standard, commit: three", FAILED_CALL)
def cancelled_commit_taken_for_applied(patch: Patch) -> None:
    def mutant(self: Committer, commits: Sequence[Commit]) -> list[Verdict]:
        answers = self._transact(commits)
        applied = Verdict(Outcome.APPLIED)
        return [applied if answer.outcome is Outcome.CANCELLED else answer for answer in answers]

    patch.setattr(Committer, "commit", mutant)


@seen_in("standard, commit: three", FAILED_CALL)
def lost_answer_taken_for_applied(patch: Patch) -> None:
    def mutant(self: Committer, commits: Sequence[Commit]) -> list[Verdict]:
        applied = Verdict(Outcome.APPLIED)
        answers = commit_all(self, commits)
        return [applied if answer.outcome is Outcome.UNAVAILABLE else answer for answer in answers]

    patch.setattr(Committer, "_transact", lambda self, commits: self._store.transact(commits, self._owner))
    patch.setattr(Committer, "commit", mutant)


@seen_in("standard, commit: three", FAILED_CALL)
def lost_answer_taken_for_refused(patch: Patch) -> None:
    def mutant(self: Settlement, pending: Sequence[Any]) -> None:
        commits = [Commit(each.change, each.writes) for each in pending]
        for each, verdict in zip(pending, self._idempotency.commit(commits), strict=True):
            if verdict.outcome is Outcome.APPLIED:
                self._settled(each, verdict)
            else:
                self.dead_letter(each.message, each.claim, "refused", attempts=each.claim.attempt)

    patch.setattr(Committer, "_transact", lambda self, commits: self._store.transact(commits, self._owner))
    patch.setattr(Settlement, "_commit", mutant)


@seen_in("fifo, commit: three")
@seen_in("fifo, transaction: paid twice")
def waves_mixed(patch: Patch) -> None:
    def mutant(self: Invocation[Any], lanes: Sequence[Any]) -> list[Any]:
        for lane in lanes:
            for place in range(len(lane)):
                self._advance(lane[place:])
        return []

    patch.setattr(Invocation, "_run_in_waves", mutant)
