"""An actor: at each of its calls to the outside, the schedule chooses what happens."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.explorer.fiber import Fiber
from tests.explorer.threads import Threads
from tests.tsunagu.runtime.world import Killed

if TYPE_CHECKING:
    from tests.explorer.stage import Stage


class Actor:
    """Runs one thing at a time, in a process that may be killed.

    Attributes:
        owner: Token of what it runs.
        threads: What runs in threads of its own, if anything does.
    """

    def __init__(self, name: str, plant: "Stage") -> None:
        self.name = name
        self.plant = plant
        self.owner = name
        self.threads: Threads | None = None
        self._fiber: Fiber | None = None

    @property
    def skew_ms(self) -> int:
        """Return by how many milliseconds its clock is ahead of the plant's."""
        return 0

    @property
    def is_running(self) -> bool:
        return self._fiber is not None

    @property
    def label(self) -> str:
        """Its name, and the thread that runs."""
        thread = self.threads.running if self.threads else None
        return thread or self.name

    def other_threads(self) -> list[str]:
        """Names of the threads that could continue instead of the one that runs."""
        return self.threads.others() if self.threads else []

    def start(self, body: Callable[[], None]) -> None:
        self._fiber = Fiber(body)

    def pause(self) -> None:
        """Stop here until it is resumed."""
        assert self._fiber is not None
        self._fiber.pause()

    def resume(self) -> None:
        """Continue until it pauses, ends or is killed."""
        fiber = self._fiber
        assert fiber is not None
        try:
            fiber.resume()
        except Killed:
            self.died()
        finally:
            if fiber.is_finished:
                self._fiber = None

    def died(self) -> None:
        """Its process was killed."""
        self.threads = None
