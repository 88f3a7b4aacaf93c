"""`tsunagu dlq discard` and `purge`: delete dead letters, after they are exported."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tsunagu.cli.changes import Change, ChangeOptions, agreed, guarded, recorded
from tsunagu.cli.dlq_options import (
    Limit,
    Name,
    Place,
    QueueUrl,
    letter_count,
    place_named,
    selecting,
)
from tsunagu.cli.letter_report import group_lines
from tsunagu.cli.options import StackName, Stage, scope_of
from tsunagu.cli.output import CommandLine, Line, error_console, output_console, print_parts, tell
from tsunagu.cli.project import STATE_DIRECTORY
from tsunagu.cli.redrive_progress import LetterProgress
from tsunagu.cli.reports import reporting
from tsunagu.errors import CommandError, InvalidInputError
from tsunagu.operations.aws import Aws
from tsunagu.operations.group_table import ParkedLetters
from tsunagu.operations.letters.discard import DiscardReport
from tsunagu.operations.letters.discard import discard as discard_letters
from tsunagu.operations.letters.export import LetterExport
from tsunagu.operations.letters.look import SAMPLE, count_letters, letter_source, look_into
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.selection import Selection
from tsunagu.runtime.clock import SystemClock

EXPORTS = STATE_DIRECTORY / "letters"
PROBLEMS_SHOWN = 5

Export = Annotated[
    Path | None, typer.Option(help="File of the export, which must not exist. Default: a new one in .tsunagu/letters.")
]


@reporting
@selecting
@guarded
def discard(
    name: Name = None,
    *,
    selection: Selection,
    limit: Limit = None,
    output: Export = None,
    stage: Stage = None,
    stack: StackName = None,
    queue_url: QueueUrl = None,
    options: ChangeOptions,
) -> None:
    """Delete the letters that are selected. Each is exported to a file first.

    Example: tsunagu dlq discard payments --reason "must be at least" --stage dev
    """
    if selection.is_all:
        msg = "the letters must be selected by at least one option, got none: `tsunagu dlq purge` deletes all"
        raise InvalidInputError(msg)
    aws = Aws()
    place = place_named(aws, name, scope_of(stack, stage), queue_url)
    _discard(aws, place, selection, options, command="dlq discard", limit=limit, output=output)


@reporting
@guarded
def purge(
    name: Name = None,
    *,
    output: Export = None,
    stage: Stage = None,
    stack: StackName = None,
    queue_url: QueueUrl = None,
    options: ChangeOptions,
) -> None:
    """Delete all letters of a queue. Each is exported to a file first.

    Example: tsunagu dlq purge payments --stage dev
    """
    aws = Aws()
    place = place_named(aws, name, scope_of(stack, stage), queue_url)
    _discard(aws, place, Selection(), options, command="dlq purge", limit=None, output=output)


def export_path(place: Place, now_ms: int) -> Path:
    """Return a new file for letters of a queue."""
    moment = datetime.fromtimestamp(now_ms / 1_000, UTC)
    queue_name = place.queue.url.rpartition("/")[2]
    return EXPORTS / f"{queue_name}-{moment:%Y%m%dT%H%M%S.%fZ}.jsonl"


def _discard(
    aws: Aws,
    place: Place,
    selection: Selection,
    options: ChangeOptions,
    *,
    command: str,
    limit: int | None,
    output: Path | None,
) -> None:
    queue, counts = place.queue, count_letters(aws.sqs, place.queue.url)
    sample = SAMPLE if selection.is_all else None
    found = look_into(aws, queue, counts, matches=selection.matches, limit_count=limit or sample)
    total = max(counts.waiting, len(found)) if selection.is_all else len(found)
    if not found:
        tell(f"{queue.name} has no such letter; {counts.in_flight} in flight")
        return
    how_many = letter_count(total, is_more=queue.is_fifo and not selection.is_all)
    path = output or export_path(place, SystemClock().now_ms())
    change = Change(
        command=command,
        what=f"delete {how_many} of {queue.name}, after exporting to {path}",
        details=group_lines(found, total),
        stack=place.stack,
        log_group=place.log_group,
    )
    if not agreed(change, options):
        return
    with (
        recorded(aws, change, options) as record,
        LetterExport(path, queue.url) as export,
        LetterProgress(error_console(), total) as progress,
    ):
        report = DiscardReport()
        try:
            discard_letters(
                letter_source(aws, queue, 0 if selection.is_all else counts.waiting),
                export,
                selects=lambda letter: selection.matches(OpenedLetter(letter, queue)),
                limit_count=limit,
                give_up=ParkedLetters(lambda: aws.dynamodb, queue.table_names, SystemClock()).give_up,
                progress=lambda count: progress.show("discards", count),
                report=report,
            )
        except KeyboardInterrupt:
            tell(f"discarded {report.discarded:,} before it was interrupted; {export.count:,} are exported to {path}")
            raise
        finally:
            record.note(export=str(path), discarded=report.discarded)
    _report(report, place, path)


def _report(report: DiscardReport, place: Place, path: Path) -> None:
    where = f"--stack {place.stack.name}" if place.stack else f"--queue-url {place.queue.url}"
    name = f"{shlex.quote(place.queue.name)} " if place.stack else ""
    command = f"tsunagu dlq redrive {name}--from-file {shlex.quote(str(path))} {where}"
    heading = Line(Text(f"discarded {report.discarded:,}; this takes them back:"))
    print_parts(output_console(), [heading, CommandLine(command)])
    if report.problems:
        msg = f"every letter must be deleted, got {'; '.join(report.problems[:PROBLEMS_SHOWN])}; it is exported too"
        raise CommandError(msg)
