"""The life of an item: checks who changes it, and into which status."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency.item import Item
from tsunagu.testing.explorer.schedule import Violation

if TYPE_CHECKING:
    from tsunagu.testing.explorer.stage import Actor

ResultT = TypeVar("ResultT")

LONGEST_SKEW_SECONDS = 240  # between two clocks that are two minutes off each


def changed_by(
    write: Callable[[], ResultT], items: Mapping[str, Item], item_ids: Sequence[str]
) -> tuple[ResultT, list[tuple[Item | None, Item]]]:
    """Make a write; return its result, and the items that it changed, as they were and as they are."""
    before = {item_id: items.get(item_id) for item_id in item_ids}
    result = write()
    pairs = [(old, items.get(item_id)) for item_id, old in before.items()]
    return result, [(old, new) for old, new in pairs if new is not None and new != old]


def judge(actor: "Actor", old: Item | None, new: Item, *, window_seconds: int) -> None:
    """Check one change of an item.

    Raises:
        Violation: It breaks a rule of the statuses.
    """
    now_ms = actor.plant.ms + actor.skew_ms
    if old is not None:
        _judge_states(actor, old, new, now_ms)
    slack_seconds = LONGEST_SKEW_SECONDS  # a clock may step between the stamp and the write
    if not -slack_seconds <= new.expiration - now_ms / 1_000 <= window_seconds + slack_seconds:
        raise Violation(f"{new.id}: the expiration must be a window from now in seconds, got {new.expiration}")


def _judge_states(actor: "Actor", old: Item, new: Item, now_ms: int) -> None:
    is_claim = new.status is Status.INPROGRESS and (new.owner, new.fence) != (old.owner, old.fence)
    has_expired = old.expiration * 1_000 < now_ms
    if is_claim and old.status is Status.INPROGRESS and old.lease >= now_ms:
        raise Violation(
            f"{old.id}: must be taken over after the lease of {old.owner} has ended, got {actor.name} before"
        )
    if is_claim and new.fence <= old.fence:
        raise Violation(f"{old.id}: a claim must raise the fencing token {old.fence}, got {new.fence}")
    if old.status is Status.INPROGRESS and not is_claim and old.owner != actor.owner:
        raise Violation(f"{old.id}: only the owner {old.owner} may write an outcome, got {new.status} by {actor.owner}")
    if old.status is Status.COMPLETED and not has_expired:
        raise Violation(f"{old.id}: a COMPLETED item must stay COMPLETED, got {new.status} by {actor.name}")
    if old.status is Status.COMMITTED and new.status not in {Status.COMMITTED, Status.COMPLETED}:
        raise Violation(f"{old.id}: a COMMITTED item must become COMPLETED, got {new.status} by {actor.name}")
