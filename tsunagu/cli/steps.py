"""Shows the progress of a command that takes some time: live on a terminal, as plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Steps:
    """Shows which step a command is at.

    Attributes:
        console: Where to.
    """

    console: "Console"

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show that the step `title` runs and, when it has ended, how long it took.

        Yields:
            A function that shows a short text about the progress of the step, on a terminal only.
        """
        started = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"{title} ...")
        with self.console.status(title) as status:
            yield lambda detail: status.update(f"{title}: {detail}")
        self.console.print(f"{title}: {time.monotonic() - started:.1f} s")
