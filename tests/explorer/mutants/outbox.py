"""Sends that never succeed: the rules broken on purpose, one each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.explorer.mutants.mutant import Mutants, Patch
from tests.explorer.scenarios import SEND_ROUNDS
from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Attributes, Change, Item
from tsunagu.runtime.receiving import relay
from tsunagu.runtime.receiving.dead_lettering import DeadLettering
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.relay import Relay, Relayed, RelayResult
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.explorer.bounds import Bounds

MUTANTS = Mutants()
seen_in = MUTANTS.seen_in


def never_judged(patch: Patch, change: Callable[[RelayResult], RelayResult]) -> None:
    """Change what becomes of an item whose messages will never be sent."""
    judged = relay._judged  # noqa: SLF001

    def mutant(item: Item, failures: Sequence[SendResult]) -> RelayResult:
        result = judged(item, failures)
        return change(result) if result.outcome is Relayed.NEVER else result

    patch.setattr(relay, "_judged", mutant)


@seen_in("standard, transaction: unsendable")
@seen_in("fifo, plain: unsent too long")
def refused_send_completes_the_item(patch: Patch) -> None:
    never_judged(patch, lambda result: replace(result, outcome=Relayed.SENT))


@seen_in("standard, plain: unsendable")
@seen_in("fifo, transaction: unsendable")
def refused_send_releases_the_item(patch: Patch) -> None:
    change = Relay._change  # noqa: SLF001
    values: Attributes = {items.STATUS: Status.RELEASED, items.LEASE: items.FREE}

    def mutant(self: Relay, result: RelayResult) -> Change | None:
        if result.outcome is Relayed.NEVER:
            return Change(item_id=result.item.id, values=values, where={items.STATUS: Status.COMMITTED})
        return change(self, result)

    patch.setattr(Relay, "_change", mutant)


@seen_in("standard, transaction: unsendable")
@seen_in("fifo, plain: unsent too long")
def refused_send_acknowledges_without_a_dead_letter(patch: Patch) -> None:
    add = DeadLettering.add

    def mutant(self: DeadLettering, message: Any, item: Item, deliveries: tuple[Delivery, ...]) -> None:
        if item.status is Status.COMMITTED:
            message.confirm()
        else:
            add(self, message, item, deliveries)

    patch.setattr(DeadLettering, "add", mutant)


@seen_in("standard, transaction: unsendable")
def refused_send_keeps_its_group(patch: Patch) -> None:
    never_judged(patch, lambda result: replace(result, outcome=Relayed.LATER))


@seen_in("standard, plain: unsent too long")
def every_failed_send_is_for_good(patch: Patch) -> None:
    judged = relay._judged  # noqa: SLF001

    def mutant(item: Item, failures: Sequence[SendResult]) -> RelayResult:
        return judged(item, [replace(failure, is_permanent=True) for failure in failures])

    patch.setattr(relay, "_judged", mutant)


@seen_in("fifo, transaction: unsent too long")
def failed_rounds_are_not_counted(patch: Patch) -> None:
    send_failed = Idempotency.send_failed
    patch.setattr(Idempotency, "send_failed", lambda self, item: send_failed(self, replace(item, attempts=0)))


@seen_in("fifo, transaction: unsent too long", Bounds(lost=1))
def budget_of_sends_is_not_renewed(patch: Patch) -> None:
    def mutant(self: Idempotency, item: Item, _message_ids: Sequence[str]) -> Change:
        return self.send_failed(replace(item, attempts=SEND_ROUNDS - 1))

    patch.setattr(Idempotency, "given_up", mutant)
