"""Failures: what the error of an attempt means for its message; see `runtime.errors`."""

import random
from dataclasses import dataclass
from enum import Enum, auto

from tsunagu.runtime.errors import (
    FailedCall,
    LeaseLostError,
    PermanentError,
    RetryableError,
    UnavailableError,
    call_of,
    delay_of,
    described,
    published,
)
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.retry import backoff_seconds


class Fate(Enum):
    """What becomes of a message."""

    RETRIED = auto()  # it comes back, and the attempt counts
    SPENT = auto()  # its attempts are spent: it is dead-lettered
    REFUSED = auto()  # no attempt can succeed: it is dead-lettered at once
    DEFERRED = auto()  # a service could not be used: it comes back, and the attempt does not count
    LEFT = auto()  # another worker owns it: nothing is written


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error means for its message.

    Attributes:
        fate: What becomes of it.
        attempts: Its attempts so far.
        reason: The error, as the item keeps it.
        published: What others may read of the reason. Default: all of it.
        delay_seconds: Seconds until it comes back. Default: until its visibility time-out ends.
        call: The call of a service that failed, if it is known.
    """

    fate: Fate
    attempts: int
    reason: str
    published: str | None = None
    delay_seconds: float | None = None
    call: FailedCall | None = None


def failure_of(error: BaseException, claim: Claim, max_attempts: int, rng: random.Random) -> Failure:
    """Return what the error of an attempt means. Nothing is raised, whatever class the error has.

    Args:
        error: What the business function raised, or why it could not be called, or why its writes were refused.
        claim: The item of the message.
        max_attempts: Attempts after which a message is dead-lettered.
        rng: Where the jitter of the back-off comes from.
    """
    kind, reason, attempt = type(error), described(error), claim.attempt  # `isinstance` would ask the error itself
    if issubclass(kind, UnavailableError):
        before, call = claim.item.attempts, call_of(error)
        return Failure(Fate.DEFERRED, before, reason, delay_seconds=delay_of(error), call=call)
    if issubclass(kind, LeaseLostError):
        return Failure(Fate.LEFT, attempt, reason)
    if issubclass(kind, PermanentError):
        return Failure(Fate.REFUSED, attempt, reason)
    shown = published(error)
    if attempt >= max_attempts:
        spent = f"{attempt} attempts failed, the last with "
        return Failure(Fate.SPENT, attempt, spent + reason, spent + shown)
    after_seconds = delay_of(error) if issubclass(kind, RetryableError) else None
    delay_seconds = backoff_seconds(attempt, rng) if after_seconds is None else after_seconds
    return Failure(Fate.RETRIED, attempt, reason, shown, delay_seconds=delay_seconds)
