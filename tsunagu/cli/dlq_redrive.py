"""`tsunagu dlq redrive`: sends dead letters back to where they came from."""

from pathlib import Path
from typing import Annotated

import typer

from tsunagu.cli.changes import Change, ChangeOptions, guarded
from tsunagu.cli.dlq_options import Limit, Name, QueueUrl, To, letter_count, place_named, selecting
from tsunagu.cli.letter_report import group_lines
from tsunagu.cli.option_sets import option_sets
from tsunagu.cli.options import StackName, Stage, scope_of
from tsunagu.cli.output import tell
from tsunagu.cli.redrive_letters import exported, look_for
from tsunagu.cli.redrive_pace import Pace, pace_of
from tsunagu.cli.redrive_parked import parked_place, redrive_parked
from tsunagu.cli.redrive_run import PlannedRedrive, carry_out
from tsunagu.cli.reports import reporting
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.letters.look import letter_source
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.selection import Selection
from tsunagu.operations.letters.targets import LetterRouter
from tsunagu.runtime.clock import SystemClock

FromFile = Annotated[Path | None, typer.Option(help="Redrive the letters of this export, not those of the queue.")]


@reporting
@selecting
@option_sets(pace=pace_of)
@guarded
def redrive(
    name: Name = None,
    *,
    selection: Selection,
    limit: Limit = None,
    pace: Pace,
    to: To = None,
    from_file: FromFile = None,
    stage: Stage = None,
    stack: StackName = None,
    queue_url: QueueUrl = None,
    options: ChangeOptions,
) -> None:
    """Send letters back to where they came from: one first, then the others, until one dies again.

    Whenever it is interrupted or killed, nothing is lost: the same command goes on with what is left.

    Example: tsunagu dlq redrive payments --reason TimeoutError --rate 50 --stage dev
    """
    aws, clock = Aws(), SystemClock()
    place = place_named(aws, name, scope_of(stack, stage), queue_url)
    queue = place.queue
    router = LetterRouter(queue, sqs=lambda: aws.sqs, functions=lambda: aws.functions, clock=clock, queue_url=to)
    file_letters = None if from_file is None else exported(from_file)
    meant = look_for(aws, queue, router, selection, limit=limit, file_letters=file_letters)
    if not meant.letters:
        tell(f"{queue.name} has no such letter")
        return
    change = Change(
        command="dlq redrive",
        what=f"send {letter_count(meant.total, is_more=meant.is_more)} of {queue.name} back to {meant.targets}",
        details=group_lines(meant.letters, meant.total),
        stack=place.stack,
        log_group=place.log_group,
    )
    run = PlannedRedrive(
        aws=aws,
        place=place,
        source=file_letters or letter_source(aws, queue, 0 if meant.is_all else meant.waiting),
        router=router,
        target=router,
        plan=pace.plan(meant.total, limit),
        followers=pace.followers(aws, queue),
        total=meant.total,
    )
    if parked := parked_place(aws, queue, selection) if file_letters is None and limit is None else None:
        redrive_parked(run, change, options, parked, patience_seconds=pace.canary_wait_seconds)
        return

    def selects(letter: DeadLetter) -> bool:
        return selection.matches(OpenedLetter(letter, queue)) and not router.problem_of(letter)

    carry_out(run, change, options, selects)
