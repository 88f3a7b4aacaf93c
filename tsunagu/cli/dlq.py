"""`tsunagu dlq`: shows, exports, redrives and discards dead letters."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tsunagu.cli.dlq_discard import discard, purge
from tsunagu.cli.dlq_edit import edit
from tsunagu.cli.dlq_options import (
    Letter,
    Limit,
    Name,
    Place,
    QueueUrl,
    place_named,
    places_in,
    selecting,
)
from tsunagu.cli.dlq_redrive import redrive
from tsunagu.cli.letter_report import LetterView, item_fields, print_empty, print_letter, print_view, view_as_json
from tsunagu.cli.options import AsJson, StackName, Stage, scope_of
from tsunagu.cli.output import output_console, tell
from tsunagu.cli.reports import reporting
from tsunagu.cli.signals import interruptible
from tsunagu.cli.trace_report import print_trace, trace_as_json
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.document import letter_document
from tsunagu.operations.letters.export import LetterExport
from tsunagu.operations.letters.look import count_letters, look_into, looking_into, reasons_by_items
from tsunagu.operations.letters.one import find_letter
from tsunagu.operations.letters.places import LetterQueue
from tsunagu.operations.letters.records import item_of, log_lines_of, run_of
from tsunagu.operations.letters.selection import Selection
from tsunagu.operations.scope import find_named
from tsunagu.runtime.clock import SystemClock

dlq = typer.Typer(help="Show, export, redrive and discard dead letters.", no_args_is_help=True)

EachLetter = Annotated[bool, typer.Option("--letters", help="A line for each letter, instead of each reason.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file. It must not exist.")]


@dlq.callback()
def _give_back(context: typer.Context) -> None:
    """Let every verb give letters back, however it is ended."""
    context.with_resource(interruptible())


@dlq.command("list")
@reporting
def list_letters(
    name: Name = None,
    *,
    stage: Stage = None,
    stack: StackName = None,
    queue_url: QueueUrl = None,
    each_letter: EachLetter = False,
    as_json: AsJson = False,
) -> None:
    """Print the dead letters of each queue, grouped by reason.

    Letters are received, and given back at once at the end. Meanwhile nobody else can receive them.

    Example: tsunagu dlq list payments --stage dev
    """
    aws, scope = Aws(), scope_of(stack, stage)
    queues = [place.queue for place in places_in(aws, scope, queue_url)]
    if name is not None or not queues:
        queues = [find_named(queues, name, what="dead-letter queue", scope=scope)]
    views = [_view(aws, queue) for queue in queues]
    if as_json:
        typer.echo(json.dumps({"queues": [view_as_json(view, each_letter=each_letter) for view in views]}, indent=2))
        return
    console, empty = output_console(), [view for view in views if view.is_empty]
    if len(views) > 1:
        print_empty(console, empty)
    for view in views if len(views) == 1 else [view for view in views if not view.is_empty]:
        print_view(console, view, each_letter=each_letter)


def _view(aws: Aws, queue: LetterQueue) -> LetterView:
    counts = count_letters(aws.sqs, queue.url)
    letters = look_into(aws, queue, counts)
    is_cut = queue.is_fifo and counts.waiting > len(letters)
    return LetterView(
        queue=queue,
        letters=letters,
        waiting=counts.waiting,
        in_flight=counts.in_flight,
        behind=reasons_by_items(aws, queue, letters) if is_cut else [],
        now_ms=SystemClock().now_ms(),
    )


@dlq.command("show")
@reporting
def show(
    letter: Letter,
    name: Name = None,
    *,
    stage: Stage = None,
    stack: StackName = None,
    queue_url: QueueUrl = None,
    as_json: AsJson = False,
) -> None:
    """Print one letter whole: body, attributes, its item, its log lines, and its run in a pipeline.

    Example: tsunagu dlq show 3f1c9a2e payments --stage dev
    """
    aws = Aws()
    place = place_named(aws, name, scope_of(stack, stage), queue_url)
    opened = find_letter(aws, place.queue, letter)
    item, logs = item_of(aws, opened), log_lines_of(aws, opened)
    run = run_of(aws, opened, place.stack)
    if as_json:
        document = {
            **letter_document(opened),
            "item": item_fields(item) if item is not None else None,
            "log": [line.text for line in logs],
            "run": trace_as_json(run) if run is not None else None,
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = output_console()
    print_letter(console, opened, item, logs)
    if run is not None:
        print_trace(console, run)


@dlq.command("export")
@reporting
@selecting
def export(
    name: Name = None,
    *,
    output: Output,
    selection: Selection,
    limit: Limit = None,
    stage: Stage = None,
    stack: StackName = None,
    queue_url: QueueUrl = None,
) -> None:
    """Write letters to a file, one JSON object a line, and leave them in the queue.

    `tsunagu dlq redrive --from-file` takes the file back.

    Example: tsunagu dlq export payments --output letters.jsonl --since 2h --stage dev
    """
    aws = Aws()
    place = place_named(aws, name, scope_of(stack, stage), queue_url)
    counts = count_letters(aws.sqs, place.queue.url)
    with LetterExport(output, place.queue.url) as file:
        found = looking_into(aws, place.queue, counts, matches=selection.matches, limit_count=limit)
        try:
            file.write_all(opened.letter for opened in found)
        except KeyboardInterrupt:
            tell(f"{_exported(file, place)} before it was interrupted, and not the others")
            raise
    if counts.in_flight:
        tell(f"{counts.in_flight:,} letters in flight, not exported: somebody else has received them")
    tell(_exported(file, place))


def _exported(file: LetterExport, place: Place) -> str:
    return f"exported {file.count:,} letter{'' if file.count == 1 else 's'} of {place.queue.name} to {file.path}"


dlq.command("redrive")(redrive)
dlq.command("edit")(edit)
dlq.command("discard")(discard)
dlq.command("purge")(purge)
