"""Numbers of a pipeline that follow from each other: how long a run can take, and how much fits a message."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from aws_cdk import Duration

from tsunagu.cdk.constructs.ranges import DAY_SECONDS
from tsunagu.cdk.patterns.idempotent_receiver import WINDOW_SLACK
from tsunagu.cdk.patterns.service import Service
from tsunagu.contracts.pipeline import INLINE_BYTES
from tsunagu.errors import InvalidPropsError

# Ids, names and attributes of one message, and a claim with its key for each part: generously.
_ENVELOPE_BYTES = 2_048
_PART_BYTES = 512


class Hop(NamedTuple):
    """One message of a run, and the topic that must take it.

    Attributes:
        topic: Path of the topic, for the sentence.
        message_bytes: Largest message that the topic takes.
        parts: JSON values in the message: the request, and a result of each service of the step before.
    """

    topic: str
    message_bytes: int
    parts: int

    @property
    def inline_bytes(self) -> int:
        """Largest JSON value that can travel in the message whatever the size of the others."""
        return (self.message_bytes - _ENVELOPE_BYTES) // self.parts - _PART_BYTES


def inline_bytes(hops: Sequence[Hop], wanted: int | None) -> int:
    """Return how large a JSON value may be to travel inline, in UTF-8 bytes.

    Args:
        hops: Every message of a run.
        wanted: What was asked for. None: 64 KiB, or what fits.

    Raises:
        InvalidPropsError: As many values as a message can have would not fit its topic.
    """
    narrowest = min(hops, key=lambda hop: hop.inline_bytes)
    chosen = max(0, min(INLINE_BYTES, narrowest.inline_bytes)) if wanted is None else wanted
    if chosen > narrowest.inline_bytes:
        msg = (
            f"inline_bytes must be at most {max(0, narrowest.inline_bytes):,}, so that {narrowest.parts} JSON values "
            f"fit the {narrowest.message_bytes:,} bytes of {narrowest.topic}, got {chosen:,}"
        )
        raise InvalidPropsError(msg)
    return chosen


def longest_run(steps: Sequence[Sequence[Service]]) -> Duration:
    """Longest time from the start of a run to the last delivery of its last step, with a redrive at every queue."""
    slowest = [max(service.longest_way.to_seconds() for service in services) for services in steps]
    return Duration.seconds(sum(slowest))


def least_window(run: Duration, entry: Duration) -> Duration:
    """Return how long every record of a run must be kept, so that the last step still finds the first one's.

    Args:
        run: Longest time of a run.
        entry: Longest stay of a start in the entry's queue; none without one.
    """
    return Duration.seconds(max(run.to_seconds(), entry.to_seconds()) + WINDOW_SLACK.to_seconds())


def object_lifetime(run: Duration, window: Duration) -> Duration:
    """Return how long an object must be kept, in whole days: the run, and the time in which it can be replayed."""
    return Duration.days(math.ceil((run.to_seconds() + window.to_seconds()) / DAY_SECONDS))
