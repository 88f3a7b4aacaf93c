"""The capacity of one receiver: calculated from its template, and from times that somebody measured.

It is an upper bound of a steady state: full batches, no retries, no cold starts, and messages of all groups at all
times.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tsunagu.errors import InvalidInputError

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
FIRST_INVOCATIONS, MORE_PER_MINUTE, MOST_INVOCATIONS = 5, 300, 1_000
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
FIFO_CALLS_PER_SECOND, MESSAGES_PER_CALL = 300, 10
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html, and
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
PARTITION_WRITES, NEW_TABLE_WRITES = 1_000, 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What limits a receiver, as its template says it.

    Attributes:
        name: Its function.
        batch_size: Messages of an invocation, at most.
        fifo: Whether its queue is a FIFO queue.
        high_throughput: Whether the quota of that queue counts by message group.
        concurrency: Most invocations at the same time: of the mapping, reserved for the function, or None.
        writes: Write units of an idempotency table for one message; 0 without such a table.
        timeout_seconds: Time-out of the function.
    """

    name: str
    batch_size: int
    fifo: bool = False
    high_throughput: bool = False
    concurrency: int | None = None
    writes: int = 0
    timeout_seconds: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured, or is assumed.

    Attributes:
        message_ms: Time of the business function for one message, above 0.
        batch_ms: Time that an invocation takes besides: its calls of DynamoDB.
        parallel: Messages of a batch that run at the same time; `concurrency` of the decorator.
        groups: Message groups that have messages at the same time, of a FIFO queue.
        hot_writes: Write units that the business function writes to one and the same partition key, for one message.
        account_concurrency: Concurrency of the account that is free for this function.

    Raises:
        InvalidInputError: A number is out of range.
    """

    message_ms: float
    batch_ms: float = 20.0
    parallel: int = 1
    groups: int = 1_000
    hot_writes: float = 0.0
    account_concurrency: int = 1_000

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.message_ms <= 0:
            msg = f"message_ms must be above 0, got {self.message_ms}"
            raise InvalidInputError(msg)
        for name, least in (
            ("batch_ms", 0),
            ("parallel", 1),
            ("groups", 1),
            ("hot_writes", 0),
            ("account_concurrency", 1),
        ):
            if getattr(self, name) < least:
                msg = f"{name} must be {least} or more, got {getattr(self, name)}"
                raise InvalidInputError(msg)


@dataclass(frozen=True, slots=True, order=True)
class Limit:
    """A limit of the messages a second.

    Attributes:
        rate: Messages a second.
        what: What it is the limit of.
    """

    rate: float
    what: str


def batch_seconds(receiver: Receiver, measured: Measured) -> float:
    """Return how long an invocation with a full batch takes. The messages of one FIFO group never run side by side."""
    side_by_side = min(measured.parallel, receiver.batch_size)
    if receiver.fifo:
        side_by_side = min(side_by_side, measured.groups)
    rounds = math.ceil(receiver.batch_size / side_by_side)
    return (measured.batch_ms + rounds * measured.message_ms) / 1_000


def limits(receiver: Receiver, measured: Measured) -> Sequence[Limit]:
    """Return what limits a receiver, the tightest limit first."""
    seconds = batch_seconds(receiver, measured)
    of_one = receiver.batch_size / seconds
    own = receiver.concurrency or MOST_INVOCATIONS
    found = [
        Limit(
            min(own, MOST_INVOCATIONS) * of_one,
            f"{min(own, MOST_INVOCATIONS):,} invocations of its mapping or function",
        ),
        Limit(measured.account_concurrency * of_one, f"{measured.account_concurrency:,} invocations of the account"),
    ]
    if receiver.fifo:
        found.append(Limit(measured.groups * of_one, f"{measured.groups:,} message groups, each in one invocation"))
        if not receiver.high_throughput:
            rate = FIFO_CALLS_PER_SECOND * min(receiver.batch_size, MESSAGES_PER_CALL)
            found.append(Limit(rate, f"{FIFO_CALLS_PER_SECOND} calls a second of a FIFO queue without high throughput"))
    if receiver.writes:
        found.append(Limit(NEW_TABLE_WRITES / receiver.writes, "4,000 write units a second of a new table on demand"))
    if measured.hot_writes:
        found.append(Limit(PARTITION_WRITES / measured.hot_writes, "1,000 write units a second of one partition key"))
    return sorted(found)


def concurrency_for(receiver: Receiver, measured: Measured, rate: float) -> int:
    """Return how many invocations at the same time a number of messages a second takes.

    Args:
        receiver: The receiver.
        measured: What was measured.
        rate: Messages a second.
    """
    return math.ceil(rate * batch_seconds(receiver, measured) / receiver.batch_size)


def seconds_to_drain(receiver: Receiver, measured: Measured, messages: int) -> float:
    """Return how long a receiver takes for messages that wait, if no more arrive.

    The mapping of a standard queue begins with five invocations, and adds up to 300 a minute; that of a FIFO queue is
    taken to begin with as many as there are groups.

    Args:
        receiver: The receiver.
        measured: What was measured.
        messages: Messages that wait.
    """
    most = limits(receiver, measured)[0].rate
    of_one = receiver.batch_size / batch_seconds(receiver, measured)
    if receiver.fifo:
        return messages / most
    first, growth = min(FIRST_INVOCATIONS * of_one, most), MORE_PER_MINUTE / 60 * of_one
    growing = (most - first) / growth  # seconds until the limit is reached
    while_growing = (first + most) / 2 * growing
    if messages >= while_growing:
        return growing + (messages - while_growing) / most
    return (math.sqrt(first**2 + 2 * growth * messages) - first) / growth
