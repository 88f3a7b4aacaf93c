"""Who acts on a job: executions of its state machine, the machine that releases leases, an operator, and workers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NoReturn

from tests.explorer.single_flight.setting import (
    BOUND_MS,
    HEARTBEAT_MS,
    JOB,
    LEASE_SECONDS,
    MACHINE_MS,
    MAX_ATTEMPTS,
    RUN_MS,
    WORK_MS,
    Tick,
)
from tsunagu.contracts import schedules
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.receiving.receiver import Receiver, ReceiverConfig
from tsunagu.runtime.sending.publish import OutgoingMessage
from tsunagu.runtime.single_flight.job_lease import JobLease
from tsunagu.runtime.single_flight.job_message import JobMessage
from tsunagu.runtime.single_flight.outcomes import FailureTeller, OutcomeSender
from tsunagu.runtime.single_flight.processor import RunProcessor
from tsunagu.runtime.single_flight.run import Continue, Run
from tsunagu.testing.events.places import QUEUE_ARN
from tsunagu.testing.explorer.ports import OutboxPort, last
from tsunagu.testing.explorer.queues import Stored
from tsunagu.testing.explorer.sandbox import FUNCTION_TIMEOUT_SECONDS, Sandbox
from tsunagu.testing.explorer.stage import NOTHING, Actor
from tsunagu.testing.fakes import FakeTicker

if TYPE_CHECKING:
    from tests.explorer.single_flight.plant import JobPlant

WINDOW_SECONDS = 86_400


class State(Enum):
    """How far an execution is."""

    NEW = auto()
    WAITING = auto()
    SKIPPED = auto()
    SUCCEEDED = auto()
    FAILED = auto()
    ABORTED = auto()
    TIMED_OUT = auto()


ENDED = frozenset(State) - {State.NEW, State.WAITING}
_WITH_EVENT = {State.FAILED, State.ABORTED, State.TIMED_OUT}


class CallFailed(Exception):  # noqa: N818 - as the machine names it
    """A call of the machine failed, after its retries."""


class Aborted(Exception):  # noqa: N818 - as the machine names it
    """The execution was aborted in the middle of a call."""


class Execution(Actor):
    """An execution of the state machine of the job: takes the lease, sends the message, waits, and releases.

    Attributes:
        state: How far it is.
        taken: The lease, once it has taken it.
        outcome: What the worker said, once it has.
        was_harmed: Something went wrong with a call of its own, or somebody aborted it.
        sent: Messages that it has sent.
    """

    plant: "JobPlant"

    def __init__(self, plant: "JobPlant", name: str, tick: Tick) -> None:
        super().__init__(name, plant)
        self.tick = tick
        self.state = State.NEW
        self.taken: JobLease | None = None
        self.outcome: tuple[State, str] | None = None
        self.was_harmed = False
        self.sent = 0
        self._begun_ms = plant.ms
        self._beat_ms = 0
        self._sent_ms = 0

    @property
    def can_begin(self) -> bool:
        is_woken = self.outcome is not None or self._is_overdue
        return self.state is State.NEW or (self.state is State.WAITING and is_woken)

    @property
    def _is_overdue(self) -> bool:
        return self.plant.ms > min(self.deadlines())

    @property
    def _now_ms(self) -> int:
        return self.plant.ms + self.tick.skew_ms

    def deadlines(self) -> list[int]:
        """Return when a time-out ends the waiting, if nothing happens."""
        return [self._beat_ms + HEARTBEAT_MS, self._sent_ms + RUN_MS, self._begun_ms + MACHINE_MS]

    def begin(self) -> None:
        self.start(self._first if self.state is State.NEW else self._woken)

    def heartbeat(self) -> bool:
        """Take a heartbeat of its task; return whether the task waits."""
        is_waiting = self.state is State.WAITING and self.outcome is None
        if is_waiting:
            self._beat_ms = self.plant.ms
        return is_waiting

    def end(self, state: State) -> None:
        """End, and let an event say so."""
        self.plant.say(f"{self.name} ends {state.name}")
        self.state = state
        if state in _WITH_EVENT and not self.plant.setting.loses_events:
            self.plant.events.append(self)

    def _first(self) -> None:
        """Take the lease, and send the message."""
        try:
            self.taken = self._take() or self._look()
            if self.taken is None:
                self.end(State.SKIPPED)
                return
            self.plant.journal.took(self)
            self._send()
        except CallFailed:
            if self.taken is None:
                self.end(State.FAILED)
            else:
                self._release(State.FAILED)
        except Aborted:
            self.end(State.ABORTED)

    def _woken(self) -> None:
        """Go on after the outcome, or after a time-out."""
        if self.outcome is not None:
            self._release(self.outcome[0])
            return
        # Each run is over in time, unless something stood still for longer than a run may.
        self.was_harmed = self.was_harmed or self.plant.journal.was_still
        if self.plant.ms > self._begun_ms + MACHINE_MS:
            self.end(State.TIMED_OUT)
        else:
            self.outcome = (State.FAILED, "the task timed out")
            self._release(State.FAILED)

    def _take(self) -> JobLease | None:
        def apply() -> JobLease | None:
            jobs = self.plant.store.jobs
            taken = jobs.take(JOB, self.name, self.tick.slot, now_ms=self._now_ms, bound_ms=BOUND_MS)
            if taken is None:
                self.plant.journal.refused(self, jobs.leases[JOB])
            return taken

        taken: JobLease | None = self._call(
            "takes the lease", apply, {"answer lost, tried again": lambda: last(apply(), apply())}
        )
        return taken

    def _look(self) -> JobLease | None:
        found: JobLease = self._call("looks who holds the lease", lambda: self.plant.store.jobs.read(JOB))
        return found if found.owner == self.name else None

    def _send(self) -> None:
        assert self.taken is not None
        message = JobMessage(
            job=JOB,
            run=self.taken.run,
            slot=self.tick.slot,
            execution=self.name,
            task_token=self.name,
            slice=0,
            checkpoint=None,
        )

        def apply() -> None:
            self.state, self._sent_ms, self._beat_ms, self.sent = State.WAITING, self.plant.ms, self.plant.ms, 1
            deduplication_id = schedules.run_deduplication_id(JOB, message.run)
            self.plant.queue.put(
                OutgoingMessage(body=message.to_json(), group_id=JOB, deduplication_id=deduplication_id)
            )

        def unanswered() -> NoReturn:
            apply()
            raise CallFailed

        self._call("sends the message", apply, {"unanswered": unanswered})

    def _release(self, end: State) -> None:
        assert self.taken is not None
        self.state = State.NEW if self.state is State.NEW else State.WAITING
        run = self.taken.run

        def apply() -> bool:
            return self.plant.store.jobs.release(JOB, self.name, run)

        try:
            self._call("releases the lease", apply, {"answer lost, tried again": lambda: last(apply(), apply())})
        except CallFailed:
            end = State.FAILED
        except Aborted:
            end = State.ABORTED
        self.end(end)

    def _call(self, call: str, apply: Callable[[], Any], failures: Mapping[str, Callable[[], Any]] = NOTHING) -> Any:
        """Make a call of the machine, which may fail after its retries, and in which it may be aborted."""

        def harm(error: type[Exception]) -> Callable[[], NoReturn]:
            def fail() -> NoReturn:
                self.was_harmed = True
                raise error

            return fail

        def aborted_after() -> NoReturn:
            apply()
            harm(Aborted)()

        def harmed(how: Callable[[], Any]) -> Callable[[], Any]:
            def act() -> Any:
                self.was_harmed = self.was_harmed or call.startswith("sends")
                return how()

            return act

        all_failures = {
            **{name: harmed(failure) for name, failure in failures.items()},
            "unavailable": harm(CallFailed),
            "aborted before": harm(Aborted),
            "aborted after": aborted_after,
        }
        return self.plant.point(self, call, apply, faults=(), failures=all_failures)


class Releaser(Actor):
    """The machine that releases the lease of an execution that ended otherwise."""

    plant: "JobPlant"

    def begin(self) -> None:
        self.start(self._release)

    def _release(self) -> None:
        execution = self.plant.events.pop(0)

        def apply() -> None:
            lease = self.plant.store.jobs.read(JOB)
            if lease is not None and lease.owner == execution.name:
                self.plant.store.jobs.release(JOB, execution.name, lease.run)

        def lose() -> None:
            self.plant.journal.lost_release = True

        self.plant.point(self, f"releases the lease of {execution.name}", apply, faults=(), failures={"lost": lose})


class Operator(Actor):
    """Somebody who aborts an execution that waits, once."""

    plant: "JobPlant"
    was_here = False

    def begin(self) -> None:
        self.was_here = True
        self.start(self._abort)

    def _abort(self) -> None:
        waiting = [each for each in self.plant.executions if each.state is State.WAITING and not each.is_running]
        if waiting:
            waiting[0].was_harmed = True
            self.plant.point(self, f"aborts {waiting[0].name}", lambda: waiting[0].end(State.ABORTED), faults=())


@dataclass(slots=True)
class JobsPort:
    """Reads the lease of the job."""

    actor: Actor

    def read(self, job: str) -> JobLease | None:
        plant = self.actor.plant
        return plant.point(
            self.actor, "reads the lease", lambda: plant.store.jobs.read(job), failures={"unavailable": _unavailable}
        )


@dataclass(slots=True)
class TasksPort:
    """Takes heartbeats."""

    actor: "JobWorker"

    def heartbeat(self, token: str) -> None:
        plant = self.actor.plant
        plant.point(
            self.actor, "sends a heartbeat", lambda: plant.heartbeat(token), failures={"unavailable": _unavailable}
        )


class JobWorker(Sandbox):
    """A sandbox of the worker's function."""

    plant: "JobPlant"

    def __init__(self, name: str, plant: "JobPlant", skew_ms: int = 0) -> None:
        super().__init__(name, plant, plant.queue, skew_ms)
        self._processor: RunProcessor | None = None
        self._ticker: FakeTicker | None = None

    def new_receiver(self) -> Receiver[JobMessage]:
        plant, tasks = self.plant, TasksPort(self)
        outbox = OutboxPort(self, plant.take)
        ports = self.ports(outbox, plant.dead_letter_queue, plant.notifications)
        self._processor = RunProcessor(
            JOB,
            self._work,
            leases=JobsPort(self),
            tasks=tasks,
            metrics=ports.metrics,
            clock=self.clock,
            start_ticker=self._start_ticker,
            table_name="items",
            queue_url="https://sqs/jobs.fifo",
            lease_seconds=LEASE_SECONDS,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
        )
        config = ReceiverConfig(
            scope=JOB,
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
            max_attempts=MAX_ATTEMPTS,
            window_seconds=WINDOW_SECONDS,
            lease_seconds=LEASE_SECONDS,
        )
        return Receiver(
            config,
            ports._replace(
                tasks=tasks, outbox=OutcomeSender(outbox), channel=ports.channel.telling(FailureTeller(outbox))
            ),
            parse=self._processor.parse,
            key=lambda message: message.key,
            process=self._processor.process,
        )

    def gives_back(self, messages: Sequence[Stored]) -> None:
        """Nothing is checked: a message that comes back does no harm."""

    def _invoke(self, records: list[dict[str, Any]]) -> None:
        assert self._processor is not None
        self._processor.deadline_ms = self.clock.now_ms() + FUNCTION_TIMEOUT_SECONDS * 1_000
        super()._invoke(records)

    def _start_ticker(self, tick: Callable[[], bool], every_seconds: float) -> FakeTicker:
        self._ticker = FakeTicker(tick, every_seconds)
        return self._ticker

    def _work(self, run: Run) -> object:
        """Work for some steps; write which run and slice it is."""
        plant, setting = self.plant, self.plant.setting
        for _ in range(setting.steps):
            plant.point(self, f"works on {run.number}/{run.slice}", self._pass_work_time)
            assert self._ticker is not None
            plant.point(self, "beats", self._ticker.tick, faults=(), failures={"frozen": lambda: True})
        plant.journal.worked(run)
        if setting.always_fails and not plant.is_mended:
            raise ValueError
        run.put("effects", {"run": run.number, "slice": run.slice})
        if run.slice + 1 < setting.slices:
            raise Continue(run.slice + 1)
        return run.number

    def _pass_work_time(self) -> None:
        self.plant.ms += WORK_MS


def _unavailable() -> NoReturn:
    msg = "no answer"
    raise UnavailableError(msg)
