"""One lease: who may work on an item, until when, and how the next worker takes it over.

A lock is a lease and never a verdict: it ends by itself, at the invocation's deadline and a grace. Only the owner, by
its token and its fence, decides; the fence rises with each change of owner, so that a late worker is always recognised.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Literal, Protocol

from lambdas.contracts import records
from lambdas.contracts.records import Status
from lambdas.runtime.clock import Clock

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


AttributeValue = str | int | tuple[str, ...]
Attributes = Mapping[str, AttributeValue]
Operation = Literal["Put", "Update", "Delete", "ConditionCheck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An idempotency item as it was read; `lambdas.contracts.records` says what each attribute means."""

    id: str
    status: Status
    owner: str
    fence: int
    lease: int
    attempts: int = 0
    settled: int = 0
    payload_hash: str = ""
    request_id: str = ""
    reason: str = ""
    outbox: str = ""
    result: str = ""
    message_ids: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    updated: int = 0
    expiration: int = 0

    def is_held(self, now_ms: int) -> bool:
        """Whether someone may be working on it."""
        return self.status is Status.INPROGRESS and self.lease >= now_ms

    def has_expired(self, now_ms: int) -> bool:
        """Whether its window is over; TTL may delete it hours later.

        What is COMMITTED is never forgotten: its messages are still to be sent.
        """
        return self.expiration * 1_000 < now_ms and self.status is not Status.COMMITTED and not self.is_held(now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One conditional write: set `values` where every attribute of `where` has the given value.

    Equality is all that is needed, because one number, `lease`, decides whether an item can be claimed.
    """

    item_id: str
    values: Attributes
    where: Attributes


class Outcome(Enum):
    """What the store did with one conditional write."""

    APPLIED = auto()
    REFUSED = auto()
    CONFLICT = auto()  # another transaction has the item in hand: moments
    UNAVAILABLE = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The store's answer to one conditional write.

    Attributes:
        outcome: What was done.
        found: On REFUSED, the item that stood in the way, where the store said.
    """

    outcome: Outcome
    found: Item | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessWrite:
    """One write of a business function, part of the transaction that completes its message.

    Attributes:
        operation: What it does.
        table_name: The table.
        target: The item to put, else the key of the item.
        update: Update expression, of an `Update` alone.
        condition: Condition expression. Default: none.
        names: Names of the expressions' `#` placeholders.
        values: Values of their `:` placeholders, as plain Python values.
    """

    operation: Operation
    table_name: str
    target: Mapping[str, object]
    update: str | None = None
    condition: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)


class ItemStore(Protocol):
    """Keeps idempotency items. Each call takes a batch, each entry has a verdict of its own; no outage is raised."""

    def insert(self, items: Sequence[Item]) -> list[Verdict]:
        """Create items that are absent. The ids are distinct."""
        ...

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items, consistently; None where there is none, a `Verdict` where the store did not answer."""
        ...

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes. The ids are distinct."""
        ...

    def transact(self, change: Change, writes: Sequence[BusinessWrite]) -> Verdict:
        """Apply `change` and all `writes`, or nothing.

        Raises:
            ConditionFailedError: The condition of a business write did not hold.
        """
        ...


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
            records.OWNER: self.item.owner,
            records.FENCE: self.item.fence,
            records.STATUS: Status.INPROGRESS,
        }

    def settle(self, status: Status, values: Attributes) -> Change:
        """Return the change that ends this claim with an outcome.

        COMMITTED keeps the lease: as long as it lasts, its owner is sending, and a copy of the message need not.
        """
        kept = {Status.RELEASED: records.FREE, Status.COMMITTED: self.item.lease}
        lease = kept.get(status, records.NEVER)
        outcome: Attributes = {records.STATUS: status, records.LEASE: lease, records.SETTLED: self.item.fence}
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
            records.STATUS: item.status,
            records.OWNER: item.owner,
            records.FENCE: item.fence,
            records.LEASE: item.lease,
            records.ATTEMPTS: item.attempts,
            records.SETTLED: item.settled,
            records.PAYLOAD_HASH: item.payload_hash,
            records.REQUEST_ID: item.request_id,
            records.REASON: item.reason,
            records.OUTBOX: "",
            records.RESULT: "",
            records.MESSAGE_IDS: (),
            records.TOLD: (),
            records.UPDATED: item.updated,
            records.EXPIRATION: item.expiration,
        },
        where={records.FENCE: found.fence, records.LEASE: found.lease, records.STATUS: found.status},
    )
    return change, Claim(item=item)
