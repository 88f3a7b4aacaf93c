"""What a receiver drains, as one answer: limits, time, concurrency, what to mind, and what would help."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tsunagu.capacity.changes import Change, changes
from tsunagu.capacity.draining import seconds_to_drain
from tsunagu.capacity.limits import Limit, concurrency_for, limits, most_invocations
from tsunagu.capacity.receiver import Load, Receiver, batch_seconds, full_batch
from tsunagu.capacity.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a receiver drains.

    Attributes:
        receiver: The receiver.
        load: What it was asked about.
        timing: What was measured of it; None where the times were given.
        limits: What limits it, the tightest limit first.
        batch_seconds: How long an invocation with a full batch takes.
        concurrency: Invocations at the same time that the tightest limit takes.
        seconds: How long the messages that wait take.
        changes: What would make it faster, the best change first.
        warnings: What to mind.
    """

    receiver: Receiver
    load: Load
    timing: Timing | None
    limits: Sequence[Limit]
    batch_seconds: float
    concurrency: int
    seconds: float
    changes: Sequence[Change]
    warnings: Sequence[str]

    @property
    def rate(self) -> float:
        """Messages a second at most."""
        return self.limits[0].rate


def answer_for(receiver: Receiver, load: Load, timing: Timing | None = None) -> Answer:
    """Return what a receiver drains.

    Args:
        receiver: The receiver.
        load: What it is asked about.
        timing: What was measured of it. Default: the times of the load were given.
    """
    found = limits(receiver, load)
    return Answer(
        receiver=receiver,
        load=load,
        timing=timing,
        limits=found,
        batch_seconds=batch_seconds(receiver, load),
        concurrency=concurrency_for(receiver, load, found[0].rate),
        seconds=seconds_to_drain(receiver, load),
        changes=changes(receiver, load),
        warnings=[*_warnings(receiver, load)],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A pipeline: every run passes each of its services.

    Attributes:
        pipeline: Its name.
        slowest: The service that drains least.
        seconds: How long its messages take.
    """

    pipeline: str
    slowest: Answer
    seconds: float


def chains(answers: Sequence[Answer]) -> Iterator[Chain]:
    """Iterate over the pipelines that have more than one service among the answers."""
    for name in dict.fromkeys(answer.receiver.pipeline for answer in answers if answer.receiver.pipeline):
        services = [answer for answer in answers if answer.receiver.pipeline == name]
        if len(services) > 1:
            slowest = min(services, key=lambda answer: answer.rate)
            yield Chain(pipeline=name, slowest=slowest, seconds=max(answer.seconds for answer in services))


def _warnings(receiver: Receiver, load: Load) -> Iterator[str]:
    seconds, batch, reserved = batch_seconds(receiver, load), full_batch(receiver, load), receiver.reserved_concurrency
    if seconds > receiver.timeout_seconds:
        timeout = f"{receiver.timeout_seconds:,.0f} s"
        yield f"a full batch takes longer than the time-out of {timeout}: give it a smaller batch"
    if batch < receiver.batch_size:
        yield f"an invocation has room for {batch:,} messages of this size, and not for {receiver.batch_size:,}"
    if not receiver.pipeline and receiver.shares_table_with:
        yield f"its table has the writes of {', '.join(receiver.shares_table_with)} too, which are not counted"
    if reserved == 0:
        yield "reserved_concurrency of 0 stops the function"
    elif reserved is not None and reserved < most_invocations(receiver):
        yield (
            f"the mapping may invoke more than reserved_concurrency of {reserved:,} allows: throttled batches use up "
            "receives, so give it max_concurrency"
        )
