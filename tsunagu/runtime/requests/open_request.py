"""An accepted request as the sweeper sees it, a conditional change of its record, and the ports to both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import ShownStatus
from tsunagu.runtime.idempotency.item import AttributeValue, Item
from tsunagu.runtime.idempotency.store import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """The record of an accepted request, without what only its worker needs. Times are milliseconds since the epoch.

    Attributes:
        item: Its attributes that every idempotency item has; outbox and result are left out.
        accepted_ms: When it was accepted.
        reopened_ms: When an operator's redrive opened it again; 0 where none did.
        cancelled_ms: When its caller cancelled it; 0 where it was not.
        resends: How often the sweeper sent it again.
        resent_ms: When the sweeper sent it again last; 0 where it never did.
        closed_ms: When the sweeper took it out of the index last; 0 where it never did.
    """

    item: Item
    accepted_ms: int
    reopened_ms: int = 0
    cancelled_ms: int = 0
    resends: int = 0
    resent_ms: int = 0
    closed_ms: int = 0

    @property
    def opened_ms(self) -> int:
        """When its time began: it was accepted, or reopened."""
        return max(self.accepted_ms, self.reopened_ms)

    @property
    def is_given_up(self) -> bool:
        """Whether it is done, but its result or its completion could not be sent, however often that was tried."""
        return self.item.status is Status.COMMITTED and bool(self.item.told)

    @property
    def ending(self) -> ShownStatus | None:
        """How it ended; None while it has not ended."""
        if self.cancelled_ms:
            return ShownStatus.CANCELLED
        if self.item.status is Status.DEAD or self.is_given_up:
            return ShownStatus.FAILED
        return ShownStatus.SUCCEEDED if self.item.status is Status.COMPLETED else None

    @property
    def idle_since_ms(self) -> int:
        """When something happened to it last, or its last lease ended."""
        lease = self.item.lease if self.item.lease < items.NEVER else 0
        return max(self.opened_ms, self.resent_ms, self.item.updated, lease)

    def is_held(self, now_ms: int) -> bool:
        """Return whether a worker may be working on it, or may be sending what it left."""
        has_lease = self.item.status in {Status.INPROGRESS, Status.COMMITTED}
        return has_lease and now_ms <= self.item.lease < items.NEVER


RecordValue = AttributeValue | Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange:
    """One conditional write of a record.

    Attributes:
        item_id: Id of the record.
        values: Attributes to set.
        removed: Attributes to remove. Default: none.
        where: Attributes, and the value that each must have; None: there must be no such attribute.
    """

    item_id: str
    values: Mapping[str, RecordValue]
    where: Mapping[str, AttributeValue | None]
    removed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DuePage:
    """Some of the records that are due in one partition of the index.

    Attributes:
        item_ids: Their ids.
        following: Where the next page begins; None: this was the last one.
    """

    item_ids: Sequence[str]
    following: object | None = None


class OpenRequests(Protocol):
    """The records of requests, and the index of those that are open."""

    def find_due(self, partition: str, now_ms: int, start: object | None = None) -> DuePage:
        """Return a page of the records of a partition that are due, those that are due longest first.

        Args:
            partition: Partition of the index.
            now_ms: The time, in milliseconds since the epoch.
            start: `following` of the page before. Default: the first page.

        Raises:
            UnavailableError: DynamoDB did not answer.
        """
        ...

    def read(self, item_ids: Sequence[str]) -> list[OpenRequest | Verdict | None]:
        """Read records, consistently. None: there is none. A `Verdict`: no answer, or one that cannot be read."""
        ...

    def change(self, changes: Sequence[RecordChange]) -> list[Verdict]:
        """Apply each change whose condition holds. The ids are distinct."""
        ...
