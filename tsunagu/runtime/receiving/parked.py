"""What the parking says of a message: whether it may run, and the place that it has in its parked group."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from tsunagu.runtime.idempotency.store import BusinessWrite


class Turn(Enum):
    """Whether a message may run."""

    RUNS = auto()
    PARKED = auto()  # one before it in its group is not settled
    LATER = auto()  # its number was settled a moment ago: when it comes back, it is acknowledged


class Parked(NamedTuple):
    """What the item of a dead message says of its group, and the writes that say it.

    Attributes:
        place: Id of its entry; empty where nothing is parked.
        behind: Id of the entry that it waits for; empty where it died itself.
        reason: Why it is in the dead-letter queue.
        writes: Writes of the transaction that marks it as dead.
    """

    place: str = ""
    behind: str = ""
    reason: str = ""
    writes: Sequence[BusinessWrite] = ()
