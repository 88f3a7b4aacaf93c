"""The idempotency item as it was read, and a conditional change of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from tsunagu.contracts.items import Status

AttributeValue = str | int | tuple[str, ...]
Attributes = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An idempotency item as it was read; `tsunagu.contracts.items` says what each attribute means."""

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
