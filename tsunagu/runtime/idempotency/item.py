"""The idempotency item as it was read, and a conditional change of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tsunagu.contracts.items import Status

AttributeValue = str | int | tuple[str, ...]
Attributes = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An idempotency item. Each field has the name of its attribute in the table.

    Attributes:
        id: Key space, "#", and the SHA-256 of the business key. A message without a business key, or with another
            payload than the key's first, has an id of its own; see `keys`.
        status: INPROGRESS: a worker holds it. RELEASED: it can be claimed. COMMITTED: the effect stands, and messages
            of the outbox are to be sent. COMPLETED: done. DEAD: it was dead-lettered, and a redriven message claims it.
        owner: Token of the invocation that holds the item, or held it last.
        fence: The fencing token: rises by one with each claim, and never falls.
        lease: INPROGRESS: when the lease ends. COMMITTED: until when the owner may be sending. Both in milliseconds
            since the epoch. RELEASED: 0. COMPLETED and DEAD: 10^15.
        attempts: Attempts that failed or were killed since the item was new, DEAD or expired. While COMMITTED, rounds
            of sends that failed; see `send_rounds`.
        settled: Fencing token of the last claim that ended with an outcome. It is lower than that of the last claim
            when a worker was killed.
        payload_hash: SHA-256 of the payload; empty when the message could not be read.
        request_id: Request id of the message.
        reason: RELEASED: why the last attempt failed, or why the message was deferred. DEAD: why the message was
            dead-lettered. COMMITTED: why the last round of sends failed.
        published_reason: What dead letter and notification say instead of the reason, because it has the text of an
            error that is not ours. Empty: they say the reason.
        outbox: COMMITTED: messages to be sent, as JSON; empty otherwise.
        result: COMMITTED and COMPLETED: text that the business function left, if any. A pipeline keeps the JSON result
            of a service, or the request that a run was started with.
        message_ids: DEAD: SQS message ids that were dead-lettered with it, the newest 100 at most.
        told: DEAD and COMMITTED: SQS message ids that are in the dead-letter queue, and that SNS was notified of, since
            the last claim; the newest 100 at most.
        receiver: Whose key it is: the queue's ARN, the name of shared keys, or the place of the pipeline that a start
            is of. Empty where nobody else can have the key: the key of a service is a run id.
        place: DEAD and COMMITTED: id of its entry in the parked group; see `contracts.groups`. Later it stays, and says
            nothing. Empty: its receiver parks no groups.
        behind: DEAD: id of the entry that it was parked behind. Empty: it died itself.
        updated: Time of the last claim or outcome, in milliseconds since the epoch.
        expiration: When TTL may delete the item, in seconds since the epoch. 0: never, as of a record that a gateway
            wrote and no worker has claimed.
    """

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
    published_reason: str = ""
    outbox: str = ""
    result: str = ""
    message_ids: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    receiver: str = ""
    place: str = ""
    behind: str = ""
    updated: int = 0
    expiration: int = 0

    @property
    def send_rounds(self) -> int:
        """Rounds of sends that failed, while the item is COMMITTED."""
        return self.attempts

    def is_held(self, now_ms: int) -> bool:
        """Return whether a worker may be working on it at `now_ms`, in milliseconds since the epoch."""
        return self.status is Status.INPROGRESS and self.lease >= now_ms

    def has_expired(self, now_ms: int) -> bool:
        """Return whether it has expired at `now_ms`, in milliseconds since the epoch. TTL deletes it later.

        A COMMITTED item does not expire, because its messages are still to be sent.
        """
        is_over = 0 < self.expiration * 1_000 < now_ms
        return is_over and self.status is not Status.COMMITTED and not self.is_held(now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One conditional write: sets and removes attributes if others have the expected values.

    Conditions are equalities only. No more is needed, because one number, `lease`, decides whether an item can be
    claimed.

    Attributes:
        item_id: Id of the item.
        values: Attributes to set.
        where: Attributes, and the value that each must have.
        removed: Attributes to remove, which no `Item` has. Default: none.
    """

    item_id: str
    values: Attributes
    where: Attributes
    removed: tuple[str, ...] = ()

    def applied(self, item: Item) -> Item:
        """Return `item` as the change leaves it."""
        values: dict[str, Any] = {**self.values}
        return replace(item, **values)
