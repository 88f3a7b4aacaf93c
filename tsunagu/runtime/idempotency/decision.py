"""A decision: what is to be done with one message, as its idempotency item says; and what is asked for it."""

from dataclasses import dataclass, field
from typing import NamedTuple

from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.lease import Claim


class ClaimRequest(NamedTuple):
    """What the claim of one item needs.

    Attributes:
        item_id: Scope and hash of the business key.
        payload_hash: Hash of the payload. Another payload under the same key is refused.
        request_id: Identifier that follows the request through every hop.
        message_ids: SQS message ids of the records; more than one when a batch holds the key and payload twice.
        reopens: Whether it may claim an item that is DEAD, under another message id. Default: it may, because a message
            with another id was redriven or corrected. A copy of an accepted request is not: its caller was told that
            the request failed.
    """

    item_id: str
    payload_hash: str
    request_id: str
    message_ids: tuple[str, ...]
    reopens: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """This worker holds the item until the lease ends: process the message."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Done:
    """The message was completed before, or has failed for good: acknowledge it.

    Attributes:
        item: The item, if it is COMPLETED. Default: the message has failed for good, or its place was settled.
    """

    item: Item | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker may hold the item: defer the message, do not acknowledge it.

    Attributes:
        until_ms: When the lease ends, in milliseconds since the epoch.
    """

    until_ms: int


@dataclass(frozen=True, slots=True)
class Unsent:
    """The effect stands, but the messages of the outbox may not have been sent: send all of them again.

    Attributes:
        item: The item, with its outbox.
    """

    item: Item


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """The message was dead-lettered before.

    Attributes:
        item: The item: DEAD; or COMMITTED, when its messages could not be sent. `told` holds the ids of the messages
            that SNS was notified of.
    """

    item: Item


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The business key was used before, with another payload."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """The key belongs to another receiver of the table: this message was not processed, and is not a duplicate.

    Attributes:
        receiver: Whose key it is, as the item says.
    """

    receiver: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The store did not answer: SQS delivers the message again, and this does not count as an attempt.

    Attributes:
        problem: The call that failed, if it is known.
    """

    problem: FailedCall | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The item has a form that this code does not know, as one of another release may have: do not acknowledge it.

    Attributes:
        problem: What is wrong with the item.
    """

    problem: str


Decision = Held | Done | Busy | Unsent | DeadLettered | Mismatch | Foreign | Unavailable | Unreadable
