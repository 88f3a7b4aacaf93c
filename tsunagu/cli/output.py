"""The consoles that verbs print to, and lines that are shown as they are: sentences with ids, and commands to paste.

A terminal wraps sentences between words. An id or a command that is longer than a line is never cut, and has no line
end inside it, so that it can be copied whole.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.text import Text

NARROWEST_COLUMNS = 1_000  # for a file or a pipe, which wraps no line
NARROWEST_TEXT = 20
COMMAND_STYLE = "cyan"
_WORD = re.compile(r"\s*\S+\s*")
# What a terminal would take as an order, and rich does not remove.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command to paste.

    Attributes:
        text: The command.
        indent: Columns before it.
    """

    text: str
    indent: int = 6


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, which a terminal wraps between words.

    Attributes:
        text: The sentence.
        indent: Columns before it.
        hanging: Columns more before its second row, and those that follow.
    """

    text: Text
    indent: int = 0
    hanging: int = 0

    def rows(self, width: int) -> Iterator[Text]:
        """Yield the rows on a terminal of a width. A word that is longer than that is a row of its own."""
        room = max(NARROWEST_TEXT, width - self.indent - self.hanging)
        lines = self.text.split("\n", allow_blank=True)
        rows = [row for line in lines for row in line.divide([*_breaks(line.plain, room)])]
        for number, row in enumerate(rows):
            row.rstrip()
            yield Text(" " * (self.indent + (self.hanging if number else 0))) + row


@dataclass(frozen=True, slots=True)
class Cropped:
    """A view that is drawn in place. If it is higher than the terminal, its last row says how much is below.

    Attributes:
        view: The view.
    """

    view: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the rows that have room."""
        height = options.height or console.height
        rows = console.render_lines(self.view, options.update(height=None), pad=False)
        shown = rows if len(rows) <= height else rows[: height - 1]
        for row in shown:
            yield from (*row, Segment.line())
        if len(shown) < len(rows):
            yield Text(f"… {len(rows) - len(shown)} rows more: name one stack, or make the window higher")


Shown = RenderableType | CommandLine | Line  # what a verb prints


def output_console(width: int | None = None) -> Console:
    """Return the console of standard output.

    Args:
        width: Columns. Default: those of the terminal; for a file or a pipe, so many that no line is wrapped.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    own = console.width if console.is_terminal else max(console.width, NARROWEST_COLUMNS)
    return Console(highlight=False, markup=False, emoji=False, width=width or own)


def error_console() -> Console:
    """Return the console of standard error. It shows each text as it is: `:key:` is no picture of a key."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def tell(sentence: str) -> None:
    """Print a sentence to standard error."""
    print_parts(error_console(), [Line(Text(sentence))])


def print_parts(console: Console, parts: Iterable[Shown]) -> None:
    """Print parts one below the other."""
    for part in parts:
        match part:
            case CommandLine():
                console.print(Text(" " * part.indent + part.text, style=COMMAND_STYLE), soft_wrap=True)
            case Line() if console.is_terminal:
                for row in part.rows(console.width):
                    console.print(row, soft_wrap=True)
            case Line():
                console.print(Text(" " * part.indent) + part.text, soft_wrap=True)
            case _:
                console.print(part)


def group_of(parts: Iterable[Shown]) -> Group:
    """Return parts as one view that is drawn in place, where a long command is folded."""
    return Group(*map(_folded, parts))


def indented(text: Text, columns: int = 2, *, hanging: int = 0) -> Line:
    """Return a sentence behind some empty columns."""
    return Line(text, columns, hanging)


def printable(text: str) -> str:
    """Return a text of somebody else, such as a payload, without orders to the terminal."""
    return text.translate(_CONTROLS)


def _breaks(text: str, room: int) -> Iterator[int]:
    """Yield where a row begins, after the first one. rich would break a long word too, or cut it."""
    used = 0
    for word in _WORD.finditer(text):
        if used and used + cell_len(word.group().rstrip()) > room:
            yield word.start()
            used = 0
        used += cell_len(word.group())


def _folded(part: Shown) -> RenderableType:
    match part:
        case CommandLine():
            return _padded(Text(part.text, style=COMMAND_STYLE, overflow="fold"), part.indent)
        case Line():
            return _padded(Text.assemble(part.text, overflow="fold"), part.indent)
        case _:
            return part


def _padded(text: Text, columns: int) -> Padding:
    return Padding(text, (0, 0, 0, columns), expand=False)
