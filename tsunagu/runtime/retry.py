"""Retry: the delay of a message before its next attempt, and of a transaction before its next try."""

import random

BASE_SECONDS = 2.0
LONGEST_SECONDS = 900.0
CONFLICT_SECONDS = 0.02


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


def conflict_pause_seconds(tries: int, rng: random.Random) -> float:
    """Return the pause, in seconds, after a transaction conflicted with another one on the same item.

    It is random, so that the two do not conflict again.

    Args:
        tries: Tries so far, at least 1.
        rng: Where the jitter comes from.
    """
    return rng.uniform(CONFLICT_SECONDS, CONFLICT_SECONDS * 2.0**tries)
