"""`tsunagu dlq redrive`: sends dead letters back to where they came from."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tsunagu.cli.changes import Change, ChangeOptions
from tsunagu.cli.dlq_options import (
    Drained,
    Filter,
    Group,
    Key,
    LetterId,
    Limit,
    Name,
    QueueUrl,
    Reason,
    Since,
    To,
    Until,
    place_named,
    selection_of,
)
from tsunagu.cli.letter_report import group_lines
from tsunagu.cli.options import DryRun, Force, StackName, Stage, Yes, scope_of
from tsunagu.cli.redrive_parked import parked_place, redrive_parked
from tsunagu.cli.redrive_run import PlannedRedrive, carry_out
from tsunagu.cli.reports import reporting
from tsunagu.errors import InvalidInputError
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.exported_letters import ExportedLetters
from tsunagu.operations.letters.fates import DRAINED_SECONDS, Followers
from tsunagu.operations.letters.items import LetterItems
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.letters.look import SAMPLE, count_letters, letter_source, look_into
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.places import function_name
from tsunagu.operations.letters.session import RedrivePlan
from tsunagu.operations.letters.targets import LetterRouter
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
FromFile = Annotated[Path | None, typer.Option(help="Redrive the letters of this export, not those of the queue.")]


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

    if file_letters is not None:
        found = [opened for each in file_letters.peek() if selection.matches(opened := OpenedLetter(each, queue))][
            :limit
        ]
    else:
        sample = SAMPLE if selection.is_all else None
        found = look_into(aws, queue, counts, matches=selection.matches, limit_count=limit or sample)
        if counts.in_flight:
            typer.echo(f"{counts.in_flight:,} letters in flight, not shown: somebody else has received them", err=True)
    routable = [each for each in found if not router.problem_of(each.letter)]
    _tell_unroutable(found, router)
    if not routable:
        typer.echo(f"{queue.name} has no such letter", err=True)
        return
    is_all = selection.is_all and limit is None and file_letters is None
    total = max(counts.waiting, len(routable)) if is_all else len(routable)
    how_many = _how_many(total, is_more=queue.is_fifo and limit is None and not is_all)
    change = Change(
        command="dlq redrive",
        what=f"send {how_many} of {queue.name} back to {_targets(routable, router)}",
        details=group_lines(routable, total),
        stack=place.stack,
        log_group=place.log_group,
    )
    run = PlannedRedrive(
        aws=aws,
        place=place,
        source=file_letters or letter_source(aws, queue, 0 if is_all else counts.waiting),
        router=router,
        target=router,
        plan=RedrivePlan(
            rate_per_second=rate,
            limit_count=limit,
            canary_seconds=None if no_canary or total == 1 else canary_wait,
            settle_seconds=max(wait, canary_wait) if total == 1 and not no_canary else wait,
        ),
        followers=Followers(
            clock,
            LetterItems(lambda: aws.dynamodb, queue.table_names),
            stop_after=stop_after or None,
            drained_seconds=drained,
        ),
        total=total,
    )
    options = ChangeOptions(yes=yes, force=force, dry_run=dry_run)
    if parked := parked_place(aws, queue, selection) if file_letters is None and limit is None else None:
        redrive_parked(run, change, options, parked, patience_seconds=canary_wait)
        return

    def selects(letter: DeadLetter) -> bool:
        return selection.matches(OpenedLetter(letter, queue)) and not router.problem_of(letter)

    carry_out(run, change, options, selects)


def _exported(path: Path) -> ExportedLetters:
    try:
        return ExportedLetters(path)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"--from-file must name a file that `tsunagu dlq export` wrote, got {path} ({error})"
        raise InvalidInputError(msg) from None


def _tell_unroutable(found: Sequence[OpenedLetter], router: LetterRouter) -> None:
    problems = Counter(problem for each in found if (problem := router.problem_of(each.letter)))
    for problem, count in problems.most_common():
        typer.echo(f"{count:,} letters cannot go back: {problem}", err=True)


def _how_many(number: int, *, is_more: bool) -> str:
    """Return a number of letters. A FIFO queue shows more of them when the first ones of a group are gone."""
    return f"{number:,}{' or more' if is_more else ''} dead letter{'' if number == 1 else 's'}"


def _targets(letters: Sequence[OpenedLetter], router: LetterRouter) -> str:
    targets = {router.target_of(each.letter): None for each in letters}
    names = [
        f"the queue {each.rpartition('/')[2]}" if each.startswith("http") else f"the function {function_name(each)}"
        for each in targets
    ]
    return ", ".join(names)
