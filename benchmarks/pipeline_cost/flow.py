"""The flow whose cost is asked: its steps, the sizes of its payloads, and what is assumed of the rest."""

from dataclasses import dataclass

from benchmarks.cost.load import DURATIONS, Durations
from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH
from tsunagu.contracts.pipeline import INLINE_BYTES
from tsunagu.runtime.claim_check import inline_limit

EVERYTHING_IN_S3 = 0  # of `Flow.inline_bytes`: no payload is as small


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a pipeline.

    Attributes:
        name: Its name.
        services: Names of its services.
    """

    name: str
    services: tuple[str, ...]


ORDER_STEPS = (Step("reserve", ("inventory", "billing")), Step("ship", ("shipping",)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A pipeline, and how it is used. Each message succeeds at its first delivery.

    The pipeline is started by direct invocation, queues have SQS's own key, and the subscribers of the
    completion topic are queues.

    Attributes:
        steps: The steps in order. Default: those of the order pipeline.
        request_bytes: JSON of a request.
        result_bytes: JSON of each service's result.
        inline_bytes: Largest JSON that travels in a message; `EVERYTHING_IN_S3` for none. Default: the runtime's.
        batch: Messages of one invocation of a service, on average, 1 to 10. Default: 10, a full batch.
        writes: Items of at most 1 KB that a service writes in the transaction that completes its message; without any
            there is no transaction.
        claim_days: How long an object is kept. Default: expiration and recovery of `ClaimCheckBucket`.
        record_days: How long an idempotency item is kept. Default: the default window.
        hours: Time in which a million requests come: keys are used by the time, not by the message.
        memory_gib: Memory of each function. Default: that of `HandlerFunction`.
        durations: How long calls take.

    Raises:
        ValueError: The batch is out of range.
    """

    steps: tuple[Step, ...] = ORDER_STEPS
    request_bytes: int = 1_024
    result_bytes: int = 256
    inline_bytes: int = INLINE_BYTES
    batch: int = SQS_ENTRIES_PER_BATCH
    writes: int = 1
    claim_days: int = 180 + 14
    record_days: int = 23
    hours: int = 24
    memory_gib: float = 0.25
    durations: Durations = DURATIONS

    def __post_init__(self) -> None:
        """Refuse a batch that a queue does not deliver."""
        if not 1 <= self.batch <= SQS_ENTRIES_PER_BATCH:
            msg = f"batch must be between 1 and {SQS_ENTRIES_PER_BATCH} messages, got {self.batch}"
            raise ValueError(msg)

    def has_inline(self, size_bytes: int) -> bool:
        """Whether a payload of that size travels in messages."""
        return size_bytes <= inline_limit(self.inline_bytes)
