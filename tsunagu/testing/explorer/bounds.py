"""Bounds of what may go wrong in one schedule."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may go wrong in one schedule.

    Attributes:
        crashes: Processes that are killed.
        lost: Calls that fail, or whose answer is lost.
        switches: Times that a worker is left in the middle, or that time passes beside it.
        redeliveries: Times that SQS delivers what is in flight, or was deleted.
        outages: Times that the table is gone for three minutes.
    """

    crashes: int = 0
    lost: int = 0
    switches: int = 0
    redeliveries: int = 0
    outages: int = 0
