"""The plant: a table, queues, a topic and a clock, and workers that run the real receiver on them.

Each call that a worker makes to the outside is a point: here another worker may go on, time may pass, the process may
die before the call or after it, and the answer may be lost. Which of it happens, `Choices` decide.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lambdas.contracts.records import Status
from lambdas.runtime.lease import Item
from tests.explorer.journal import Fate, Journal, Sent
from tests.explorer.queues import DeadLetterQueue, SourceQueue
from tests.explorer.schedule import Choices, Violation
from tests.explorer.worker import FUNCTION_TIMEOUT_SECONDS, Setting, Worker
from tests.lambdas.runtime.world import START_MS, FakeItemStore, Killed

ResultT = TypeVar("ResultT")

VISIBILITY_SECONDS = 6 * FUNCTION_TIMEOUT_SECONDS
STEPS_TO_QUIET = 400
OUTAGE_MS = 180_000
LONGEST_SKEW_SECONDS = 240
NOTHING: Mapping[str, Callable[[], Any]] = {}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may go wrong in one schedule.

    Attributes:
        crashes: Processes that die.
        lost: Calls that fail, or whose answer is lost.
        switches: Times that a worker is left in the middle, or that time passes beside it.
        redeliveries: Times that SQS delivers what is in flight, or was deleted.
        outages: Times that the table is gone for three minutes.
    """

    crashes: int = 0
    lost: int = 0
    switches: int = 0
    redeliveries: int = 0
    outages: int = 0


class Plant:
    """All that workers share, and the scheduler that runs them one step at a time."""

    def __init__(self, setting: Setting, bounds: Bounds, choices: Choices) -> None:
        self.setting = setting
        self.ms = START_MS
        self.store = FakeItemStore()
        self.queue = SourceQueue(
            lambda: self.ms, visibility_seconds=VISIBILITY_SECONDS, max_receives=setting.max_receives
        )
        self.dead_letter_queue = DeadLetterQueue(lambda: self.ms)
        self.notifications: list[str] = []
        self.is_mended = False
        self.journal = Journal(self)
        self.workers = [Worker(f"w{n}", self, skew) for n, skew in enumerate(setting.skew_ms, start=1)]
        self._choices = choices
        self._left = {"crash": bounds.crashes, "lost": bounds.lost, "switch": bounds.switches}
        self._left |= {"redeliver": bounds.redeliveries, "outage": bounds.outages}
        self._outage_end_ms = 0
        self._wanted: Worker | None = None
        self._is_stopped = False

    def send(self, messages: Sequence[Sent]) -> None:
        """Send messages to the queue, in order."""
        self.journal.disturbed_ms = self.ms
        for sent in messages:
            self.journal.sent[sent.id] = sent
            self.queue.send(sent.id, sent.body, sent.group)

    def redrive(self) -> None:
        """Send what is in the dead-letter queue to its source again; each copy has an id of its own."""
        dead = {sent.body: sent for sent in self.journal.sent.values() if sent.fate is Fate.DEAD}
        for sent in self.journal.sent.values():
            if sent.body in dead:
                self.journal.sent[sent.id] = replace(sent, fate=Fate.REDRIVEN)
        letters, self.dead_letter_queue.letters = self.dead_letter_queue.letters, []
        for number, letter in enumerate(letters):
            sent = dead[letter.body]
            fate = Fate.DONE if self.is_mended else Fate.DEAD
            self.send([replace(sent, id=f"{sent.id}-again-{number}", fate=fate)])

    def run_until_quiet(self) -> None:
        """Run until the queue is empty and no worker runs, and check what must hold then."""
        try:
            for _ in range(STEPS_TO_QUIET):
                if self.queue.is_empty and not any(worker.is_running for worker in self.workers):
                    self.journal.check()
                    return
                self.step()
        finally:
            self._stop()
        msg = f"the queue must become empty, got {[m.id for m in self.queue.messages if not m.is_gone]} going round"
        raise Violation(msg)

    def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        self.ms += milliseconds
        self.journal.time_passed()
        self.journal.disturbed()

    def forget(self) -> None:
        """Let the window of all items end: the table's TTL deletes them, and the same keys are new."""
        self.ms += (self.setting.window_seconds + LONGEST_SKEW_SECONDS) * 1_000
        self.store.items.clear()
        self.journal.forget()

    def step(self) -> None:
        """Let the next thing happen: a worker receives or goes on, or, when none can, time passes."""
        able = self._able()
        if not able:
            self._pass_time()
            return
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            options = [worker.name for worker in able]
            if any(worker.is_running for worker in self.workers) and self._left["switch"]:
                options.append("time passes")
            choice = self._choices.pick(options)
            if choice == "time passes":
                self._spend("switch", choice)
                self._pass_time()
                self.journal.disturbed()
                return
            wanted = next(worker for worker in able if worker.name == choice)
        self._go_on(wanted)

    def _able(self) -> list[Worker]:
        running = [worker for worker in self.workers if worker.is_running]
        idle = [worker for worker in self.workers if not worker.is_running]
        return running + (idle[:1] if self.queue.receivable() else [])

    def _go_on(self, worker: Worker) -> None:
        if not worker.is_running:
            batch = self.queue.receive(self.setting.batch_size)
            if not batch:
                return
            self.say(f"{worker.name} receives {', '.join(message.id for message in batch)}")
            worker.begin(batch)
        worker.resume()

    def store_point(
        self,
        worker: Worker,
        call: str,
        apply: Callable[[], ResultT],
        failures: Mapping[str, Callable[[], ResultT]],
    ) -> ResultT:
        """Make a call to the table, which may be gone for a while."""
        if self.ms < self._outage_end_ms:
            self.journal.fault(worker)
            return failures["unavailable"]()
        return self.point(worker, call, apply, failures={**failures, "outage": failures["unavailable"]})

    # --- what happens at a point ---------------------------------------------------------------

    def point(
        self,
        worker: Worker,
        call: str,
        apply: Callable[[], ResultT],
        *,
        faults: Sequence[str] = ("die before", "die after"),
        failures: Mapping[str, Callable[[], ResultT]] = NOTHING,
    ) -> ResultT:
        """Make a call to the outside, as the choices want it.

        Args:
            worker: Who calls.
            call: What is called, in words.
            apply: Makes the call.
            faults: How the process may die around it.
            failures: How the call itself may fail, and what it then gives.
        """
        may_switch = True
        while True:
            options = ["go", *self._moves(worker, may_switch=may_switch)]
            options += faults if self._left["crash"] else ()
            options += [failure for failure in failures if self._left[_budget(failure)]]
            choice = self._choices.pick(options)
            if choice == "go":
                self.say(f"{worker.name} {call}")
                return apply()
            if choice in failures:
                self._spend(_budget(choice), f"{worker.name} {call}: {choice}")
                self.journal.fault(worker)
                if choice == "outage":
                    self._outage_end_ms = self.ms + OUTAGE_MS
                return failures[choice]()
            if choice in faults:
                self._spend("crash", f"{worker.name} {call}: {choice}")
                if choice == "die after":
                    apply()
                self.journal.fault(worker)
                raise Killed
            may_switch = self._move(worker, choice)

    def _moves(self, worker: Worker, *, may_switch: bool) -> list[str]:
        moves = []
        if self._left["switch"]:
            moves = [other.name for other in self._able() if other is not worker] if may_switch else []
            moves.append("time passes")
        if self._left["redeliver"]:
            moves.append("redelivery")
        return moves

    def _move(self, worker: Worker, choice: str) -> bool:
        """Let something else happen first; return whether the worker may be left again before its call."""
        if choice == "redelivery":
            self._spend("redeliver", "SQS delivers again")
            self.queue.redeliver()
            self.journal.disturbed()
            return True
        self._spend("switch", f"{worker.name} waits: {choice}")
        if choice == "time passes":
            self._pass_time()
            self.journal.disturbed()
            return True
        self._wanted = next(other for other in self.workers if other.name == choice)
        assert worker.fiber is not None
        worker.fiber.pause()
        if self._is_stopped:
            raise Killed
        return False

    def _stop(self) -> None:
        self._is_stopped = True
        for worker in self.workers:
            if worker.is_running:
                worker.resume()

    def _spend(self, budget: str, event: str) -> None:
        self._left[budget] -= 1
        self.say(f"* {event}")

    def say(self, event: str) -> None:
        self._choices.trace.append(f"{(self.ms - START_MS) / 1_000:7.2f} s  {event}")

    def _pass_time(self) -> None:
        """Move the clock to the next moment at which a lease ends, or a message becomes visible."""
        moments = [message.visible_ms for message in self.queue.messages if not message.is_gone]
        moments += [item.lease for item in self.store.items.values() if item.status == "INPROGRESS"]
        later = [moment for moment in moments if moment > self.ms]
        self.ms = min(later, default=self.ms + VISIBILITY_SECONDS * 1_000) + 1
        self.journal.time_passed()
        if self.setting.deletes_abandoned:
            kept = {item.id: item for item in self.store.items.values() if not self._is_abandoned(item)}
            self.store.items = kept

    def _is_abandoned(self, item: Item) -> bool:
        return item.status is Status.INPROGRESS and item.lease < self.ms

    def answer(self, worker: Worker, records: list[dict[str, Any]], response: dict[str, list[dict[str, str]]]) -> None:
        """Delete what the response does not name, as Lambda's poller does."""
        returned = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
        received = [record["messageId"] for record in records]
        if not set(returned) <= set(received):
            msg = f"the response must name messages of the batch {received}, got {returned}"
            raise Violation(msg)
        acknowledged = [message_id for message_id in received if message_id not in returned]
        self.say(f"{worker.name} acknowledges {', '.join(acknowledged) or 'nothing'}")
        for message_id in acknowledged:
            self.journal.acknowledged(message_id)
            self.queue.delete(message_id)
        grouped = [message for message in self.queue.messages if message.id in returned and message.group is not None]
        self.journal.answered(grouped)


def _budget(failure: str) -> str:
    return "outage" if failure == "outage" else "lost"
