"""`HandlerWorld`: runs a handler in memory, and shows what it did."""

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from tsunagu.runtime.functions.wiring import LambdaHandler
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.cores import one_core
from tsunagu.testing.explorer.schedule import Choices, Explored, Violation
from tsunagu.testing.fake_tables import FakeTable
from tsunagu.testing.fakes import Killed
from tsunagu.testing.handlers.handler_start import RouterHandler, start_of
from tsunagu.testing.handlers.inputs import Input, text_of
from tsunagu.testing.handlers.once import Once, troubles
from tsunagu.testing.handlers.places import Settings
from tsunagu.testing.handlers.stage import HandlerStage, Scene
from tsunagu.testing.handlers.store import SetupError
from tsunagu.testing.handlers.surroundings import captured_logs, silence, variables
from tsunagu.testing.handlers.worker import HandlerWorker
from tsunagu.testing.handlers.world_faults import WorldFaults

# Decorators whose messages a producer may send again; the others make new work of each.
_SENT_AGAIN = frozenset({"message_handler", "pipeline_service", "MessageRouter"})
SCHEDULES = 5_000  # of each kind of trouble: less than a minute

Tables = Mapping[str, str | Sequence[str] | FakeTable]


class HandlerWorld(WorldFaults):
    """Runs a handler in memory, with the real runtime and with fakes of queue, tables, topics and clock.

    ```python
    from tsunagu.testing import HandlerWorld

    world = HandlerWorld(handler, tables={"orders": "order_id"})
    world.send({"order_id": "o-1", "amount": 3})
    world.run()
    assert world.items("orders") == [{"order_id": "o-1", "amount": 3}]
    ```

    Nothing is installed for good: environment variables, logging and the fakes are in place while the handler runs.

    Args:
        handler: The handler that `message_handler`, `pipeline_service`, `scheduled_job`, `accepted_request` or
            `MessageRouter.handler` made; or where it is, as `"package.module:name"`. Such a module is imported with the
            environment of the handler.
        tables: The tables of the handler by name: the name of the partition key; that and the name of the sort key; or
            a `FakeTable` with items.
        environment: More environment variables: those that the handler reads itself.
        fifo: Whether the queue is a FIFO one. Default: a standard queue.
        max_attempts: Attempts after which a message is dead-lettered.
        window_seconds: Seconds from the last claim or outcome of an item until its key is new again. Default: a day.
        lease_seconds: Length of a lease that heartbeats extend. Default: as long as an invocation, which is 10 s.
        batch_size: Most messages of one invocation.
        parks_groups: Whether a dead message parks the later ones of its FIFO group.

    Attributes:
        logs: The lines that were logged, each as a dictionary.

    Raises:
        TypeError: The handler was made by none of these decorators.
    """

    def __init__(
        self,
        handler: LambdaHandler | RouterHandler | str,
        *,
        tables: Tables | None = None,
        environment: Mapping[str, str] | None = None,
        fifo: bool = False,
        max_attempts: int = 3,
        window_seconds: int = 86_400,
        lease_seconds: int | None = None,
        batch_size: int = 10,
        parks_groups: bool = False,
    ) -> None:
        self.settings = Settings(
            fifo=fifo,
            max_attempts=max_attempts,
            window_seconds=window_seconds,
            lease_seconds=lease_seconds,
            batch_size=batch_size,
            parks_groups=parks_groups,
            environment=environment or {},
        )
        self.start = start_of(handler, self.settings.environment)
        self.logs: list[dict[str, Any]] = []
        self._tables = {name: _table(keys) for name, keys in (tables or {}).items()}
        self._watched: dict[str, list[Any]] = {}
        self._sends = 0
        self._stage = self.new_stage(Choices(), tables=self._tables)

    # --- what comes in -------------------------------------------------------------------------

    def send(
        self,
        payload: object = None,
        *,
        attributes: Mapping[str, str] | None = None,
        group_id: str | None = None,
        results: Mapping[str, Any] | None = None,
        caller: str = "alice",
        content_type: str = "application/json",
    ) -> str:
        """Send a message to the handler's queue; return its message id. `run` lets the handler receive it.

        What is before the handler does its part: the step before a pipeline's service, the state machine that starts a
        run, the gateway that accepts a request.

        Args:
            payload: The message that the handler takes: a mapping, a dataclass, a pydantic model, or text. For a job:
                the checkpoint of the run; default: none.
            attributes: Message attributes.
            group_id: Message group. Default: one group for all on a FIFO queue.
            results: For a pipeline's service: results of the step before, by service.
            caller: For an accepted request: who sent it.
            content_type: For an accepted request.
        """
        self._sends += 1
        sent = Input(
            number=self._sends,
            text=text_of(payload),
            attributes=attributes or {},
            group_id=group_id,
            results=results or {},
            caller=caller,
            content_type=content_type,
        )
        sent.put(self._stage)
        return sent.message_id

    def redeliver(self, message_id: str) -> None:
        """Let SQS deliver a message again, even one that was deleted, as a standard queue may do at any time.

        Raises:
            LookupError: No such message was sent.
        """
        found = [message for message in self._stage.queue.messages if message.id == message_id]
        if not found:
            msg = f"message_id must be that of a message that was sent, got {message_id!r}"
            raise LookupError(msg)
        found[0].is_gone, found[0].visible_ms = False, 0

    def shuffle(self, seed: int = 7) -> None:
        """Bring the waiting messages into another order, as a standard queue may; the same one for a seed."""
        random.Random(seed).shuffle(self._stage.queue.messages)

    # --- what happens --------------------------------------------------------------------------

    def run(self) -> None:
        """Run until no message waits: the handler receives, and time passes where a message is hidden.

        Raises:
            AssertionError: A message goes round without an end.
            Exception: What makes an invocation fail as a whole, such as a missing environment variable.
        """
        with self._surroundings():
            try:
                self._stage.run_until_quiet()
            except Violation as violation:
                raise AssertionError(str(violation)) from None

    def deliver(self) -> list[str]:
        """Let the handler receive one batch of what is visible now; return the ids of the messages that it gave back.

        No time passes. A worker that is killed gives everything back.
        """
        stage = self._stage
        with self._surroundings():
            worker = self._worker
            worker.receive(stage.batch_size)
            if worker.is_running:
                worker.resume()
        return [message.id for message in stage.queue.waiting if message.receives]

    def invoke(self, event: object) -> dict[str, Any]:
        """Hand an event to the handler as Lambda does; return its response. `tsunagu.testing` has builders of events.

        The response is the partial batch response, or the answer of a web application to an HTTP event.

        Raises:
            Exception: What the handler raises, such as `UnroutableEventError` for an event of another source.
        """
        with self._surroundings():
            return self._worker.invoke(event)

    def wait(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let time pass on the clock of the world."""
        self._stage.ms += int(1_000 * (seconds + 60 * minutes + 3_600 * hours + 86_400 * days))

    @property
    def now_ms(self) -> int:
        """Time of the world, in milliseconds since the epoch."""
        return self._stage.ms

    # --- every interleaving --------------------------------------------------------------------

    def assert_once(
        self,
        *payloads: object,
        copies: Sequence[object] | None = None,
        crashes: int = 1,
        lost: int = 1,
        switches: int = 1,
        limit: int | None = SCHEDULES,
        schedule: str | None = None,
    ) -> Explored:
        """Check that each message has its effects once, in every interleaving of two workers with one crash.

        First each message runs alone: that says what it must do. Then all of them run together, again and again, until
        every schedule within the bounds was seen: one worker is killed before or after any call, or one call fails or
        its answer is lost, or SQS delivers again; and beside that, a worker is left in the middle once, at any call,
        while the other one goes on or time passes.

        Effects are the writes of the message, what its outbox sent (copies with one deduplication id are one message),
        what `effect` noted, and the lists that `watch` was given. The tables begin as they are now.

        Args:
            payloads: Messages that ask for different work, as `send` takes them. Two are enough.
            copies: Messages that ask for the work of one of these again, with another time stamp for example. They must
                add nothing. Default: the first message, sent once more by its producer; none for a job and for an
                accepted request, each of which is new work.
            crashes: Workers that are killed in one schedule.
            lost: Calls that fail, or whose answer is lost, in one schedule.
            switches: How often a worker is left in the middle, in one schedule. It must be 0 for a `MessageRouter`.
            limit: Most schedules of each kind of trouble; the result says whether some were left out. None: all.
            schedule: The one schedule to run, as a report names it. Default: all.

        Returns:
            How many schedules were run, and whether those were all.

        Raises:
            NotOnceError: Something happened more or less often than it must: an `AssertionError` with the schedule in
                sentences.
        """
        if not payloads:
            msg = "payloads must be one or more messages, got none"
            raise ValueError(msg)
        if switches and self.start.decorator == "MessageRouter":
            msg = "switches must be 0 for a MessageRouter, whose processes share an event loop here, got more"
            raise ValueError(msg)
        if copies is None:
            copies = payloads[:1] if self.start.decorator in _SENT_AGAIN else ()
        with self._surroundings(), silence(), one_core():
            once = Once(
                [*map(text_of, payloads)],
                [*map(text_of, copies)],
                make_stage=self._explored_stage,
                on_stage=self._on_stage,
                troubles=troubles(crashes=crashes, lost=lost, switches=switches),
            )
            return once.explore(limit=limit) if schedule is None else once.replay(schedule)

    def _explored_stage(self, choices: Choices, bounds: Bounds) -> HandlerStage:
        return self.new_stage(choices, bounds=bounds, worker_count=2)

    @contextmanager
    def _on_stage(self, stage: HandlerStage) -> Iterator[dict[str, list[Any]]]:
        """Make a stage that of this world, with empty lists; put back afterwards what was there."""
        before, lists = self._stage, {name: [*each] for name, each in self._watched.items()}
        self._stage = stage
        for each in self._watched.values():
            each.clear()
        try:
            yield self._watched
        finally:
            self._stage = before
            for name, each in self._watched.items():
                each[:] = lists[name]

    # --- stages --------------------------------------------------------------------------------

    def new_stage(
        self,
        choices: Choices,
        *,
        bounds: Bounds | None = None,
        tables: Mapping[str, FakeTable] | None = None,
        worker_count: int = 1,
    ) -> HandlerStage:
        """Return a stage of its own with this world's handler and tables."""
        scene = Scene(
            start=self.start,
            settings=self.settings,
            tables=partial(copy.deepcopy, self._tables) if tables is None else lambda: tables,
            worker_count=worker_count,
        )
        return HandlerStage(scene, bounds or Bounds(), choices, HandlerWorker)

    @property
    def _worker(self) -> HandlerWorker:
        worker = self._stage.actors[0]
        assert isinstance(worker, HandlerWorker)
        return worker

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(variables(self.settings.variables(self.start)))
            stack.enter_context(captured_logs(self.logs))
            try:
                yield
            except SetupError as error:
                raise LookupError(str(error)) from None
            except Killed:
                raise AssertionError("a worker must be killed while it runs") from None


def _table(keys: str | Sequence[str] | FakeTable) -> FakeTable:
    if isinstance(keys, FakeTable):
        return keys
    return FakeTable(*([keys] if isinstance(keys, str) else keys))
