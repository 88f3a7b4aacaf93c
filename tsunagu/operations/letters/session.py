"""A redrive as an operator wants it: one letter first, then the others at a rate, until too many die again."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tsunagu.operations.letters.fates import Fate, Followed, Followers, Surroundings
from tsunagu.operations.letters.letter import DeadLetter, DeadLetterSource
from tsunagu.operations.redrive import LetterTarget, RedriveReport, redrive
from tsunagu.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RedrivePlan:
    """How letters are redriven.

    Attributes:
        rate_per_second: Letters per second, above 0 and at most 500.
        limit_count: Most letters. Default: all that are there at the start.
        canary_seconds: How long to wait for the first letter to be processed, before the others are sent. None: do not
            wait, send all.
        settle_seconds: How long to wait at the end for the others.
    """

    rate_per_second: float = 10.0
    limit_count: int | None = None
    canary_seconds: float | None = 300.0
    settle_seconds: float = 60.0


@dataclass(slots=True)
class RedriveSummary:
    """What became of a redrive.

    Attributes:
        moved: Letters that are back where they came from.
        problems: Message id and error of each letter that was not sent, or may not be deleted.
        groups_in_the_way: FIFO groups with letters that stayed; behind the first ten of each, nothing was seen.
        stopped: Why it ended before all letters were sent; empty when it did not.
        moving_ms: How long letters were moved, in milliseconds, without the waits for what becomes of them.
    """

    moved: int = 0
    problems: list[str] = field(default_factory=list)
    groups_in_the_way: set[str] = field(default_factory=set)
    stopped: str = ""
    moving_ms: int = 0

    @property
    def rate_per_second(self) -> float:
        """Letters moved per second."""
        return self.moved * 1_000 / max(1, self.moving_ms)


Progress = Callable[[str, int], None]


class RedriveSession:
    """Redrives the letters of one queue.

    Args:
        source: Dead-letter queue.
        target: Sends letters back.
        clock: The time.
        followers: Follows what becomes of them.
        surroundings: What is known of letters without an item.
        plan: How.
        progress: Called with what is done now, and the number of letters moved so far.
    """

    def __init__(
        self,
        source: DeadLetterSource,
        target: LetterTarget,
        clock: Clock,
        *,
        followers: Followers,
        surroundings: Surroundings,
        plan: RedrivePlan,
        progress: Progress = lambda _phase, _moved: None,
    ) -> None:
        self._source = source
        self._target = target
        self._clock = clock
        self._followers = followers
        self._surroundings = surroundings
        self._plan = plan
        self._progress = progress
        self.summary = RedriveSummary()

    def run(self, selects: Callable[[DeadLetter], bool]) -> RedriveSummary:
        """Redrive the letters that are selected. What is done at an interruption is in `summary`."""
        if self._plan.canary_seconds is None or self._try_one(selects, self._plan.canary_seconds):
            self._move(selects, "redrives", self._limit_left())
        if self.summary.moved and not self.summary.stopped:
            self._wait("waits until they are processed", self._plan.settle_seconds)
        return self.summary

    def _try_one(self, selects: Callable[[DeadLetter], bool], seconds: float) -> bool:
        """Redrive one letter, and return whether it was processed."""
        self._move(selects, "redrives one letter first", 1)
        if not self._followers.followed or self.summary.problems:
            return False
        self._wait("waits until it is processed", seconds)
        (first,) = self._followers.followed.values()
        if first.fate is Fate.WAITING:
            self.summary.stopped = f"the first letter was not processed within {seconds:g} s"
        elif first.fate is not Fate.RESOLVED:
            self.summary.stopped = f"the first letter {first.fate}: {_reason(first)}"
        return first.fate is Fate.RESOLVED

    def _move(self, selects: Callable[[DeadLetter], bool], phase: str, limit_count: int | None) -> None:
        moved = self.summary.moved
        if limit_count is not None and limit_count < 1:
            return
        self._progress(phase, moved)
        started_ms = self._clock.now_ms()
        report = redrive(
            self._source,
            self._target,
            self._clock,
            rate_per_second=self._plan.rate_per_second,
            limit_count=limit_count,
            selects=selects,
            follower=self._followers,
            progress=lambda count: self._count(phase, moved + count),
        )
        self.summary.moving_ms += self._clock.now_ms() - started_ms
        self._note(moved, report)

    def _count(self, phase: str, moved: int) -> None:
        self.summary.moved = moved
        self._progress(phase, moved)

    def _note(self, moved: int, report: RedriveReport) -> None:
        self.summary.moved = moved + report.moved
        self.summary.problems += report.problems
        self.summary.groups_in_the_way |= report.groups_in_the_way
        if report.was_stopped:
            died = self._followers.with_fate(Fate.DIED_AGAIN)
            self.summary.stopped = f"{len(died)} died again, the last: {_reason(died[-1])}"
        elif report.problems:
            self.summary.stopped = f"a letter could not be moved: {report.problems[0]}"

    def _wait(self, phase: str, seconds: float) -> None:
        self._progress(phase, self.summary.moved)
        self._followers.wait(
            self._surroundings,
            patience_seconds=seconds,
            progress=lambda: self._progress(phase, self.summary.moved),
        )

    def _limit_left(self) -> int | None:
        limit = self._plan.limit_count
        return None if limit is None else limit - self.summary.moved


def _reason(followed: Followed) -> str:
    return followed.reason or "it does not say why"
