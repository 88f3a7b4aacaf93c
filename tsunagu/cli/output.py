"""The console that verbs print to, and lines that are shown as they are: commands to paste."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

NARROWEST_COLUMNS = 1_000  # for a file or a pipe, which wraps no line
COMMAND_STYLE = "cyan"


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command to paste: it is never cut, and has no line end inside it.

    Attributes:
        text: The command.
        indent: Columns before it.
    """

    text: str
    indent: int = 6


Shown = RenderableType | CommandLine  # what a verb prints


def output_console(width: int | None = None) -> Console:
    """Return the console of standard output.

    Args:
        width: Columns. Default: those of the terminal; for a file or a pipe, so many that no line is wrapped.
    """
    console = Console(highlight=False, markup=False)
    own = console.width if console.is_terminal else max(console.width, NARROWEST_COLUMNS)
    return Console(highlight=False, markup=False, width=width or own)


def print_parts(console: Console, parts: Iterable[Shown]) -> None:
    """Print parts one below the other. A terminal wraps a command that is too long, so that it can be copied whole."""
    for part in parts:
        if isinstance(part, CommandLine):
            console.print(Text(" " * part.indent + part.text, style=COMMAND_STYLE), soft_wrap=True)
        else:
            console.print(part)


def group_of(parts: Iterable[Shown]) -> Group:
    """Return parts as one view that is drawn in place, where a long command is folded."""
    return Group(*(_folded(part) if isinstance(part, CommandLine) else part for part in parts))


def indented(text: Text, columns: int = 2) -> Padding:
    """Return a text behind some empty columns."""
    return Padding(text, (0, 0, 0, columns), expand=False)


def _folded(command: CommandLine) -> Padding:
    return indented(Text(command.text, style=COMMAND_STYLE, overflow="fold"), command.indent)
