"""How long a message and a batch take, from invocations that were measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from tsunagu.errors import InvalidInputError

_FEWEST_ROUNDS_APART = 0.5  # spread of the rounds below which a line through them says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What invocations took.

    Attributes:
        message_ms: Time that one message adds to an invocation.
        batch_ms: Time that an invocation takes besides.
        invocations: Invocations that were measured.
        mean_ms: Their mean duration.
        mean_messages: Their mean number of messages.
    """

    message_ms: float
    batch_ms: float
    invocations: int
    mean_ms: float
    mean_messages: float


def timing_of(measured: Sequence[tuple[int, float]], parallel: int = 1) -> Timing:
    """Return the straight line that fits the durations of invocations best, by how many rounds of messages they ran.

    Where all of them had about as many messages, all of the time counts as that of the messages. So larger batches
    than those that were seen are taken for slower than they may be.

    Args:
        measured: Messages and milliseconds of each invocation.
        parallel: Messages of a batch that ran at the same time.

    Raises:
        InvalidInputError: There is no invocation.
    """
    if not measured:
        msg = "measured must have an invocation, got none"
        raise InvalidInputError(msg)
    rounds = [math.ceil(messages / parallel) for messages, _ in measured]
    durations = [milliseconds for _, milliseconds in measured]
    message_ms, batch_ms = _line(rounds, durations)
    return Timing(
        message_ms=message_ms,
        batch_ms=batch_ms,
        invocations=len(measured),
        mean_ms=fmean(durations),
        mean_messages=fmean(messages for messages, _ in measured),
    )


def _line(rounds: Sequence[int], durations: Sequence[float]) -> tuple[float, float]:
    """Return the slope and the start of the line: neither is below 0, and it goes through the means."""
    mean_round, mean_duration = fmean(rounds), fmean(durations)
    spread = fmean((each - mean_round) ** 2 for each in rounds)
    steepest = mean_duration / mean_round
    if spread < _FEWEST_ROUNDS_APART**2:
        return steepest, 0.0
    together = fmean((x - mean_round) * (y - mean_duration) for x, y in zip(rounds, durations, strict=True))
    slope = together / spread
    if not 0 < slope < steepest:
        return steepest, 0.0
    return slope, mean_duration - slope * mean_round
