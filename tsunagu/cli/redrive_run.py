"""Carries out a redrive that a verb has planned: asks, records, shows the progress, and reports what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from tsunagu.cli.changes import Change, ChangeOptions, agreed, recorded
from tsunagu.cli.dlq_options import Place
from tsunagu.cli.output import Line, error_console, indented, output_console, print_parts, printable, tell
from tsunagu.cli.redrive_progress import LetterProgress
from tsunagu.errors import CommandError
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.fates import Fate, Followers
from tsunagu.operations.letters.letter import DeadLetter, DeadLetterSource
from tsunagu.operations.letters.look import count_letters, letter_source
from tsunagu.operations.letters.session import RedrivePlan, RedriveSession, RedriveSummary
from tsunagu.operations.letters.surroundings import QueueSurroundings
from tsunagu.operations.letters.targets import LetterRouter
from tsunagu.operations.redrive import LetterTarget
from tsunagu.runtime.clock import SystemClock

SHOWN = 10
NO_REASON = "it does not say why"
ENOUGH_TO_JUDGE, LOWEST_SHARE = 100, 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRedrive:
    """What a verb redrives.

    Attributes:
        aws: Clients.
        place: The dead-letter queue.
        source: Reads its letters.
        router: Knows where letters go back to.
        target: Sends them there.
        plan: How.
        followers: Follows what becomes of them.
        total: Letters that are meant, as far as they are known.
    """

    aws: Aws
    place: Place
    source: DeadLetterSource
    router: LetterRouter
    target: LetterTarget
    plan: RedrivePlan
    followers: Followers
    total: int


def carry_out(
    run: PlannedRedrive,
    change: Change,
    options: ChangeOptions,
    selects: Callable[[DeadLetter], bool],
    before: Callable[[], None] = lambda: None,
) -> None:
    """Ask, redrive, and report.

    Args:
        run: What is redriven.
        change: What the operator is asked.
        options: Options of the verb.
        selects: Which letters.
        before: Called when the operator has agreed, before the first letter is sent. Default: nothing is called.

    Raises:
        CommandError: Nobody agreed, or not every letter was processed.
    """
    if not agreed(change, options):
        return
    followers = run.followers
    with recorded(run.aws, change, options) as record, LetterProgress(error_console(), run.total) as progress:
        before()
        session = RedriveSession(
            run.source,
            run.target,
            SystemClock(),
            followers=followers,
            surroundings=_surroundings(run),
            plan=run.plan,
            progress=lambda phase, moved: progress.show(phase, moved, _detail(followers)),
        )
        try:
            session.run(selects)
        except KeyboardInterrupt:
            tell_interrupted(session.summary.moved)
            raise
        finally:
            record.note(moved=session.summary.moved, **_fates(followers))
    _tell_slow(session.summary, run.plan)
    _report(session.summary, followers)


def tell_interrupted(moved: int) -> None:
    """Say how many letters were sent back before Ctrl-C."""
    tell(f"sent back {moved:,} before it was interrupted; start it again, and it goes on")


def _tell_slow(summary: RedriveSummary, plan: RedrivePlan) -> None:
    """Say that the rate was not reached, where enough letters were moved to judge it."""
    if summary.moved >= ENOUGH_TO_JUDGE and summary.rate_per_second < LOWEST_SHARE * plan.rate_per_second:
        text = f"{summary.rate_per_second:.0f} letters a second were moved, not {plan.rate_per_second:g}"
        tell(f"{text}: ten letters need three calls, one after the other, and each took its time")


def _surroundings(run: PlannedRedrive) -> QueueSurroundings:
    def targets() -> Sequence[str]:
        return [*{run.router.target_of(each.letter): None for each in run.followers.followed.values()}]

    queue = run.place.queue
    source = letter_source(run.aws, queue, count_letters(run.aws.sqs, queue.url).waiting)
    return QueueSurroundings(run.aws.sqs, queue, source, targets)


def _fates(followers: Followers) -> dict[str, int]:
    names = {"resolved": Fate.RESOLVED, "died_again": Fate.DIED_AGAIN, "not_known": Fate.WAITING}
    return {name: followers.count(fate) for name, fate in names.items()}


def _detail(followers: Followers) -> str:
    resolved, died = followers.count(Fate.RESOLVED), followers.count(Fate.DIED_AGAIN)
    return f"{resolved:,} resolved" + (f", {died:,} died again" if died else "")


def _report(summary: RedriveSummary, followers: Followers) -> None:
    fates = [(fate, followers.count(fate)) for fate in Fate]
    told = ", ".join(f"{count:,} {fate}" for fate, count in fates if count)
    died = followers.with_fate(Fate.DIED_AGAIN)[:SHOWN]
    lines = [
        *(
            f"died again: {each.letter.id}, now {each.message_id}: {each.reason or 'it does not say why'}"
            for each in died
        ),
        *(f"problem: {problem}" for problem in summary.problems[:SHOWN]),
    ]
    heading = Line(Text(f"sent back {summary.moved:,}" + (f": {told}" if told else "")))
    print_parts(output_console(), [heading, *(indented(Text(printable(line)), hanging=2) for line in lines)])
    if summary.groups_in_the_way:
        groups = ", ".join(sorted(summary.groups_in_the_way)[:SHOWN])
        tell(
            f"letters that are not selected stay in the groups {groups}; a FIFO queue shows the first ten letters of a "
            "group, so more may be behind them"
        )
    if followers.count(Fate.WAITING):
        tell("what is not known yet may still be processed: look again with `tsunagu dlq list`")
    if summary.stopped or followers.count(Fate.DIED_AGAIN) or summary.problems:
        why = summary.stopped or f"{followers.count(Fate.DIED_AGAIN)} died again"
        msg = f"every letter must be processed, got: {why}. What was not sent is still in the dead-letter queue"
        raise CommandError(msg)
