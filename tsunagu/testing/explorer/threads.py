"""Threads of one process that run one at a time: they switch at calls to the outside, where the schedule says so."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from tsunagu.testing.explorer.fiber import Fiber
from tsunagu.testing.fakes import Killed

if TYPE_CHECKING:
    from types import TracebackType

ResultT = TypeVar("ResultT")


class Thread(Generic[ResultT]):
    """One call in a thread of its own.

    Attributes:
        name: Name of the actor, and a number.
        is_started: It ran, at least up to its first pause.
    """

    def __init__(self, name: str, call: Callable[[], ResultT]) -> None:
        self.name = name
        self.is_started = False
        self._call = call
        self._fiber = Fiber(self._run)
        self._results: list[ResultT] = []
        self._error: Exception | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the call has returned or raised."""
        return self._fiber.is_finished

    def result(self) -> ResultT:
        """What the call returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]

    def resume(self) -> None:
        """Continue until it pauses or ends."""
        self.is_started = True
        self._fiber.resume()

    def pause(self) -> None:
        """Stop here until it is resumed."""
        self._fiber.pause()

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
            self._error = error


class Process(Protocol):
    """The process that threads are of."""

    name: str
    threads: "Threads | None"

    def pick(self, options: Sequence[str]) -> str:
        """Let the schedule choose."""
        ...


class Threads:
    """Stands in for `ThreadPoolExecutor` in the process of an actor.

    As there, all calls of a `map` are submitted at once. `most` of them run at a time, the first ones
    first. The results come in the order of the calls, while others still run. The schedule chooses which thread
    continues when one ends, and whether one is left in the middle. When the process is killed, all its threads end.
    """

    def __init__(self, process: Process, most: int) -> None:
        self._process = process
        self._most = most
        self._threads: list[Thread[Any]] = []
        self._running: Thread[Any] | None = None
        self._wanted: Thread[Any] | None = None
        self._is_dead = False

    def __enter__(self) -> Self:
        self._process.threads = self
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: "TracebackType | None"
    ) -> None:
        while not self._is_dead and self._ready():
            self._step()
        self._process.threads = None

    def map(self, function: Callable[[Any], ResultT], arguments: Iterable[Any]) -> Iterator[ResultT]:
        """Submit a call for each argument; return the results in the order of the arguments."""

        def call(argument: Any) -> Callable[[], ResultT]:
            return lambda: function(argument)

        name = self._process.name
        threads = [Thread(f"{name}.{n}", call(argument)) for n, argument in enumerate(arguments, start=1)]
        self._threads += threads
        return (self._awaited(thread) for thread in threads)

    @property
    def running(self) -> str | None:
        """Name of the thread that runs; None while the process's first one does."""
        return self._running.name if self._running else None

    def others(self) -> list[str]:
        """Names of the threads that could go on in place of the one that runs."""
        return [thread.name for thread in self._ready() if thread is not self._running]

    def switch(self, name: str) -> None:
        """Leave the thread that runs where it is, and go on with another one."""
        wanted = next(thread for thread in self._ready() if thread.name == name)
        if self._running is None:
            self._go_on(wanted)
            return
        self._wanted = wanted
        self._running.pause()
        if self._is_dead:
            raise Killed

    def _awaited(self, thread: Thread[ResultT]) -> ResultT:
        while not thread.is_finished:
            self._step()
        return thread.result()

    def _ready(self) -> list[Thread[Any]]:
        return [thread for thread in self._threads if not thread.is_finished][: self._most]

    def _step(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            ready = {thread.name: thread for thread in self._ready()}
            wanted = ready[self._process.pick(list(ready))]
        self._go_on(wanted)

    def _go_on(self, thread: Thread[Any]) -> None:
        self._running = thread
        try:
            thread.resume()
        except BaseException:
            self._die()
            raise
        finally:
            self._running = None

    def _die(self) -> None:
        """Let what is in the middle end there: nothing of it goes on once the process is dead."""
        self._is_dead = True
        for thread in self._threads:
            while thread.is_started and not thread.is_finished:
                try:
                    thread.resume()
                except Killed:
                    continue
