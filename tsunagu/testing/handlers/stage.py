"""The stage of a handler: its queue and dead-letter queue, tables, topics and tasks, and the workers that run it."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tsunagu.runtime.functions.adapters import FunctionStart
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.queues import Queue, SourceQueue
from tsunagu.testing.explorer.sandbox import VISIBILITY_SECONDS, Sandbox
from tsunagu.testing.explorer.schedule import Choices
from tsunagu.testing.explorer.stage import NOTHING, Actor, Stage
from tsunagu.testing.fake_tables import FakeTable
from tsunagu.testing.fakes import FakeObjectStore, FakeTasks, Killed
from tsunagu.testing.handlers.faults import Plan
from tsunagu.testing.handlers.places import Settings
from tsunagu.testing.handlers.store import WorldStore
from tsunagu.testing.requests import FakeResultStore

ResultT = TypeVar("ResultT")

MAX_RECEIVES = 100  # so that the receiver decides about each message, and not SQS
_FIRST_FAILURE = {"unavailable": ("unavailable",), "unanswered": ("unanswered", "answer lost")}


class Notes:
    """Notes nothing: what must hold is checked when all is quiet."""

    def disturbed(self) -> None:
        """Note nothing."""

    def fault(self, actor: Actor) -> None:
        """Note nothing."""

    def time_passed(self) -> None:
        """Note nothing."""

    def watch(self, _actor: Actor, _item_ids: Sequence[str], write: Callable[[], ResultT]) -> ResultT:
        """Make the write."""
        return write()


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of the handler's own code.

    Attributes:
        name: Its name.
        id: What it was done to.
        key: Idempotency key that the other system was given. Default: none.
    """

    name: str
    id: str
    key: str | None = None


@dataclass(slots=True, kw_only=True)
class Scene:
    """What a stage begins with.

    Attributes:
        start: How a process of the handler starts.
        settings: What the construct decides.
        tables: Makes the tables as they are at first.
        worker_count: Workers that run at the same time.
    """

    start: FunctionStart
    settings: Settings
    tables: Callable[[], Mapping[str, FakeTable]]
    worker_count: int = 1


class HandlerStage(Stage):
    """All that the workers of one handler share.

    Attributes:
        sent: Messages of outboxes that were sent, copies too.
        effects: Effects of the handler's own code, in order.
        plan: Faults that the test planned.
        is_explored: Whether the schedule may leave a worker in the middle.
        worker: The worker that runs now.
    """

    store: WorldStore
    journal: Notes

    def __init__(self, scene: Scene, bounds: Bounds, choices: Choices, workers: "MakeWorker") -> None:
        super().__init__(bounds, choices)
        settings = scene.settings
        self.scene = scene
        self.store = WorldStore(scene.tables())
        self.queue = SourceQueue(
            lambda: self.ms, visibility_seconds=VISIBILITY_SECONDS, max_receives=MAX_RECEIVES, name="m"
        )
        self.dead_letter_queue = Queue("dead", lambda: self.ms, visibility_seconds=VISIBILITY_SECONDS)
        self.notifications: list[str] = []
        self.sent: list[AddressedMessage] = []
        self.effects: list[Effect] = []
        self.tasks = FakeTasks()
        self.objects = FakeObjectStore()
        self.results = FakeResultStore()
        self.metrics = io.StringIO()
        self.plan = Plan()
        self.journal = Notes()
        self.is_explored = bounds.switches > 0
        self.batch_size = settings.batch_size
        self.worker: Actor | None = None
        self._workers = [workers(f"worker {n}", self) for n in range(1, scene.worker_count + 1)]

    @property
    def actors(self) -> Sequence[Sandbox]:
        """The workers."""
        return self._workers

    def check(self) -> None:
        """Check nothing here: the world looks at what is left."""

    def left_over(self) -> list[str]:
        """Messages that are still in the queue."""
        return [message.id for message in self.queue.waiting]

    def idle(self) -> Iterable[Actor]:
        """Return the first worker that could receive."""
        if self.queue.receivable():
            yield from [worker for worker in self._workers if not worker.is_running][:1]

    def begin(self, actor: Actor) -> None:
        """Let a worker receive."""
        next(worker for worker in self._workers if worker is actor).receive(self.batch_size)

    def moments(self) -> Iterable[int]:
        """Return when messages become visible."""
        return [message.visible_ms for message in self.queue.waiting]

    def redeliver(self) -> None:
        """Let SQS deliver again."""
        self.queue.redeliver()

    def send_on(self, message: AddressedMessage) -> SendResult:
        """Take a message of an outbox."""
        self.sent.append(message)
        return SendResult(f"sent-{len(self.sent)}")

    def effect(self, effect: Effect, error: Exception) -> None:
        """Let the handler's own code have an effect; the call may fail by `error`, or the worker be killed at it."""

        def apply() -> None:
            if effect.key is None or effect.key not in {each.key for each in self.effects if each.name == effect.name}:
                self.effects.append(effect)

        def fail() -> None:
            raise error

        def apply_unanswered() -> None:
            apply()
            raise error

        if self.worker is None:  # called by the test itself
            apply()
            return
        failures = {"unavailable": fail, "answer lost": apply_unanswered}
        self.point(self.worker, f"calls {effect.name} for {effect.id}", apply, failures=failures)

    def point(
        self,
        actor: Actor,
        call: str,
        apply: Callable[[], ResultT],
        *,
        faults: Sequence[str] = ("die before", "die after"),
        failures: Mapping[str, Callable[[], ResultT]] = NOTHING,
    ) -> ResultT:
        """Make a call to the outside, by the plan of the test, or else as the choices want it."""
        fault = self.plan.take(call)
        if fault is None:
            return super().point(actor, call, apply, faults=faults, failures=failures)
        if fault in {"die before", "die after"}:
            if fault == "die after":
                apply()
            self.say(f"* {actor.label} {call}: {fault}")
            raise Killed
        known = [name for name in _FIRST_FAILURE[fault] if name in failures]
        if not known:
            msg = f"a planned fault must be one that the call can have, got {fault!r} for a worker that {call}"
            raise ValueError(msg)
        self.say(f"* {actor.label} {call}: {known[0]}")
        return failures[known[0]]()


MakeWorker = Callable[[str, HandlerStage], Sandbox]
