"""Shows the progress of a redrive or a discard: a bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

LINE_EVERY_SECONDS = 10.0
WIDE_COLUMNS, WIDE_BAR, NARROW_BAR = 120, 40, 10


class LetterProgress:
    """Progress over a number of letters.

    Args:
        console: Where to: standard error.
        total: Letters that are meant, as far as they are known.
    """

    def __init__(self, console: "Console", total: int) -> None:
        self._console = console
        self._total = total
        self._phase = ""
        self._printed = 0.0
        self._bar = Progress(
            BarColumn(bar_width=WIDE_BAR if console.width >= WIDE_COLUMNS else NARROW_BAR),
            TimeRemainingColumn(),
            # It may be longer than a narrow terminal, and is wrapped there: no number is cut.
            TextColumn("{task.description}", markup=False, table_column=Column(overflow="fold")),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the bar."""
        if self._console.is_terminal:
            self._bar.stop()

    def __rich__(self) -> "RenderableType":
        """Return what is drawn."""
        return self._bar.get_renderable()

    def show(self, phase: str, count: int, detail: str = "") -> None:
        """Show what is done now.

        Args:
            phase: What is done.
            count: Letters that are done.
            detail: More about it.
        """
        total = max(self._total, count)
        text = f"{phase}: {count:,} of {total:,}" + (f", {detail}" if detail else "")
        if self._console.is_terminal:
            self._bar.update(self._task, description=text, completed=count, total=total)
        elif phase != self._phase or time.monotonic() - self._printed >= LINE_EVERY_SECONDS:
            self._printed = time.monotonic()
            self._console.print(text, soft_wrap=True)
        self._phase = phase
