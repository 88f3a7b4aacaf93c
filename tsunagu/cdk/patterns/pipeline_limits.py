"""Limits of a pipeline: how long a request can take, and how much JSON fits a message."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from aws_cdk import Duration

from tsunagu.cdk.constructs.ranges import DAY_SECONDS
from tsunagu.cdk.patterns.idempotent_receiver import WINDOW_SLACK
from tsunagu.cdk.patterns.service import Service
from tsunagu.contracts.pipeline import INLINE_BYTES
from tsunagu.errors import InvalidPropsError

# Upper bounds: ids, names and attributes of one message, and a claim with its key for each JSON value.
_ENVELOPE_BYTES = 2_048
_PART_BYTES = 512


class Hop(NamedTuple):
    """One message of a request, and its topic.

    Attributes:
        topic: Path of the topic, for the error.
        message_bytes: Largest message that the topic accepts.
        parts: Number of JSON values in the message: the request, and a result of each service of the previous step.
    """

    topic: str
    message_bytes: int
    parts: int

    @property
    def inline_bytes(self) -> int:
        """Size in bytes up to which all JSON values of the message fit together."""
        return (self.message_bytes - _ENVELOPE_BYTES) // self.parts - _PART_BYTES


def inline_bytes(hops: Sequence[Hop], wanted: int | None) -> int:
    """Return the largest JSON value that travels in a message instead of the bucket, in UTF-8 bytes.

    Args:
        hops: All messages of a request.
        wanted: Value of the prop. None: 64 KiB, or less where less fits.

    Raises:
        InvalidPropsError: The values of a message of that size do not fit its topic.
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
    """Return the longest time from the start of a request to its last delivery, with a redrive at every queue."""
    slowest = [max(service.longest_way.to_seconds() for service in services) for services in steps]
    return Duration.seconds(sum(slowest))


def least_window(run: Duration, entry: Duration) -> Duration:
    """Return how long each item of a request must be kept, so that the last step still finds the first item.

    Args:
        run: Longest time of a request.
        entry: Longest stay of a message in the entry queue; 0 seconds without an entry queue.
    """
    return Duration.seconds(max(run.to_seconds(), entry.to_seconds()) + WINDOW_SLACK.to_seconds())


def object_lifetime(run: Duration, window: Duration) -> Duration:
    """Return how long an object must be kept, in whole days: the request, and the time in which it can be replayed."""
    return Duration.days(math.ceil((run.to_seconds() + window.to_seconds()) / DAY_SECONDS))
