"""`tsunagu dlq edit`: sends one dead letter back with another payload."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tsunagu.cli.changes import Change, ChangeOptions, guarded
from tsunagu.cli.dlq_discard import export_path
from tsunagu.cli.dlq_options import Drained, Letter, Name, QueueUrl, To, place_named
from tsunagu.cli.editor import edited_by_hand
from tsunagu.cli.files import read_text, write_private
from tsunagu.cli.options import StackName, Stage, scope_of
from tsunagu.cli.redrive_run import PlannedRedrive, carry_out
from tsunagu.cli.reports import reporting
from tsunagu.errors import CommandError, InvalidInputError
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.edit import EditedTarget, editable_text, edited_letter, payload_of, prepare_item
from tsunagu.operations.letters.export import LetterExport
from tsunagu.operations.letters.fates import DRAINED_SECONDS, Followers
from tsunagu.operations.letters.items import LetterItems
from tsunagu.operations.letters.look import count_letters, letter_source
from tsunagu.operations.letters.one import find_letter
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.records import item_of
from tsunagu.operations.letters.session import RedrivePlan
from tsunagu.operations.letters.targets import LetterRouter
from tsunagu.runtime.clock import SystemClock

File = Annotated[str | None, typer.Option(help="File with the new payload; - is standard input. Default: your editor.")]
Wait = Annotated[float, typer.Option(min=1, help="Seconds to wait until the letter is processed.")]


@reporting
@guarded
def edit(
    letter: Letter,
    name: Name = None,
    *,
    file: File = None,
    wait: Wait = 300.0,
    drained: Drained = DRAINED_SECONDS,
    to: To = None,
    stage: Stage = None,
    stack: StackName = None,
    queue_url: QueueUrl = None,
    options: ChangeOptions,
) -> None:
    """Send one letter back with another payload. The letter as it was is exported to a file first.

    Without --file your editor shows the payload, JSON in lines. What you write is kept in .tsunagu/letters. The key is
    that of the new payload. If it stays the same, its dead item takes the new payload.

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
    path = export_path(place, clock.now_ms())
    payload, kept = _new_payload(opened, file, path.with_suffix(".edited.json"))
    edited = edited_letter(opened, payload)
    change = Change(
        command="dlq edit",
        what=f"send the letter {opened.letter.id} of {queue.name} back with another payload",
        details=[f"reason: {opened.reason}", *kept, f"its old payload is exported to {path} first"],
        stack=place.stack,
        log_group=place.log_group,
    )
    items = LetterItems(lambda: aws.dynamodb, queue.table_names)
    item = item_of(aws, opened)
    run = PlannedRedrive(
        aws=aws,
        place=place,
        source=letter_source(aws, queue, count_letters(aws.sqs, queue.url).waiting),
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

    carry_out(run, change, options, lambda each: each.id == opened.letter.id, before)


def _new_payload(opened: OpenedLetter, file: str | None, kept: Path) -> tuple[str, Sequence[str]]:
    """Return the new payload, and where what was edited by hand is kept, as a person reads it."""
    if file is not None:
        return read_text("--file", file).rstrip("\n"), ()
    before = editable_text(opened.payload)
    edited = edited_by_hand(before)
    if edited.rstrip("\n") == before.rstrip("\n"):
        msg = "the payload must be changed in the editor, got it as it was; nothing was sent"
        raise CommandError(msg)
    write_private(kept, edited)  # it is work, which is not lost whatever happens next
    try:
        return payload_of(edited, opened.payload), (f"its new payload is kept in {kept}, which --file takes",)
    except InvalidInputError as error:
        msg = f"{error}; it is kept in {kept}: correct it, and give it with --file"
        raise CommandError(msg) from None
