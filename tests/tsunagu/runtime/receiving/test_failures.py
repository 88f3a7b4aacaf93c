"""Failures: what each error of an attempt means for its message."""

from random import Random

import pytest

from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import (
    ConditionFailedError,
    InvalidMessageError,
    LeaseLostError,
    PermanentError,
    RetryableError,
    TaskLostError,
    UnavailableError,
    UnfinishedWorkError,
)
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.receiving.failures import Failure, Fate, failure_of
from tsunagu.runtime.retry import backoff_seconds
from tsunagu.testing.fakes import DENIED

CLAIM = Claim(item=Item(id="orders#1", status=Status.INPROGRESS, owner="me", fence=3, lease=0, attempts=1))
BACK_OFF = backoff_seconds(2, Random(7))


def with_delay(error: Exception) -> Exception:
    error.after_seconds = 5  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (with_delay(ValueError("no")), Failure(Fate.RETRIED, 2, "ValueError: no", "ValueError", BACK_OFF)),
        (ValueError("no"), Failure(Fate.RETRIED, 2, "ValueError: no", "ValueError", BACK_OFF)),
        (ConditionFailedError("no"), Failure(Fate.RETRIED, 2, "no", "no", BACK_OFF)),
        (UnfinishedWorkError("no"), Failure(Fate.RETRIED, 2, "no", "no", BACK_OFF)),
        (RetryableError("later"), Failure(Fate.RETRIED, 2, "later", "later", BACK_OFF)),
        (RetryableError("later", after_seconds=0), Failure(Fate.RETRIED, 2, "later", "later", 0)),
        (RetryableError("later", after_seconds=77), Failure(Fate.RETRIED, 2, "later", "later", 77)),
        (PermanentError("never"), Failure(Fate.REFUSED, 2, "never")),
        (InvalidMessageError("never"), Failure(Fate.REFUSED, 2, "never")),
        (TaskLostError("never"), Failure(Fate.REFUSED, 2, "never")),
        (LeaseLostError("late"), Failure(Fate.LEFT, 2, "late")),
        (UnavailableError("gone"), Failure(Fate.DEFERRED, 1, "gone")),
        (
            UnavailableError("gone", after_seconds=5, call=DENIED),
            Failure(Fate.DEFERRED, 1, "gone", delay_seconds=5, call=DENIED),
        ),
    ],
    ids=str,
)
def test_error_of_an_attempt_that_is_not_the_last_one(error: Exception, failure: Failure) -> None:
    assert failure_of(error, CLAIM, 3, Random(7)) == failure


@pytest.mark.parametrize("max_attempts", [1, 2])
@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (
            ValueError("no"),
            Failure(
                Fate.SPENT,
                2,
                "2 attempts failed, the last with ValueError: no",
                "2 attempts failed, the last with ValueError",
            ),
        ),
        (
            RetryableError("later", after_seconds=5),
            Failure(Fate.SPENT, 2, "2 attempts failed, the last with later", "2 attempts failed, the last with later"),
        ),
        (PermanentError("never"), Failure(Fate.REFUSED, 2, "never")),
        (LeaseLostError("late"), Failure(Fate.LEFT, 2, "late")),
        (UnavailableError("gone"), Failure(Fate.DEFERRED, 1, "gone")),
    ],
    ids=str,
)
def test_error_of_the_last_attempt(error: Exception, failure: Failure, max_attempts: int) -> None:
    assert failure_of(error, CLAIM, max_attempts, Random(7)) == failure
