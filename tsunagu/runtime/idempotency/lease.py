"""Leases: who may work on an item, until when, and how the next worker takes it over.

* A lease ends by itself: two seconds after the deadline of the invocation, or after `lease_seconds`.
* An item whose lease has ended is not done. Its message is processed again.
* Only the owner writes an outcome. Each write compares the owner and the fencing token, which rises with each claim, so
  that the write of a late worker is refused.
"""

from dataclasses import replace
from typing import NamedTuple

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.idempotency.item import Attributes, Change, Item
from tsunagu.runtime.idempotency.store import Outcome, Verdict

GRACE_MS = 2_000  # a sandbox was seen to run for 0.7 s after its deadline


class LeaseTerm:
    """Length of the leases of one invocation: until its deadline or a given time, and two seconds of grace.

    Args:
        clock: The time.
        deadline_ms: When the invocation ends, in milliseconds since the epoch.
        lease_seconds: Length of a lease; it ends at the deadline at the latest. Default: until the deadline.

    Attributes:
        is_extended: Whether leases are shorter than the invocation, and heartbeats extend them.
    """

    def __init__(self, clock: Clock, deadline_ms: int, lease_seconds: int | None = None) -> None:
        self._clock = clock
        self._deadline_ms = deadline_ms
        self._lease_ms = None if lease_seconds is None else lease_seconds * 1_000
        self.is_extended = self._lease_ms is not None and clock.now_ms() + self._lease_ms < deadline_ms

    def end_ms(self) -> int:
        """Return when a lease ends that begins or is extended now, in milliseconds since the epoch."""
        if self._lease_ms is None:
            return self._deadline_ms + GRACE_MS
        return min(self._deadline_ms, self._clock.now_ms() + self._lease_ms) + GRACE_MS


class Claim(NamedTuple):
    """A claim: an item that this worker holds.

    Attributes:
        item: The item, as this claim left it.
    """

    item: Item

    @property
    def was_abandoned(self) -> bool:
        """Whether the claim before this one ended without an outcome, because its worker was killed."""
        return self.item.fence - 1 != self.item.settled

    @property
    def is_suspect(self) -> bool:
        """Whether an attempt failed or was killed before. Such a message runs last and alone, and is counted first."""
        return self.was_abandoned or self.item.attempts > 0

    @property
    def attempt(self) -> int:
        """Number of the attempt that this claim may make, from 1."""
        return self.item.attempts + 1

    def held(self) -> Attributes:
        """Return the condition that holds for the owner of the item only."""
        return {
            items.OWNER: self.item.owner,
            items.FENCE: self.item.fence,
            items.STATUS: Status.INPROGRESS,
        }

    def settle(self, status: Status, values: Attributes) -> Change:
        """Return the change that ends this claim with an outcome.

        COMMITTED keeps the lease. As long as it lasts, the owner may be sending, and a copy of the message waits.
        """
        kept = {Status.RELEASED: items.FREE, Status.COMMITTED: self.item.lease}
        lease = kept.get(status, items.NEVER)
        outcome: Attributes = {items.STATUS: status, items.LEASE: lease, items.SETTLED: self.item.fence}
        return Change(item_id=self.item.id, values={**outcome, **values}, where=self.held())

    def stands_as(self, status: Status, verdict: Verdict) -> bool:
        """Return whether this claim has brought the item into `status`.

        By this call; or by an earlier try of it, whose answer was lost.
        """
        found = verdict.found
        return verdict.outcome is Outcome.APPLIED or (
            found is not None
            and found.status is status
            and (found.owner, found.fence) == (self.item.owner, self.item.fence)
        )

    def was_done(self, verdict: Verdict) -> bool:
        """Return whether this claim completed the item: it is COMPLETED, or COMMITTED with messages to be sent."""
        return self.stands_as(Status.COMPLETED, verdict) or self.stands_as(Status.COMMITTED, verdict)


def takeover(found: Item, wanted: Item) -> tuple[Change, Claim]:
    """Return the change by which the owner of `wanted` takes over `found`, and the claim that the change makes.

    Attempts are counted on. They begin at 0 again if the item was DEAD, or if it was COMPLETED and has expired.
    """
    begins_anew = found.status in {Status.DEAD, Status.COMPLETED}
    item = replace(
        wanted,
        fence=found.fence + 1,
        attempts=0 if begins_anew else found.attempts,
        settled=found.settled,
        reason="" if begins_anew else found.reason,
        published_reason="" if begins_anew else found.published_reason,
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
            items.RECEIVER: item.receiver,
            items.REASON: item.reason,
            items.PUBLISHED_REASON: item.published_reason,
            items.OUTBOX: "",
            items.RESULT: "",
            items.MESSAGE_IDS: (),
            items.TOLD: (),
            items.UPDATED: item.updated,
            items.EXPIRATION: item.expiration,
            **_without_place(found),
        },
        where={items.FENCE: found.fence, items.LEASE: found.lease, items.STATUS: found.status},
    )
    return change, Claim(item=item)


def _without_place(found: Item) -> Attributes:
    """Return the attributes that take an item out of its parked group, if it was in one."""
    return {items.PLACE: "", items.BEHIND: ""} if found.place else {}
