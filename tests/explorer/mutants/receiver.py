"""The receiver, broken on purpose, one rule each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.explorer.mutants.mutant import CRASH, FAILED_CALL, TWO_SWITCHES, Mutants, Patch
from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency import decisions, lease
from tsunagu.runtime.idempotency.decision import Busy, DeadLettered, Unavailable, Unsent
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.receiving import invocation, relay
from tsunagu.runtime.receiving.batch import Batch
from tsunagu.runtime.receiving.invocation import Invocation
from tsunagu.runtime.receiving.runner import MessageRunner
from tsunagu.runtime.receiving.settlement import Settlement
from tsunagu.testing.explorer.bounds import Bounds

MUTANTS = Mutants()
seen_in = MUTANTS.seen_in


def where(change: Change, *, without: str) -> Change:
    return replace(change, where={name: value for name, value in change.where.items() if name != without})


def advance_as(patch: Patch, decision: type, act: Callable[[Any], None]) -> None:
    """Do something else with the messages of one decision."""
    advance = MessageRunner.advance

    def mutant(self: MessageRunner[Any], message: Any) -> None:
        act(message) if isinstance(message.decision, decision) else advance(self, message)

    patch.setattr(MessageRunner, "advance", mutant)


@seen_in("standard, transaction: paid twice", TWO_SWITCHES)
def owner_and_fencing_token_dropped_from_conditions(patch: Patch) -> None:
    patch.setattr(Claim, "held", lambda _claim: {items.STATUS: Status.INPROGRESS})


@seen_in("standard, transaction: deleted by hand", Bounds(crashes=1, switches=3))
def owner_dropped_from_conditions(patch: Patch) -> None:
    held = Claim.held
    patch.setattr(Claim, "held", lambda claim: {n: v for n, v in held(claim).items() if n != items.OWNER})


@seen_in("standard, transaction: paid twice", CRASH)
def item_in_progress_acknowledged(patch: Patch) -> None:
    advance_as(patch, Busy, lambda message: message.confirm())


@seen_in("standard, plain: paid twice", CRASH)
@seen_in("standard, transaction: paid twice", CRASH)
def fencing_token_not_raised(patch: Patch) -> None:
    def mutant(found: Item, wanted: Item) -> tuple[Change, Claim]:
        change, claim = lease.takeover(found, wanted)
        values: Mapping[str, Any] = {**change.values, items.FENCE: found.fence}
        return replace(change, values=values), Claim(item=replace(claim.item, fence=found.fence))

    patch.setattr(decisions, "takeover", mutant)


@seen_in("standard, transaction: paid twice", Bounds(lost=2, switches=1))
def release_without_a_condition(patch: Patch) -> None:
    released = Idempotency.released
    patch.setattr(Idempotency, "released", lambda *args, **values: replace(released(*args, **values), where={}))


@seen_in("standard, transaction: paid twice", FAILED_CALL)
@seen_in("fifo, transaction: sent on", FAILED_CALL)
def commit_without_the_status(patch: Patch) -> None:
    completed = Idempotency.completed
    patch.setattr(Idempotency, "completed", lambda *args: where(completed(*args), without=items.STATUS))


@seen_in("standard, transaction: heartbeat", Bounds(crashes=1, switches=3), [0, 0, 0, 1, 1])
def takeover_without_comparing_the_lease(patch: Patch) -> None:
    def mutant(found: Item, wanted: Item) -> tuple[Change, Claim]:
        change, claim = lease.takeover(found, wanted)
        return where(change, without=items.LEASE), claim

    patch.setattr(decisions, "takeover", mutant)


@seen_in("standard, plain: paid twice", Bounds(switches=1))
def takeover_of_a_lease_that_runs(patch: Patch) -> None:
    patch.setattr(Item, "is_held", lambda _item, _now_ms: False)


@seen_in("standard, plain: paid twice", CRASH)
def completion_before_the_effect(patch: Patch) -> None:
    attempt = MessageRunner._attempt  # noqa: SLF001

    def mutant(self: Any, message: Any, claim: Claim) -> Any:
        self._idempotency.settle([self._idempotency.completed(claim)])
        return attempt(self, message, claim)

    patch.setattr(MessageRunner, "_attempt", mutant)


@seen_in("standard, transaction: sent on")
@seen_in("fifo, plain: sent on")
def outbox_skipped(patch: Patch) -> None:
    patch.setattr(relay, "addressed_messages", lambda _item: [])


@seen_in("standard, transaction: sent on", CRASH)
def committed_taken_for_completed(patch: Patch) -> None:
    advance_as(patch, Unsent, lambda message: message.confirm())


@seen_in("fifo, transaction: sent on", FAILED_CALL)
def next_of_a_group_before_the_sends(patch: Patch) -> None:
    done = Settlement._done  # noqa: SLF001

    def mutant(self: Settlement, message: Any, *rest: Any) -> None:
        done(self, message, *rest)
        message.confirm()

    patch.setattr(Settlement, "_done", mutant)


@seen_in("standard, plain: killer")
def suspects_not_last(patch: Patch) -> None:
    patch.setattr(invocation, "_is_suspect", lambda _message: False)


@seen_in("standard, transaction: killer")
def suspects_in_the_order_of_the_event(patch: Patch) -> None:
    patch.setattr(invocation, "_attempts", lambda _message: 0)


@seen_in("standard, transaction: outage", Bounds(outages=1))
@seen_in("fifo, plain: outage", Bounds(outages=1))
def visibility_shortened_in_an_outage(patch: Patch) -> None:
    advance_as(patch, Unavailable, lambda message: setattr(message, "delay_seconds", 1.0))


@seen_in("standard, transaction: no payment")
def dead_letter_not_marked_as_notified(patch: Patch) -> None:
    notified = Idempotency.notified
    patch.setattr(Idempotency, "notified", lambda self, item, _ids: notified(self, item, ()))


@seen_in("standard, plain: redrive")
def redriven_message_does_not_reopen(patch: Patch) -> None:
    decide = Idempotency._decide  # noqa: SLF001

    def mutant(self: Idempotency, request: Any, wanted: Item, found: Item) -> Any:
        return DeadLettered(found) if found.status is Status.DEAD else decide(self, request, wanted, found)

    patch.setattr(Idempotency, "_decide", mutant)


@seen_in("standard, transaction: paid twice")
def expiration_in_milliseconds(patch: Patch) -> None:
    patch.setattr(Idempotency, "_expiration", lambda self, now_ms: now_ms + self._window_seconds * 1_000)


@seen_in("standard, transaction: paid twice")
def expiration_read_as_milliseconds(patch: Patch) -> None:
    patch.setattr(Item, "has_expired", lambda item, now_ms: item.expiration < now_ms)


@seen_in("standard, transaction: window")
def expiration_never_looked_at(patch: Patch) -> None:
    patch.setattr(Item, "has_expired", lambda _item, _now_ms: False)


@seen_in("standard, transaction: stumble")
def failure_reported_by_its_handle(patch: Patch) -> None:
    def mutant(self: Batch[Any]) -> dict[str, list[dict[str, str]]]:
        return {"batchItemFailures": [{"itemIdentifier": e.delivery.receipt_handle} for e in self.unconfirmed()]}

    patch.setattr(Batch, "response", mutant)


@seen_in("standard, transaction: stumble")
def failure_reported_for_another_record(patch: Patch) -> None:
    def mutant(self: Batch[Any]) -> dict[str, list[dict[str, str]]]:
        ids = [entry.delivery.message_id for lane in self.lanes for entry in lane]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in ids[: len(self.unconfirmed())][::-1]][1:]}

    patch.setattr(Batch, "response", mutant)


@seen_in("fifo, transaction: stumble")
@seen_in("fifo, plain: paid twice", FAILED_CALL)
def group_not_stopped(patch: Patch) -> None:
    def mutant(self: Invocation[Any], lanes: Sequence[Any]) -> Sequence[Any]:
        self._settlement.flush()
        return [lane[1:] for lane in lanes if len(lane) > 1]

    patch.setattr(Invocation, "_behind", mutant)


@seen_in("fifo, transaction: stumble")
def tail_of_a_group_left_in_flight(patch: Patch) -> None:
    visibility = Batch.visibility
    patch.setattr(Batch, "visibility", lambda self: visibility(self)[:1])


@seen_in("standard, transaction: rivals")
def other_payload_taken_for_a_duplicate(patch: Patch) -> None:
    decide = Idempotency._decide  # noqa: SLF001

    def mutant(self: Idempotency, request: Any, wanted: Item, found: Item) -> Any:
        return decide(self, request, replace(wanted, payload_hash=found.payload_hash), found)

    patch.setattr(Idempotency, "_decide", mutant)
