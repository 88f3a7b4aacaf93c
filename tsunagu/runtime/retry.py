"""Retry: the delay before the next attempt or try, and what follows when a call for several entries raises."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

EntryT = TypeVar("EntryT")
AnswerT = TypeVar("AnswerT")

BASE_SECONDS = 2.0
LONGEST_SECONDS = 900.0
CONFLICT_SECONDS = 0.02

DELIVERIES_BEFORE_DEFERRAL = 100
VISIBILITY_PER_FUNCTION_TIMEOUT = 6  # as `QueueChannel` has it; the runtime does not know the queue's own value


def backoff_seconds(attempts: int, rng: random.Random) -> float:
    """Return the delay after `attempts` failed attempts: exponential back-off with full jitter.

    Args:
        attempts: Attempts that failed so far, at least 1.
        rng: Where the jitter comes from.

    Returns:
        Seconds, from 0 to 2 x 2^attempts, at most 900.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return rng.uniform(0.0, min(LONGEST_SECONDS, BASE_SECONDS * 2.0 ** min(attempts, 16)))


def deferral_seconds(deliveries: int, function_timeout_seconds: float) -> float | None:
    """Return the delay of a message that was not attempted, because a service could not be used.

    SQS itself dead-letters a message after a number of deliveries, at most 1,000. With a short visibility time-out
    these would be used up within hours. So the first deliveries keep it, and later ones are further apart.

    Args:
        deliveries: Deliveries of the message so far.
        function_timeout_seconds: Time-out of the function. Its visibility time-out is six times as long.

    Returns:
        Seconds, at least 900. None, up to the hundredth delivery: until the visibility time-out ends.
    """
    if deliveries <= DELIVERIES_BEFORE_DEFERRAL:
        return None
    return max(LONGEST_SECONDS, function_timeout_seconds * VISIBILITY_PER_FUNCTION_TIMEOUT)


def conflict_pause_seconds(tries: int, rng: random.Random) -> float:
    """Return the pause, in seconds, after a transaction conflicted with another one on the same item.

    It is random, so that the two do not conflict again.

    Args:
        tries: Tries so far, at least 1.
        rng: Where the jitter comes from.
    """
    return rng.uniform(CONFLICT_SECONDS, CONFLICT_SECONDS * 2.0**tries)


def together_or_alone(
    call: Callable[[Sequence[EntryT]], list[AnswerT]],
    entries: Sequence[EntryT],
    failed: Callable[[Exception], AnswerT],
) -> list[AnswerT]:
    """Call `call` with all entries. If that raises, call it with each entry alone, so that only the culprit fails.

    The calls behind the ports raise nothing for what they know: an outage, a refusal. This is for what they do not
    know, such as a text that the SDK cannot write, or an answer of another shape. It must not harm the other messages.
    Each call can be repeated: a write is conditional, and a message may be sent twice.

    Args:
        call: Takes entries, and returns one answer for each.
        entries: The entries, of several messages.
        failed: Returns the answer for an entry whose call raised.

    Returns:
        One answer for each entry, in order.
    """
    try:
        answers = call(entries)
        if len(answers) != len(entries):
            msg = f"a call must have {len(entries)} answers, got {len(answers)}"
            raise ValueError(msg)  # noqa: TRY301 - as the call itself would
    except Exception as error:  # noqa: BLE001 - an error of one message affects no other
        if len(entries) == 1:
            return [failed(error)]
        return [answer for entry in entries for answer in together_or_alone(call, [entry], failed)]
    return answers
