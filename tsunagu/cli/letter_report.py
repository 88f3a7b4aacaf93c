"""Shows dead letters: as tables, one letter whole, or JSON objects."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tsunagu.cli.output import Line, print_parts, printable
from tsunagu.operations.letters.document import letter_document, utc
from tsunagu.operations.letters.groups import LetterGroup, group_letters
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.places import LetterQueue
from tsunagu.operations.letters.records import LogLine
from tsunagu.operations.times import rough_duration_text

if TYPE_CHECKING:
    from rich.console import Console

    from tsunagu.runtime.idempotency.item import Item

ID_CHARACTERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterView:
    """What can be seen of a dead-letter queue.

    Attributes:
        queue: The queue.
        letters: Letters that were received, and given back.
        waiting: Letters that were visible before, as SQS counts them.
        in_flight: Letters that somebody else had received, as SQS counts them.
        behind: Reasons of letters that a FIFO queue does not show, by the items of the table.
        now_ms: The time, in milliseconds since the epoch.
    """

    queue: LetterQueue
    letters: Sequence[OpenedLetter]
    waiting: int
    in_flight: int
    behind: Sequence[str] = ()
    now_ms: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether it has no letter that anybody knows of."""
        return not (self.letters or self.waiting or self.in_flight)

    @property
    def unseen(self) -> int:
        """Letters that were visible and not received: behind the first ten of their group, or too many."""
        return max(0, self.waiting - len(self.letters))


def print_empty(console: "Console", views: Sequence[LetterView]) -> None:
    """Print a line for each stack that has dead-letter queues without letters."""
    names: dict[str, list[str]] = {}
    for view in views:
        names.setdefault(view.queue.stack_name, []).append(view.queue.name)
    for stack, queues in names.items():
        print_parts(console, [Line(Text(f"{stack}: no letters in {', '.join(queues)}"), 0, 2)])


def print_view(console: "Console", view: LetterView, *, each_letter: bool) -> None:
    """Print a dead-letter queue: a line for each reason, or for each letter."""
    print_parts(console, [Line(Text(_heading(view)), hanging=2)])
    for source in view.queue.sources() if view.letters or view.unseen or view.in_flight else ():
        console.print(f"  letters of {source}", soft_wrap=True)
    if view.in_flight:
        console.print(f"  {view.in_flight:,} in flight, not shown: somebody else has received them", soft_wrap=True)
    if view.letters:
        console.print(letter_table(view) if each_letter else group_table(view.letters, view.now_ms))
    if view.unseen and view.queue.is_fifo:
        text = "behind the first ten of their group, which is all that a FIFO queue shows"
        console.print(f"  {view.unseen:,} not shown: {text}", soft_wrap=True)
    for line in view.behind:
        console.print(f"    {line}", soft_wrap=True)


def group_table(letters: Sequence[OpenedLetter], now_ms: int) -> Table:
    """Return a table with a row for each kind of reason."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in ("letters", "redriven", "oldest", "newest"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("such as", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for group in group_letters(letters):
        table.add_row(
            f"{len(group.letters):,}",
            f"{group.redriven:,}" if group.redriven else "-",
            _age(group.oldest, now_ms),
            _age(group.newest, now_ms),
            group.oldest.letter.id[:ID_CHARACTERS],
            printable(group.reason),
        )
    return table


def group_lines(letters: Sequence[OpenedLetter], total: int) -> list[str]:
    """Return a line for each kind of reason, as a question says what it is about.

    Args:
        letters: Letters that were looked at.
        total: Letters that are meant.
    """
    of = [f"reasons of {len(letters):,} of them:"] if len(letters) < total else []
    return [*of, *(f"{len(group.letters):>7,}  {group.reason}" for group in group_letters(letters))]


def letter_table(view: LetterView) -> Table:
    """Return a table with a row for each letter, oldest first."""
    has_groups = any(each.letter.delivery.group_id for each in view.letters)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("letter", no_wrap=True)
    table.add_column("sent", justify="right", no_wrap=True)
    table.add_column("redriven", justify="right", no_wrap=True)
    if has_groups:
        table.add_column("group", overflow="fold")
    table.add_column("reason", overflow="fold")
    for each in sorted(view.letters, key=lambda opened: opened.letter.sent_ms):
        letter = each.letter
        group = [letter.delivery.group_id or ""] if has_groups else []
        redriven = str(letter.redriven_count) if letter.redriven_count else "-"
        table.add_row(letter.id[:ID_CHARACTERS], _age(each, view.now_ms), redriven, *group, printable(each.reason))
    return table


def view_as_json(view: LetterView, *, each_letter: bool) -> dict[str, Any]:
    """Return what can be seen of a dead-letter queue as a JSON object."""
    letters = [letter_document(each) for each in view.letters] if each_letter else None
    return {
        "name": view.queue.name,
        "stack": view.queue.stack_name or None,
        "url": view.queue.url,
        "sources": [*view.queue.sources()],
        "seen": len(view.letters),
        "not_shown": view.unseen,
        "in_flight": view.in_flight,
        "groups": [_group_as_json(group) for group in group_letters(view.letters)],
        **({"letters": letters} if letters is not None else {}),
    }


def print_letter(console: "Console", opened: OpenedLetter, item: "Item | None", logs: Sequence[LogLine]) -> None:
    """Print one letter whole, with its item and its log lines."""
    document = letter_document(opened)
    body = document.pop("body")
    del document["reason_kind"]
    attributes = document.pop("attributes")
    _print_fields(console, document)
    if attributes:
        console.print("attributes:", soft_wrap=True)
        _print_fields(console, attributes, indent="  ")
    console.print("body:")
    text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
    console.print(printable(text), soft_wrap=True)
    console.print("item:" if item is not None else "item: none is known", soft_wrap=True)
    if item is not None:
        _print_fields(console, item_fields(item), indent="  ")
    console.print(f"log: {len(logs)} lines" if logs else "log: no line names it", soft_wrap=True)
    for line in logs:
        print_parts(console, [Line(Text(f"{utc(line.time_ms)} {printable(line.text)}"), 2, 2)])


def item_fields(item: "Item") -> dict[str, Any]:
    """Return what an operator needs of an item."""
    return {
        "id": item.id,
        "status": item.status.value,
        "attempts": item.attempts,
        "claims": item.fence,
        "reason": item.reason,
        "updated": utc(item.updated),
        "expires": utc(item.expiration * 1_000) if item.expiration else "never",
        "message_ids": ", ".join(item.message_ids),
    }


def _heading(view: LetterView) -> str:
    total = max(len(view.letters), view.waiting)
    where = f" of {view.queue.stack_name}" if view.queue.stack_name else ""
    copies = len(view.letters) - len({each.letter.source or each.letter.id for each in view.letters})
    more = f", {copies:,} of them second copies, which are skipped when they are redriven" if copies else ""
    return f"{view.queue.name}{where}: {_count(total, 'letter')}{more}"


def _count(number: int, noun: str) -> str:
    return f"no {noun}s" if not number else f"{number:,} {noun}{'' if number == 1 else 's'}"


def _age(opened: OpenedLetter, now_ms: int) -> str:
    """Return how long ago a letter was sent, in its largest unit."""
    return rough_duration_text((now_ms - opened.letter.sent_ms) / 1_000)


def _group_as_json(group: LetterGroup) -> dict[str, Any]:
    return {
        "reason": group.reason,
        "kind": group.kind,
        "letters": len(group.letters),
        "redriven": group.redriven,
        "oldest": utc(group.oldest.letter.sent_ms),
        "newest": utc(group.newest.letter.sent_ms),
        "such_as": group.oldest.letter.id,
    }


def _print_fields(console: "Console", fields: dict[str, Any], indent: str = "") -> None:
    for name, value in fields.items():
        if value not in (None, ""):
            print_parts(console, [Line(Text(printable(f"{name}: {value}")), len(indent), 2)])
