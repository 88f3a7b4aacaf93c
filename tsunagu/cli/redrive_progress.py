"""Shows the progress of a redrive or a discard: a bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from rich.console import Console

LINE_EVERY_SECONDS = 10.0


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
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=total, detail="")

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

    def show(self, phase: str, count: int, detail: str = "") -> None:
        """Show what is done now.

        Args:
            phase: What is done.
            count: Letters that are done.
            detail: More about it.
        """
        if self._console.is_terminal:
            total = max(self._total, count)
            self._bar.update(self._task, description=phase, completed=count, total=total, detail=detail)
        elif phase != self._phase or time.monotonic() - self._printed >= LINE_EVERY_SECONDS:
            self._printed = time.monotonic()
            more = f", {detail}" if detail else ""
            self._console.print(f"{phase}: {count:,} of {self._total:,}{more}", soft_wrap=True)
        self._phase = phase
