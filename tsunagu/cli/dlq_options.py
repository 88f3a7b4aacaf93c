"""Options of the verbs of `tsunagu dlq`: which queue, and which letters."""

from dataclasses import dataclass
from typing import Annotated

import typer

from tsunagu.cli.option_sets import option_sets
from tsunagu.errors import CommandError
from tsunagu.operations.aws import Aws
from tsunagu.operations.inventory import StackInventory
from tsunagu.operations.letters.lookup import letter_queue_at, letter_queues_of
from tsunagu.operations.letters.places import LetterQueue
from tsunagu.operations.letters.selection import Selection, moment_ms
from tsunagu.operations.scope import StackScope, find_named, inventories_in
from tsunagu.runtime.clock import SystemClock

Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="Dead-letter queue: its name or that of its channel. Default: the only one."),
]
Letter = Annotated[
    str, typer.Argument(metavar="LETTER", help="Message id, now or before, request id, or the start of one of them.")
]
QueueUrl = Annotated[str | None, typer.Option(help="URL of a dead-letter queue that is in no stack.")]
Reason = Annotated[str | None, typer.Option(help="Only letters with this text in their reason.")]
Key = Annotated[str | None, typer.Option(help="Only letters with this business key.")]
Group = Annotated[str | None, typer.Option(help="Only letters of this message group.")]
Since = Annotated[
    str | None, typer.Option(help="Only letters sent since this time, or in this time: 2026-03-01T04:00:00Z, 90m, 3d.")
]
Until = Annotated[str | None, typer.Option(help="Only letters sent before this time, or longer ago than this.")]
Filter = Annotated[
    str | None,
    typer.Option("--filter", help="Only letters for which this JMESPath is true: \"body.country == 'DE'\"."),
]
LetterId = Annotated[str | None, typer.Option("--id", help="Only the letter with this id, or the start of it.")]
Drained = Annotated[
    float, typer.Option(min=0, help="Seconds that a queue must look empty, where no item says what became of a letter.")
]
To = Annotated[str | None, typer.Option(help="URL of the queue to send to. Default: where each letter came from.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Most letters.")]


@dataclass(frozen=True, slots=True)
class Place:
    """A dead-letter queue and its stack.

    Attributes:
        queue: The queue.
        stack: Its stack; None for a queue that was named by its URL.
    """

    queue: LetterQueue
    stack: StackInventory | None

    @property
    def log_group(self) -> str:
        """Log group of its consumer; empty when none is known."""
        return next((each.log_group for each in self.queue.consumers if each.log_group), "")


def selection_of(
    *,
    reason: Reason = None,
    key: Key = None,
    group: Group = None,
    since: Since = None,
    until: Until = None,
    expression: Filter = None,
    letter_id: LetterId = None,
) -> Selection:
    """Return the selection that the options of a verb make.

    Raises:
        InvalidInputError: A time or an expression cannot be read.
    """
    now_ms = SystemClock().now_ms()
    return Selection(
        letter_id=letter_id,
        reason=reason,
        key=key,
        group=group,
        since_ms=None if since is None else moment_ms("--since", since, now_ms),
        until_ms=None if until is None else moment_ms("--until", until, now_ms),
        expression=expression,
    )


selecting = option_sets(selection=selection_of)


def places_in(aws: Aws, scope: StackScope, queue_url: str | None) -> list[Place]:
    """Return the dead-letter queues of the stacks in a scope, or the one with a URL.

    Raises:
        CommandError: A stack and a URL are given.
        NotFoundError: There is no such stack or queue.
    """
    if queue_url is None:
        found = inventories_in(aws.cloudformation, scope)
        return [Place(queue, stack) for stack in found for queue in letter_queues_of(aws, stack)]
    if scope != StackScope():
        msg = "either a stack or --queue-url must say where the queue is, got both"
        raise CommandError(msg)
    return [Place(letter_queue_at(aws, queue_url), None)]


def place_named(aws: Aws, name: str | None, scope: StackScope, queue_url: str | None) -> Place:
    """Return one dead-letter queue; as `places_in`.

    Raises:
        AmbiguousNameError: There are several; the message lists them.
    """
    places = {place.queue.url: place for place in places_in(aws, scope, queue_url)}
    queues = [place.queue for place in places.values()]
    return places[find_named(queues, name, what="dead-letter queue", scope=scope).url]


def letter_count(number: int, *, is_more: bool = False) -> str:
    """Return a number of letters. A FIFO queue shows more of them when the first ones of a group are gone."""
    return f"{number:,}{' or more' if is_more else ''} dead letter{'' if number == 1 else 's'}"
