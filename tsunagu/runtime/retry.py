"""How long a message waits before its next attempt, and a transaction before its next try."""

import random

BASE_SECONDS = 2.0
LONGEST_SECONDS = 900.0
CONFLICT_SECONDS = 0.02


def backoff_seconds(attempts: int, rng: random.Random) -> float:
    """Return the delay after `attempts` failed attempts: exponential, with full jitter.

    Args:
        attempts: Attempts that failed so far, at least 1.
        rng: Where the jitter comes from.

    Returns:
        Seconds, from 0 to 2 x 2^attempts, at most 900.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return rng.uniform(0.0, min(LONGEST_SECONDS, BASE_SECONDS * 2.0 ** min(attempts, 16)))


def conflict_pause_seconds(tries: int, rng: random.Random) -> float:
    """Return the pause after a transaction met another one on the same item: milliseconds, and never in step with it.

    Args:
        tries: Tries so far, at least 1.
        rng: Where the jitter comes from.
    """
    return rng.uniform(CONFLICT_SECONDS, CONFLICT_SECONDS * 2.0**tries)
