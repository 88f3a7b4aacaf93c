"""Messages of a batch that run at the same time: the rules broken on purpose, one each."""

from typing import Any

from tests.explorer.mutants.mutant import ONE_SWITCH, Mutants, Patch
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.receiving.invocation import Invocation
from tsunagu.runtime.receiving.runner import MessageRunner

MUTANTS = Mutants()
seen_in = MUTANTS.seen_in


@seen_in("together, plain: paid twice at once")
def both_records_of_one_key_start_together(patch: Patch) -> None:
    is_ready = Invocation._is_ready  # noqa: SLF001

    def mutant(_self: Invocation[Any], message: Any) -> bool:
        message.was_advanced = False
        return is_ready(message)

    patch.setattr(Invocation, "_is_ready", mutant)


@seen_in("together, plain: paid twice")
def what_ran_together_is_given_back_too(patch: Patch) -> None:
    run_together = Invocation._run_together  # noqa: SLF001

    def mutant(self: Invocation[Any], lanes: Any) -> None:
        claims = [entry.message.claim for (entry,) in lanes]
        run_together(self, lanes)
        for (entry,), claim in zip(lanes, claims, strict=True):
            entry.message.claim = claim

    patch.setattr(Invocation, "_run_together", mutant)


@seen_in("together, plain: paid twice")
def what_ran_together_runs_again_in_its_lane(patch: Patch) -> None:
    run_together = Invocation._run_together  # noqa: SLF001

    def mutant(self: Invocation[Any], lanes: Any) -> None:
        claims = [entry.message.claim for (entry,) in lanes]
        run_together(self, lanes)
        for (entry,), claim in zip(lanes, claims, strict=True):
            entry.message.claim, entry.message.was_advanced = claim, False

    patch.setattr(Invocation, "_run_together", mutant)


@seen_in("together, transaction: heartbeat", ONE_SWITCH)
def threads_share_the_claim_in_hand(patch: Patch) -> None:
    attempt, completed = MessageRunner._attempt, Idempotency.completed  # noqa: SLF001
    in_hand: list[Claim] = []

    def mutant(self: Any, message: Any, claim: Claim) -> Any:
        in_hand[:] = [claim]
        return attempt(self, message, claim)

    patch.setattr(MessageRunner, "_attempt", mutant)
    patch.setattr(Idempotency, "completed", lambda self, _claim, *rest: completed(self, in_hand[0], *rest))


@seen_in("together, plain: killer")
def suspects_run_together(patch: Patch) -> None:
    patch.setattr(Invocation, "_is_ready", lambda _self, message: message.claim is not None and message.problem is None)


@seen_in("together, transaction: rivals")
def other_payload_runs_together(patch: Patch) -> None:
    patch.setattr(Invocation, "_is_ready", lambda _self, message: message.claim is not None)
