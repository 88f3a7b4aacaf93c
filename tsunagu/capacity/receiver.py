"""A receiver as its template has it, the load that it is asked about, and the time that its batches take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tsunagu.capacity.quotas import ACCOUNT_CONCURRENCY, NEW_TABLE_WRITES, PAYLOAD_BYTES
from tsunagu.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Pollers:
    """Provisioned pollers of an event source mapping.

    Attributes:
        fewest: Pollers that are always there.
        most: Pollers that Lambda scales up to.
    """

    fewest: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What limits a receiver, as its template says it.

    Attributes:
        name: What operators call it; its function's logical id where the library did not make it.
        function: Logical id of its function.
        queue: Logical id of its queue.
        pipeline: The pipeline that it is a service of; "" without one.
        batch_size: Messages of an invocation, at most.
        fifo: Whether its queue is a FIFO queue.
        high_throughput: Whether the quota of that queue counts by message group.
        window_seconds: Batching window, which a batch of more than ten messages needs.
        max_concurrency: Most invocations of the mapping at the same time; None without a limit.
        reserved_concurrency: Invocations that are reserved for the function, and its limit; None without a limit.
        pollers: Its provisioned pollers; None where Lambda scales them.
        table: Name of its idempotency table in the templates; "" without one.
        shares_table_with: Names of other receivers with this table.
        writes: Write units of that table for one message; 0 without a table. Of a pipeline's service it has those of
            the other services with this table, because each run passes all of them.
        table_writes: Write units a second that this table takes at first.
        table_grows: Whether the table is on demand, and takes twice as many after half an hour.
        timeout_seconds: Time-out of the function.
        is_job: Whether it works for a `SingleFlightSchedule`, which has one run at a time.
    """

    name: str
    batch_size: int
    function: str = ""
    queue: str = ""
    pipeline: str = ""
    fifo: bool = False
    high_throughput: bool = False
    window_seconds: int = 0
    max_concurrency: int | None = None
    reserved_concurrency: int | None = None
    pollers: Pollers | None = None
    table: str = ""
    shares_table_with: Sequence[str] = ()
    writes: float = 0.0
    table_writes: int = NEW_TABLE_WRITES
    table_grows: bool = True
    timeout_seconds: float = 900.0
    is_job: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a receiver is asked about: messages that wait, and what was measured or is assumed of them.

    Attributes:
        message_ms: Time that one message adds to an invocation, above 0. On a FIFO queue this has the call that
            completes the message.
        batch_ms: Time that an invocation takes besides: its calls of DynamoDB.
        messages: Messages that wait, and no more arrive.
        message_bytes: Size of a message.
        parallel: Messages of a standard queue's batch that run at the same time: `concurrency` of the decorator.
        groups: Message groups that the messages are of, on a FIFO queue.
        largest_group: Messages of the largest group. Default: groups are equal.
        own_writes: Write units that the business function writes to one table of its own, for one message; two for each
            item of a transaction.
        hot_writes: Write units that the business function writes to one and the same partition key, for one message.
        account_concurrency: Concurrency of the account that is free for this function.
        sns_quota: Messages a second that SNS takes in this account and region; 0 is not counted.
        region: Region; "" where it is not known, and has the lowest quotas.

    Raises:
        InvalidInputError: A number is out of range.
    """

    message_ms: float
    batch_ms: float = 20.0
    messages: int = 100_000
    message_bytes: int = 1_000
    parallel: int = 1
    groups: int = 1_000
    largest_group: int = 0
    own_writes: float = 0.0
    hot_writes: float = 0.0
    account_concurrency: int = ACCOUNT_CONCURRENCY
    sns_quota: int = 0
    region: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.message_ms <= 0:
            msg = f"message_ms must be above 0, got {self.message_ms:g}"
            raise InvalidInputError(msg)
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                msg = f"{name} must be {least} or more, got {getattr(self, name)}"
                raise InvalidInputError(msg)


_LEAST = {
    "batch_ms": 0,
    "messages": 0,
    "message_bytes": 1,
    "parallel": 1,
    "groups": 1,
    "largest_group": 0,
    "own_writes": 0,
    "hot_writes": 0,
    "account_concurrency": 1,
    "sns_quota": 0,
}


def full_batch(receiver: Receiver, load: Load) -> int:
    """Return the messages of a full batch: its size, or as many as fit the payload of an invocation."""
    return max(1, min(receiver.batch_size, PAYLOAD_BYTES // load.message_bytes))


def batch_seconds(receiver: Receiver, load: Load) -> float:
    """Return how long an invocation with a full batch takes. Messages of FIFO queues never run side by side."""
    batch = full_batch(receiver, load)
    rounds = batch if receiver.fifo else math.ceil(batch / load.parallel)
    return (load.batch_ms + rounds * load.message_ms) / 1_000


def groups_in_batch(receiver: Receiver, load: Load) -> int:
    """Return of how many message groups a full batch of a FIFO queue is.

    SQS gives as many messages of one group as it has. Source:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
    """
    batch = full_batch(receiver, load)
    waiting_in_each = max(1.0, load.messages / load.groups)
    return min(batch, load.groups, math.ceil(batch / waiting_in_each))
