"""How fast `tsunagu dlq redrive` goes, and how long it waits: its options."""

from dataclasses import dataclass
from typing import Annotated

import typer

from tsunagu.cli.dlq_options import Drained
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.fates import DRAINED_SECONDS, Followers
from tsunagu.operations.letters.items import LetterItems
from tsunagu.operations.letters.places import LetterQueue
from tsunagu.operations.letters.session import RedrivePlan
from tsunagu.runtime.clock import SystemClock

Rate = Annotated[float, typer.Option(min=0.01, max=500, help="Letters per second.")]
StopAfter = Annotated[
    int, typer.Option(min=0, help="Stop when so many of the letters sent back have died again; 0: never.")
]
CanaryWait = Annotated[
    float, typer.Option(min=1, help="Seconds to wait for the first letter to be processed, before the others are sent.")
]
NoCanary = Annotated[bool, typer.Option("--no-canary", help="Send all letters, not one first.")]
Settle = Annotated[float, typer.Option(min=0, help="Seconds to wait at the end for what becomes of the letters.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast letters go back.

    Attributes:
        rate_per_second: Letters per second.
        stop_after: Stop when so many have died again; 0: never.
        has_canary: Whether one letter goes first.
        canary_wait_seconds: How long to wait for the first letter to be processed.
        settle_seconds: How long to wait at the end.
        drained_seconds: How long a queue must look empty, where no item says what became of a letter.
    """

    rate_per_second: float
    stop_after: int
    has_canary: bool
    canary_wait_seconds: float
    settle_seconds: float
    drained_seconds: float

    def plan(self, total: int, limit: int | None) -> RedrivePlan:
        """Return the plan for a number of letters. A single one is waited for as a first one is."""
        is_first = self.has_canary and total == 1
        return RedrivePlan(
            rate_per_second=self.rate_per_second,
            limit_count=limit,
            canary_seconds=self.canary_wait_seconds if self.has_canary and not is_first else None,
            settle_seconds=max(self.settle_seconds, self.canary_wait_seconds) if is_first else self.settle_seconds,
        )

    def followers(self, aws: Aws, queue: LetterQueue) -> Followers:
        """Return what follows the letters of a queue."""
        return Followers(
            SystemClock(),
            LetterItems(lambda: aws.dynamodb, queue.table_names),
            stop_after=self.stop_after or None,
            drained_seconds=self.drained_seconds,
        )


def pace_of(
    *,
    rate: Rate = 10.0,
    stop_after: StopAfter = 1,
    no_canary: NoCanary = False,
    canary_wait: CanaryWait = 300.0,
    wait: Settle = 60.0,
    drained: Drained = DRAINED_SECONDS,
) -> Pace:
    """Return the pace that the options of the verb make."""
    return Pace(
        rate_per_second=rate,
        stop_after=stop_after,
        has_canary=not no_canary,
        canary_wait_seconds=canary_wait,
        settle_seconds=wait,
        drained_seconds=drained,
    )
