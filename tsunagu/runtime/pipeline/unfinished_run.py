"""A run that is not done, and what it waits for."""

from dataclasses import dataclass
from enum import StrEnum

from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.pipeline.journal import Found


class Cause(StrEnum):
    """Why a run waits."""

    NOT_PUBLISHED = "NOT_PUBLISHED"  # its start was recorded, and its first message may not have been sent
    STEP_GONE = "STEP_GONE"  # it began at a step that the pipeline does not have any more
    SERVICE_GONE = "SERVICE_GONE"  # a service that the pipeline does not have any more was at it, and is not done
    NOT_RECEIVED = "NOT_RECEIVED"  # the service has no item: its message did not arrive yet, was purged, or expired
    WORKING = "WORKING"  # a worker has it, or was killed
    RELEASED = "RELEASED"  # an attempt failed; it waits for the next delivery, if its message still exists
    DEAD = "DEAD"  # it was dead-lettered
    NOT_SENT = "NOT_SENT"  # it is done, and its message to the next step was not sent
    UNREADABLE = "UNREADABLE"  # an item has the form of another release


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One thing that a run waits for.

    Attributes:
        step: Name of the step; empty when the start of the run cannot be read.
        service: Name of the service; empty when it waits for no single one.
        cause: Why.
        since_ms: Since when, in milliseconds since the epoch: the last change of the item, or of the step before.
        reason: Last error of the service, or the reason of its dead letter; empty when there is none.
    """

    step: str
    service: str
    cause: Cause
    since_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedRun:
    """A run that is not done.

    Attributes:
        start_id: Id of the item of its start, which the index has.
        request_id: The request; empty when the item cannot be read.
        run_id: The run; empty when the item cannot be read.
        started_ms: When it was started, in milliseconds since the epoch; 0 when the item cannot be read.
        waits: What it waits for: all of one step, and services that do not exist any more.
    """

    start_id: str
    request_id: str
    run_id: str
    started_ms: int
    waits: tuple[Wait, ...]


_CAUSES = {
    Status.INPROGRESS: Cause.WORKING,
    Status.RELEASED: Cause.RELEASED,
    Status.DEAD: Cause.DEAD,
    Status.COMMITTED: Cause.NOT_SENT,
}


def cause_of(item: Found, *, is_of_base: bool) -> Cause | None:
    """Return why a run waits for a service, by its item; None when the service is done and has sent its messages.

    Args:
        item: The item.
        is_of_base: Whether it is the item of the base run, of which only the result is needed.
    """
    if item is None:
        return Cause.NOT_RECEIVED
    if not isinstance(item, Item):
        return Cause.UNREADABLE
    return None if is_of_base and item.status is Status.COMMITTED else _CAUSES.get(item.status)
