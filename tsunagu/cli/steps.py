"""Progress of a command that takes a while: it moves on a terminal, and is plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Steps:
    """Tells which step a command is at."""

    console: "Console"

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show that the step `title` is under way, and, once it is over, how long it took.

        Yields:
            A function that takes a short text about where the step is; it shows on a terminal only.
        """
        started = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"{title} ...")
        with self.console.status(title) as status:
            yield lambda detail: status.update(f"{title}: {detail}")
        self.console.print(f"{title}: {time.monotonic() - started:.1f} s")
