"""One lease: who may work on an item, until when, and how the next worker takes it over.

A lock is a lease and never a verdict: it ends by itself, at the invocation's deadline and a grace. Only the owner, by
its token and its fence, decides; the fence rises with each change of owner, so that a late worker is always recognised.
"""

from dataclasses import dataclass, replace

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.idempotency.item import Attributes, Change, Item
from tsunagu.runtime.idempotency.store import Outcome, Verdict

GRACE_MS = 2_000  # a sandbox was seen to live 0.7 s past its deadline


class LeaseTerm:
    """How long leases of an invocation last: a given time, but never past its deadline; and a grace.

    Args:
        clock: The time.
        deadline_ms: When the invocation ends, in milliseconds since the epoch.
        lease_seconds: Length of a lease. Default: until the deadline.

    Attributes:
        is_extended: Whether leases are shorter than the invocation, so that heartbeats extend them.
    """

    def __init__(self, clock: Clock, deadline_ms: int, lease_seconds: int | None = None) -> None:
        self._clock = clock
        self._deadline_ms = deadline_ms
        self._lease_ms = None if lease_seconds is None else lease_seconds * 1_000
        self.is_extended = self._lease_ms is not None and clock.now_ms() + self._lease_ms < deadline_ms

    def end_ms(self) -> int:
        """When a lease ends that begins, or is extended, now."""
        if self._lease_ms is None:
            return self._deadline_ms + GRACE_MS
        return min(self._deadline_ms, self._clock.now_ms() + self._lease_ms) + GRACE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An item that this worker holds.

    Attributes:
        item: The item as this worker's claim left it.
    """

    item: Item

    @property
    def was_abandoned(self) -> bool:
        """Whether the claim before this one ended without an outcome, as a killed worker's does."""
        return self.item.fence - 1 != self.item.settled

    @property
    def is_suspect(self) -> bool:
        """Whether it may kill its worker, or fail: it runs last, alone, and is counted before it runs."""
        return self.was_abandoned or self.item.attempts > 0

    @property
    def attempt(self) -> int:
        """Number of the attempt that this claim would be, from 1."""
        return self.item.attempts + 1

    def held(self) -> Attributes:
        """Return the condition that only the holder meets."""
        return {
            items.OWNER: self.item.owner,
            items.FENCE: self.item.fence,
            items.STATUS: Status.INPROGRESS,
        }

    def settle(self, status: Status, values: Attributes) -> Change:
        """Return the change that ends this claim with an outcome.

        COMMITTED keeps the lease: as long as it lasts, its owner is sending, and a copy of the message need not.
        """
        kept = {Status.RELEASED: items.FREE, Status.COMMITTED: self.item.lease}
        lease = kept.get(status, items.NEVER)
        outcome: Attributes = {items.STATUS: status, items.LEASE: lease, items.SETTLED: self.item.fence}
        return Change(item_id=self.item.id, values={**outcome, **values}, where=self.held())

    def stands_as(self, status: Status, verdict: Verdict) -> bool:
        """Whether the item is ours in `status`: by this call, or by an earlier try of it whose answer was lost."""
        found = verdict.found
        return verdict.outcome is Outcome.APPLIED or (
            found is not None
            and found.status is status
            and (found.owner, found.fence) == (self.item.owner, self.item.fence)
        )

    def was_done(self, verdict: Verdict) -> bool:
        """Whether the work is done: COMPLETED, or COMMITTED with messages still to be sent."""
        return self.stands_as(Status.COMPLETED, verdict) or self.stands_as(Status.COMMITTED, verdict)


def takeover(found: Item, wanted: Item) -> tuple[Change, Claim]:
    """Return the change that takes `found` over for the owner of `wanted`, and the claim it makes if applied.

    Attempts go on counting, unless the item starts a new life: it was DEAD, or it was COMPLETED and its window is over.
    """
    new_life = found.status in {Status.DEAD, Status.COMPLETED}
    item = replace(
        wanted,
        fence=found.fence + 1,
        attempts=0 if new_life else found.attempts,
        settled=found.settled,
        reason="" if new_life else found.reason,
    )
    change = Change(
        item_id=item.id,
        values={
            items.STATUS: item.status,
            items.OWNER: item.owner,
            items.FENCE: item.fence,
            items.LEASE: item.lease,
            items.ATTEMPTS: item.attempts,
            items.SETTLED: item.settled,
            items.PAYLOAD_HASH: item.payload_hash,
            items.REQUEST_ID: item.request_id,
            items.REASON: item.reason,
            items.OUTBOX: "",
            items.RESULT: "",
            items.MESSAGE_IDS: (),
            items.TOLD: (),
            items.UPDATED: item.updated,
            items.EXPIRATION: item.expiration,
        },
        where={items.FENCE: found.fence, items.LEASE: found.lease, items.STATUS: found.status},
    )
    return change, Claim(item=item)
