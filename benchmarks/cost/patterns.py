"""The patterns whose cost is asked, each beside the plain design of the same flow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from benchmarks.cost import accept_now, one_at_a_time, pipeline, receive_once, web_and_queue
from benchmarks.cost.load import Load
from benchmarks.cost.usage import Usage, million_usd

KIB = 1_024
Design = Callable[[Load], Usage]
_BASE = Load()
_OF_BATCHES = {
    "batches of ten, 1 KiB": _BASE,
    "one by one, 1 KiB": replace(_BASE, batch=1),
    "batches of ten, 16 KiB": replace(_BASE, message_bytes=16 * KIB),
    "one by one, 16 KiB": replace(_BASE, batch=1, message_bytes=16 * KIB),
}

_SHORT = {"batches of ten, 512 bytes": replace(_BASE, message_bytes=512)}  # record and item are one unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A pattern, and what it is compared with.

    Attributes:
        name: Name of its page in `docs`.
        construct: Its construct.
        unit: What comes.
        stack: Stack of the sample that has it.
        ours: What one unit uses.
        plain: What one unit uses in the plain design.
        plain_is: The plain design, in a phrase.
        lacks: What the plain design lacks, in a sentence.
        loads: Loads by what they are; the first one is that of the headline.
        others: Other designs, by their names.
    """

    name: str
    construct: str
    unit: str
    stack: str
    ours: Design
    plain: Design
    plain_is: str
    lacks: str
    loads: Mapping[str, Load]
    others: Mapping[str, Design] = field(default_factory=dict)

    @property
    def designs(self) -> Mapping[str, Design]:
        """All designs: ours, the plain one, and others."""
        return {"ours": self.ours, "plain": self.plain, **self.others}


PATTERNS = (
    Pattern(
        name="receive-once",
        construct="IdempotentReceiver",
        unit="messages",
        stack="payments",
        ours=cache(receive_once.ours),
        plain=cache(receive_once.plain),
        plain_is="a queue and a function that puts a lock, writes, and marks the lock as done, message by message",
        lacks="Lock and effect are not one: a function that dies between them loses the effect, or has it twice.",
        loads={**_OF_BATCHES, "batches of ten, 1 KiB, nothing written": replace(_BASE, writes=0)},
    ),
    Pattern(
        name="pipeline",
        construct="ServicePipeline",
        unit="requests",
        stack="order-pipeline",
        ours=cache(pipeline.ours),
        plain=cache(pipeline.plain),
        plain_is="topics and queues with every payload in S3, a plain lock in each service, and a counter for the join",
        lacks="A service that dies between its effect and its message stops the request, and nothing notices.",
        loads=_OF_BATCHES,
    ),
    Pattern(
        name="accept-now",
        construct="AsyncRequestApi",
        unit="requests",
        stack="reports",
        ours=cache(accept_now.ours),
        plain=cache(accept_now.plain),
        plain_is="a REST API that invokes the function asynchronously",
        lacks="The caller learns no status, no end and no result, and what fails three times is gone.",
        loads={
            **_OF_BATCHES,
            **_SHORT,
            "batches of ten, 1 KiB, status asked twice": replace(_BASE, polls=2),
            "batches of ten, 1 KiB, ten seconds of work": replace(_BASE, work_seconds=10.0),
        },
    ),
    Pattern(
        name="one-at-a-time",
        construct="SingleFlightSchedule",
        unit="ticks",
        stack="supplier-sync",
        ours=cache(one_at_a_time.ours),
        plain=cache(one_at_a_time.plain),
        plain_is="a schedule that starts a state machine, which invokes the function",
        lacks="Each tick is a run, so slow runs work at the same time, and each of them pays for the work again.",
        loads={
            "a run takes five ticks": _BASE,
            "a run takes one tick": replace(_BASE, ticks_of_a_run=1),
            "a run takes sixty ticks": replace(_BASE, ticks_of_a_run=60),
        },
        others={"guard function": cache(one_at_a_time.guarded)},
    ),
    Pattern(
        name="web-and-queue",
        construct="ApiAndQueueFunction",
        unit="orders",
        stack="order-api",
        ours=cache(web_and_queue.ours),
        plain=cache(web_and_queue.plain),
        plain_is="two functions: one puts the order and sends its message, the other has a plain lock",
        lacks="A repeated POST is a second order, and a function that dies before it sends leaves one unconfirmed.",
        loads={**_OF_BATCHES, **_SHORT},
    ),
)


def ratio(pattern: Pattern, load: Load) -> float:
    """Return our price over that of the plain design."""
    return million_usd(pattern.ours(load)) / million_usd(pattern.plain(load))


def headline(pattern: Pattern) -> Load:
    """Return the first load of a pattern."""
    return next(iter(pattern.loads.values()))
