"""Says what an idempotency item means: where its message is, what happened, and what can be done."""

import dataclasses
import re
import shlex
from collections.abc import Iterator

from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import shown_status
from tsunagu.operations.deployed_functions import DeployedFunction
from tsunagu.operations.evidence.item_search import FoundItem
from tsunagu.operations.evidence.model import Advice, Finding, Moment
from tsunagu.operations.evidence.places import StackPlaces
from tsunagu.operations.times import utc_text

# The text of a call that IAM refused: operation, resource and error code, as `FailedCall` writes it.
_DENIED = re.compile(r"([a-z0-9-]+:\w+) on (\S+): \w*(?:AccessDenied|NotAuthorized|AuthorizationError)")
_STATES = {
    Status.INPROGRESS: "claimed",
    Status.RELEASED: "released",
    Status.COMMITTED: "committed",
    Status.COMPLETED: "completed",
    Status.DEAD: "dead-lettered",
}

_LATEST_MS = 253_402_300_799_000  # the end of the year 9999, the last one that Python knows


def finding_of_item(found: FoundItem, places: StackPlaces, now_ms: int) -> Finding:
    """Return what an item means.

    Args:
        found: The item.
        places: Its stack.
        now_ms: The time, in milliseconds since the epoch.
    """
    receiver = places.receiver_of(found.item.id)
    label = receiver.label if receiver else found.key_space
    return Finding(
        what=f"accepted request of {found.key_space.partition(':')[0]}" if found.is_request else f"message of {label}",
        stack_name=places.inventory.name,
        now=_now(found, now_ms),
        reason=found.item.reason,
        ended=found.item.status is Status.COMPLETED,
        moments=[*_moments(found, label)],
        advice=[*_advice(found, places, receiver)],
        details={"table": found.table, "item": _details(found)},
    )


def _now(found: FoundItem, now_ms: int) -> str:
    return f"{_place(found, now_ms)}{_shown(found, now_ms)}"


def _place(found: FoundItem, now_ms: int) -> str:
    item, failed = found.item, _attempts(found.item.attempts)
    if item.status is Status.RELEASED and not item.fence:
        return "accepted, and no worker has claimed it yet"
    if item.status is Status.INPROGRESS and not item.is_held(now_ms):
        return f"its worker was killed or too slow: the lease ended at {utc_text(item.lease)}, so it is claimed again"
    return {
        Status.INPROGRESS: f"a worker processes it, until {utc_text(min(item.lease, _LATEST_MS))} at most",
        Status.RELEASED: f"waits in its queue for the next delivery, after {failed}",
        Status.COMMITTED: f"the work is done, and its messages are not sent yet, after {item.send_rounds} rounds",
        Status.COMPLETED: "done: the effect stands, and everything was sent",
        Status.DEAD: f"dead-lettered, after {failed}",
    }[item.status]


def _shown(found: FoundItem, now_ms: int) -> str:
    """Return what the caller of an accepted request is shown."""
    if not found.is_request:
        return ""
    item = found.item
    status = shown_status(
        status=item.status,
        now_ms=now_ms,
        fence=item.fence,
        lease=item.lease,
        attempts=item.attempts,
        reason=item.reason,
        is_given_up=bool(item.told),
    )
    return f"; its caller is shown {status}"


def _attempts(count: int) -> str:
    return "1 attempt that failed" if count == 1 else f"{count} attempts that failed"


def _moments(found: FoundItem, label: str) -> Iterator[Moment]:
    item = found.item
    if found.accepted_ms:
        by = f" from {found.caller}" if found.caller else ""
        yield Moment(time_ms=found.accepted_ms, where=label, what=f"accepted{by}")
    if item.updated:
        claims = f"claim {item.fence}, " if item.fence else ""
        reason = f": {item.reason}" if item.reason and item.status is not Status.COMPLETED else ""  # else an old one
        what = f"item {_STATES[item.status]} ({claims}{_attempts(item.attempts)}){reason}"
        yield Moment(time_ms=item.updated, where=label, what=what)


def _advice(found: FoundItem, places: StackPlaces, receiver: DeployedFunction | None) -> Iterator[Advice]:
    place = f"--stack {shlex.quote(places.inventory.name)}"
    queue = places.queue_of(receiver) if receiver else None
    name = shlex.quote(queue.name if queue else "")
    item = found.item
    if item.status is Status.DEAD and queue is None:
        yield Advice(what="look for the dead letter", command=f"tsunagu dlq list {place}")
    elif item.status is Status.DEAD:
        letter = item.message_ids[-1] if item.message_ids else item.request_id
        show = f"tsunagu dlq show {letter} {name} {place}".replace("  ", " ")
        yield Advice(what="see the dead letter whole", command=show)
        redrive = f"tsunagu dlq redrive {name} --id {letter} {place}".replace("  ", " ")
        yield Advice(what="after the repair, send it back", command=redrive)
    elif item.status is not Status.COMPLETED and (denied := _DENIED.search(item.reason)):
        what = f"deploy a grant for {denied[1]} on {denied[2]}; the message comes back by itself. What the roles may do"
        stack_name = shlex.quote(places.inventory.name)
        yield Advice(what=what, command=f"tsunagu graph {stack_name} --permissions --output permissions.svg")
    elif item.status is not Status.COMPLETED:
        yield Advice(what="see whether its queue is consumed", command=f"tsunagu status {places.inventory.name}")


def _details(found: FoundItem) -> dict[str, object]:
    """Return the item without outbox and result, which may hold personal data."""
    values = dataclasses.asdict(found.item)
    hidden = {name: f"{len(str(values.pop(name)).encode()):,} bytes" for name in ("outbox", "result") if values[name]}
    return {**values, **hidden, "accepted_ms": found.accepted_ms, "caller": found.caller}
