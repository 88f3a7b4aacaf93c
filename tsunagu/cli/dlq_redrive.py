"""`tsunagu dlq redrive` and `edit`: send dead letters back to where they came from."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import click
import typer
from rich.console import Console

from tsunagu.cli.changes import Change, ChangeOptions, agreed, recorded
from tsunagu.cli.dlq_discard import export_path
from tsunagu.cli.dlq_options import (
    Filter,
    Group,
    Key,
    Letter,
    LetterId,
    Limit,
    Name,
    Place,
    QueueUrl,
    Reason,
    Since,
    Until,
    place_named,
    selection_of,
)
from tsunagu.cli.files import read_text
from tsunagu.cli.letter_report import group_lines
from tsunagu.cli.options import DryRun, Force, StackName, Stage, Yes, scope_of
from tsunagu.cli.redrive_progress import LetterProgress
from tsunagu.cli.reports import reporting
from tsunagu.errors import CommandError, InvalidInputError
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.edit import EditedTarget, edited_letter, prepare_item
from tsunagu.operations.letters.export import LetterExport
from tsunagu.operations.letters.exported_letters import ExportedLetters
from tsunagu.operations.letters.fates import DRAINED_SECONDS, Fate, Followers
from tsunagu.operations.letters.items import LetterItems
from tsunagu.operations.letters.letter import DeadLetter, DeadLetterSource
from tsunagu.operations.letters.look import count_letters, letter_source, look_into
from tsunagu.operations.letters.one import find_letter
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.places import function_name
from tsunagu.operations.letters.records import item_of
from tsunagu.operations.letters.session import RedrivePlan, RedriveSession, RedriveSummary
from tsunagu.operations.letters.surroundings import QueueSurroundings
from tsunagu.operations.letters.targets import LetterRouter
from tsunagu.operations.redrive import LetterTarget
from tsunagu.runtime.clock import SystemClock

SHOWN = 10

Rate = Annotated[float, typer.Option(min=0.01, max=500, help="Letters per second.")]
StopAfter = Annotated[
    int, typer.Option(min=0, help="Stop when so many of the letters sent back have died again; 0: never.")
]
CanaryWait = Annotated[
    float, typer.Option(min=1, help="Seconds to wait for the first letter to be processed, before the others are sent.")
]
NoCanary = Annotated[bool, typer.Option("--no-canary", help="Send all letters, not one first.")]
Settle = Annotated[float, typer.Option(min=0, help="Seconds to wait at the end for what becomes of the letters.")]
Drained = Annotated[
    float, typer.Option(min=0, help="Seconds that a queue must look empty, where no item says what became of a letter.")
]
To = Annotated[str | None, typer.Option(help="URL of the queue to send to. Default: where each letter came from.")]
FromFile = Annotated[Path | None, typer.Option(help="Redrive the letters of this export, not those of the queue.")]
File = Annotated[str | None, typer.Option(help="File with the new payload; - is standard input. Default: your editor.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Redrive:
    """What one command redrives."""

    aws: Aws
    place: Place
    source: DeadLetterSource
    router: LetterRouter
    target: LetterTarget
    plan: RedrivePlan
    followers: Followers
    total: int


@reporting
def redrive(
    name: Name = None,
    *,
    reason: Reason = None,
    key: Key = None,
    group: Group = None,
    since: Since = None,
    until: Until = None,
    expression: Filter = None,
    letter_id: LetterId = None,
    limit: Limit = None,
    rate: Rate = 10.0,
    stop_after: StopAfter = 1,
    no_canary: NoCanary = False,
    canary_wait: CanaryWait = 300.0,
    wait: Settle = 60.0,
    drained: Drained = DRAINED_SECONDS,
    to: To = None,
    from_file: FromFile = None,
    stage: Stage = None,
    stack: StackName = None,
    queue_url: QueueUrl = None,
    yes: Yes = False,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Send letters back to where they came from: one first, then the others, until one dies again.

    Whenever it is interrupted or killed, nothing is lost: the same command goes on with what is left.

    Example: tsunagu dlq redrive payments --reason TimeoutError --rate 50 --stage dev
    """
    clock = SystemClock()
    selection = selection_of(
        clock,
        letter_id=letter_id,
        reason=reason,
        key=key,
        group=group,
        since=since,
        until=until,
        expression=expression,
    )
    aws = Aws()
    place = place_named(aws, name, scope_of(stack, stage), queue_url)
    queue, counts = place.queue, count_letters(aws.sqs, place.queue.url)
    router = LetterRouter(queue, sqs=lambda: aws.sqs, functions=lambda: aws.functions, clock=clock, queue_url=to)
    file_letters = _exported(from_file) if from_file is not None else None

    def matches(opened: OpenedLetter) -> bool:
        return selection.matches(opened)

    if file_letters is not None:
        found = [opened for each in file_letters.peek() if matches(opened := OpenedLetter(each, queue))][:limit]
    else:
        found = look_into(aws, queue, counts, matches=matches, limit_count=limit)
        if counts.in_flight:
            typer.echo(f"{counts.in_flight:,} letters in flight, not shown: somebody else has received them", err=True)
    routable = [each for each in found if not router.problem_of(each.letter)]
    _tell_unroutable(found, router)
    if not routable:
        typer.echo(f"{queue.name} has no such letter", err=True)
        return
    change = Change(
        command="dlq redrive",
        what=f"send {_how_many(routable, limit)} of {queue.name} back to {_targets(routable, router)}",
        details=group_lines(routable),
        stack=place.stack,
        log_group=place.log_group,
    )
    run = _Redrive(
        aws=aws,
        place=place,
        source=file_letters or letter_source(aws, queue, counts),
        router=router,
        target=router,
        plan=RedrivePlan(
            rate_per_second=rate,
            limit_count=limit,
            canary_seconds=None if no_canary or len(routable) == 1 else canary_wait,
            settle_seconds=max(wait, canary_wait) if len(routable) == 1 else wait,
        ),
        followers=Followers(
            clock,
            LetterItems(lambda: aws.dynamodb, queue.table_names),
            stop_after=stop_after or None,
            drained_seconds=drained,
        ),
        total=counts.waiting if selection.is_all and file_letters is None else len(routable),
    )
    options = ChangeOptions(yes=yes, force=force, dry_run=dry_run)
    _carry_out(
        run, change, options, lambda letter: matches(OpenedLetter(letter, queue)) and not router.problem_of(letter)
    )


@reporting
def edit(
    letter: Letter,
    name: Name = None,
    *,
    file: File = None,
    wait: CanaryWait = 300.0,
    drained: Drained = DRAINED_SECONDS,
    to: To = None,
    stage: Stage = None,
    stack: StackName = None,
    queue_url: QueueUrl = None,
    yes: Yes = False,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Send one letter back with another payload. The letter as it was is exported to a file first.

    The key is that of the new payload. If it stays the same, its dead item takes the new payload.

    Example: tsunagu dlq edit 3f1c9a2e payments --file payload.json --stage dev
    """
    aws, clock = Aws(), SystemClock()
    place = place_named(aws, name, scope_of(stack, stage), queue_url)
    queue = place.queue
    opened = find_letter(aws, queue, letter)
    router = LetterRouter(queue, sqs=lambda: aws.sqs, functions=lambda: aws.functions, clock=clock, queue_url=to)
    if problem := router.problem_of(opened.letter):
        msg = f"the letter must say where it came from: {problem}"
        raise CommandError(msg)
    edited = edited_letter(opened, _new_payload(opened, file))
    path = export_path(place, clock.now_ms())
    change = Change(
        command="dlq edit",
        what=f"send the letter {opened.letter.id} of {queue.name} back with another payload",
        details=[f"reason: {opened.reason}", f"its old payload is exported to {path} first"],
        stack=place.stack,
        log_group=place.log_group,
    )
    items = LetterItems(lambda: aws.dynamodb, queue.table_names)
    item = item_of(aws, opened)
    run = _Redrive(
        aws=aws,
        place=place,
        source=letter_source(aws, queue, count_letters(aws.sqs, queue.url)),
        router=router,
        target=EditedTarget(router, edited),
        plan=RedrivePlan(limit_count=1, canary_seconds=None, settle_seconds=wait),
        followers=Followers(clock, items, drained_seconds=drained),
        total=1,
    )

    def before() -> None:
        with LetterExport(path, queue.url) as export:
            export.write([opened.letter])
        prepare_item(items, item, opened.letter, clock.now_ms())

    options = ChangeOptions(yes=yes, force=force, dry_run=dry_run)
    _carry_out(run, change, options, lambda each: each.id == opened.letter.id, before)


def _carry_out(
    run: _Redrive,
    change: Change,
    options: ChangeOptions,
    selects: Callable[[DeadLetter], bool],
    before: Callable[[], None] = lambda: None,
) -> None:
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
        finally:
            record.note(moved=session.summary.moved, **_fates(followers))
    _report(session.summary, followers)


def _surroundings(run: _Redrive) -> QueueSurroundings:
    def targets() -> Sequence[str]:
        return [*{run.router.target_of(each.letter): None for each in run.followers.followed.values()}]

    queue = run.place.queue
    source = letter_source(run.aws, queue, count_letters(run.aws.sqs, queue.url))
    return QueueSurroundings(run.aws.sqs, queue, source, targets)


def _exported(path: Path) -> ExportedLetters:
    try:
        return ExportedLetters(path)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"--from-file must name a file that `tsunagu dlq export` wrote, got {path} ({error})"
        raise InvalidInputError(msg) from None


def _new_payload(opened: OpenedLetter, file: str | None) -> str:
    if file is not None:
        return read_text("--file", file).rstrip("\n")
    edited = click.edit(opened.payload, extension=".json")
    if edited is None or edited.rstrip("\n") == opened.payload:
        msg = "the payload must be changed in the editor, got it as it was; nothing was sent"
        raise CommandError(msg)
    return edited.rstrip("\n")


def _tell_unroutable(found: Sequence[OpenedLetter], router: LetterRouter) -> None:
    problems = Counter(problem for each in found if (problem := router.problem_of(each.letter)))
    for problem, count in problems.most_common():
        typer.echo(f"{count:,} letters cannot go back: {problem}", err=True)


def _how_many(letters: Sequence[OpenedLetter], limit: int | None) -> str:
    """Return a number of letters. A FIFO queue shows more of them when the first ones of a group are gone."""
    is_more = limit is None and any(each.letter.delivery.is_fifo for each in letters)
    return f"{len(letters):,}{' or more' if is_more else ''} dead letter{'' if len(letters) == 1 else 's'}"


def _targets(letters: Sequence[OpenedLetter], router: LetterRouter) -> str:
    targets = {router.target_of(each.letter): None for each in letters}
    names = [
        f"the queue {each.rpartition('/')[2]}" if each.startswith("http") else f"the function {function_name(each)}"
        for each in targets
    ]
    return ", ".join(names)


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
