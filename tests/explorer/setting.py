"""The setting of a plant."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.payments.service import Payment
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import SEND_ROUNDS
from tsunagu.runtime.sending.publish import SendResult

if TYPE_CHECKING:
    from tests.explorer.worker import Worker

Process = Callable[[Payment, Message], None]

# After the last disturbance: a visibility time-out, a lease with its grace, and the jitter of a deferred message.
LONGEST_WAIT_MS = (60 + 12 + 3) * 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What does not change in a plant.

    Attributes:
        process: Makes the business function of a worker.
        batch_size: Most messages in one invocation.
        max_attempts: Attempts after which a message is dead-lettered.
        max_receives: SQS's own back-stop.
        window_seconds: Seconds from the last change of an item until it expires.
        deletes_abandoned: Whether somebody deletes items by hand as soon as their lease is over.
        lease_seconds: Length of a lease that heartbeats extend. Default: as long as the invocation.
        concurrency: Messages of a batch that run at the same time.
        group_commit: Whether the writes of several messages share a transaction.
        unreadable: Payments whose items another release has written, in a form that the workers cannot read.
        send_rounds: Failed rounds of sends after which the messages of an outbox are given up.
        refusals: Messages that are refused when they are sent on, until the plant is repaired, by their text.
        skew_ms: Milliseconds by which each worker's clock is ahead of the plant's.
        longest_wait_ms: Longest time from the last disturbance until a valid message is acknowledged.
    """

    process: "Callable[[Worker], Process]"
    batch_size: int = 2
    max_attempts: int = 2
    max_receives: int = 100
    window_seconds: int = 3_600
    deletes_abandoned: bool = False
    lease_seconds: int | None = None
    concurrency: int = 1
    group_commit: bool = True
    unreadable: frozenset[str] = frozenset()
    send_rounds: int = SEND_ROUNDS
    refusals: Mapping[str, SendResult] = field(default_factory=dict)
    skew_ms: tuple[int, int] = (0, 0)
    longest_wait_ms: int = LONGEST_WAIT_MS
