"""The plant of a scheduled job: a table, a FIFO queue, executions, and workers that run the real receiver."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from tests.explorer.single_flight.actors import ENDED, Execution, JobWorker, Operator, Releaser, State
from tests.explorer.single_flight.journal import JobJournal
from tests.explorer.single_flight.promises import JobPromises
from tests.explorer.single_flight.setting import JobSetting, Tick
from tsunagu.contracts.schedules import FREE
from tsunagu.runtime.errors import FailedCall, TaskLostError
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.outbox import Channel
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.queues import Queue, SourceQueue
from tsunagu.testing.explorer.sandbox import VISIBILITY_SECONDS
from tsunagu.testing.explorer.schedule import Choices
from tsunagu.testing.explorer.stage import NOTHING, Actor, Stage

ResultT = TypeVar("ResultT")

MAX_RECEIVES = 100


class JobPlant(Stage):
    """All that executions and workers share."""

    journal: JobJournal

    def __init__(self, setting: JobSetting, bounds: Bounds, choices: Choices) -> None:
        super().__init__(bounds, choices)
        self.setting = setting
        self.queue = SourceQueue(self.now_ms, visibility_seconds=VISIBILITY_SECONDS, max_receives=MAX_RECEIVES)
        self.dead_letter_queue = Queue("dead", self.now_ms, visibility_seconds=VISIBILITY_SECONDS)
        self.notifications: list[str] = []
        self.executions: list[Execution] = []
        self.events: list[Execution] = []
        self._unjudged: list[Execution] = []
        self.is_mended = False
        self.journal = JobJournal(self)
        self._workers = [JobWorker(f"w{n}", self, skew) for n, skew in enumerate(setting.skew_ms, start=1)]
        self._releaser = Releaser("releaser", self)
        self._operator = Operator("operator", self)

    @property
    def actors(self) -> Sequence[Actor]:
        return [*self.executions, *self._workers, self._releaser, self._operator]

    def now_ms(self) -> int:
        return self.ms

    def tick(self, ticks: Sequence[Tick]) -> list[Execution]:
        """Let executions begin; return them."""
        begun = [
            Execution(self, f"e{number}", tick) for number, tick in enumerate(ticks, start=len(self.executions) + 1)
        ]
        self.executions += begun
        self._unjudged += begun
        return begun

    def unjudged(self) -> list[Execution]:
        """Return the executions whose end was not judged yet."""
        unjudged, self._unjudged = self._unjudged, []
        return unjudged

    def heartbeat(self, token: str) -> None:
        """Take a heartbeat of a task."""
        if not self._execution(token).heartbeat():
            raise TaskLostError(token)

    def take(self, message: AddressedMessage) -> SendResult:
        """Take a message of an outbox: the next slice, or the outcome of a task."""
        content = message.outbox_message
        if content.channel is Channel.QUEUE:
            self.queue.put(
                OutgoingMessage(body=content.body, group_id=content.group_id, deduplication_id=message.deduplication_id)
            )
            return SendResult("sent")
        execution = self._execution(content.target)
        if not execution.heartbeat():
            call = FailedCall("states:SendTaskSuccess", "the task", "TaskTimedOut")
            return SendResult(None, "TaskTimedOut", is_permanent=True, call=call)
        is_success = content.channel is Channel.TASK_SUCCESS
        execution.outcome = (State.SUCCEEDED if is_success else State.FAILED, content.body)
        self.journal.told(execution)
        return SendResult("sent")

    def point(
        self,
        actor: Actor,
        call: str,
        apply: Callable[[], ResultT],
        *,
        faults: Sequence[str] = ("die before", "die after"),
        failures: Mapping[str, Callable[[], ResultT]] = NOTHING,
    ) -> ResultT:
        kind = "workers" if isinstance(actor, JobWorker) else "machine"
        if kind in self.setting.troubled:
            return super().point(actor, call, apply, faults=faults, failures=failures)
        self.say(f"{actor.label} {call}")
        return apply()

    def pass_time(self) -> None:
        before_ms = self.ms
        super().pass_time()
        is_still = any(actor.is_running for actor in self.actors) and self.ms - before_ms >= VISIBILITY_SECONDS * 1_000
        self.journal.was_still = self.journal.was_still or is_still

    def check(self) -> None:
        JobPromises(self).check()

    def left_over(self) -> list[str]:
        going = [each.name for each in self.executions if each.state not in ENDED]
        return [*going, *(message.id for message in self.queue.waiting), *(f"event of {e.name}" for e in self.events)]

    def idle(self) -> Iterable[Actor]:
        if self.queue.receivable():
            yield from [worker for worker in self._workers if not worker.is_running][:1]
        yield from (each for each in self.executions if each.can_begin and not each.is_running)
        if self.events and not self._releaser.is_running:
            yield self._releaser
        is_waiting = any(each.state is State.WAITING for each in self.executions)
        if self.setting.aborts and is_waiting and not self._operator.was_here and not self.is_mended:
            yield self._operator

    def begin(self, actor: Actor) -> None:
        if isinstance(actor, JobWorker):
            actor.receive(1)
        elif isinstance(actor, Execution | Releaser | Operator):
            actor.begin()

    def moments(self) -> Iterable[int]:
        waiting = [each for each in self.executions if each.state is State.WAITING]
        deadlines = [deadline for each in waiting for deadline in each.deadlines()]
        held = [lease.lease for lease in self.store.jobs.leases.values() if lease.owner != FREE]
        return [*(message.visible_ms for message in self.queue.waiting), *deadlines, *held]

    def redeliver(self) -> None:
        """A FIFO queue delivers again after the visibility time-out alone."""

    def _execution(self, name: str) -> Execution:
        return next(each for each in self.executions if each.name == name)
