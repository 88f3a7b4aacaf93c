"""Carries out a redrive that a verb has planned: asks, records, shows the progress, and reports what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import typer
from rich.console import Console

from tsunagu.cli.changes import Change, ChangeOptions, agreed, recorded
from tsunagu.cli.dlq_options import Place
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
    console, followers = Console(stderr=True, highlight=False, markup=False), run.followers
    with recorded(run.aws, change, options) as record, LetterProgress(console, run.total) as progress:
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
            moved = session.summary.moved
            typer.echo(f"sent back {moved:,} before it was interrupted; start it again, and it goes on", err=True)
            raise
        finally:
            record.note(moved=session.summary.moved, **_fates(followers))
    _tell_slow(session.summary, run.plan)
    _report(session.summary, followers)


def _tell_slow(summary: RedriveSummary, plan: RedrivePlan) -> None:
    """Say that the rate was not reached, where enough letters were moved to judge it."""
    if summary.moved >= ENOUGH_TO_JUDGE and summary.rate_per_second < LOWEST_SHARE * plan.rate_per_second:
        text = f"{summary.rate_per_second:.0f} letters a second were moved, not {plan.rate_per_second:g}"
        typer.echo(f"{text}: ten letters need three calls, one after the other, and each took its time", err=True)


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
    typer.echo(f"sent back {summary.moved:,}" + (f": {told}" if told else ""))
    for each in followers.with_fate(Fate.DIED_AGAIN)[:SHOWN]:
        typer.echo(f"  died again: {each.letter.id}, now {each.message_id}: {each.reason or 'it does not say why'}")
    for problem in summary.problems[:SHOWN]:
        typer.echo(f"  problem: {problem}")
    if summary.groups_in_the_way:
        groups = ", ".join(sorted(summary.groups_in_the_way)[:SHOWN])
        typer.echo(
            f"letters that are not selected stay in the groups {groups}; a FIFO queue shows the first ten letters of a "
            "group, so more may be behind them",
            err=True,
        )
    if followers.count(Fate.WAITING):
        typer.echo("what is not known yet may still be processed: look again with `tsunagu dlq list`", err=True)
    if summary.stopped or followers.count(Fate.DIED_AGAIN) or summary.problems:
        why = summary.stopped or f"{followers.count(Fate.DIED_AGAIN)} died again"
        msg = f"every letter must be processed, got: {why}. What was not sent is still in the dead-letter queue"
        raise CommandError(msg)
