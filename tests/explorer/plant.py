"""The plant: a table, queues, a topic and a clock, and workers that run the real receiver on them.

Each call that a worker makes to the outside is a point: here another worker may go on, time may pass, the process may
die before the call or after it, and the answer may be lost. Which of it happens, `Choices` decide.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from lambdas.contracts.records import Status
from lambdas.runtime.lease import Item
from lambdas.runtime.outbox import Addressed
from lambdas.runtime.publish import OutgoingMessage, SendResult
from tests.explorer.actor import Actor
from tests.explorer.journal import Journal
from tests.explorer.mover import Mover
from tests.explorer.promises import Promises
from tests.explorer.queues import Queue, SourceQueue
from tests.explorer.schedule import Choices, Violation
from tests.explorer.sent import Sent
from tests.explorer.setting import LONGEST_SKEW_SECONDS, Bounds, Setting
from tests.explorer.worker import FUNCTION_TIMEOUT_SECONDS, Worker
from tests.lambdas.runtime.world import START_MS, FakeItemStore, Killed

ResultT = TypeVar("ResultT")

VISIBILITY_SECONDS = 6 * FUNCTION_TIMEOUT_SECONDS
STEPS_TO_QUIET = 400
HIDDEN_SECONDS = 60  # a letter that the mover received
OUTAGE_MS = 180_000
NOTHING: Mapping[str, Callable[[], Any]] = {}


class Plant:
    """All that workers share, and the scheduler that runs them one step at a time."""

    def __init__(self, setting: Setting, bounds: Bounds, choices: Choices) -> None:
        self.setting = setting
        self.ms = START_MS
        self.store = FakeItemStore()
        self.queue = SourceQueue(
            lambda: self.ms, visibility_seconds=VISIBILITY_SECONDS, max_receives=setting.max_receives
        )
        self.dead_letter_queue = Queue("dead", lambda: self.ms, visibility_seconds=HIDDEN_SECONDS)
        self.notifications: list[str] = []
        self.is_mended = False
        self.journal = Journal(self)
        self.workers = [Worker(f"w{n}", self, skew) for n, skew in enumerate(setting.skew_ms, start=1)]
        self.mover = Mover(self)
        self.actors: list[Actor] = [*self.workers, self.mover]
        self._choices = choices
        self._left: Counter[str] = Counter()
        self.allow(bounds)
        self._outage_end_ms = 0
        self._wanted: Actor | None = None
        self._is_stopped = False

    def allow(self, bounds: Bounds) -> None:
        """Let so much go wrong from now on."""
        self._left = Counter(crash=bounds.crashes, lost=bounds.lost, switch=bounds.switches)
        self._left.update(redeliver=bounds.redeliveries, outage=bounds.outages)

    def send(self, messages: Sequence[Sent]) -> None:
        """Send messages to the queue, in order."""
        self.journal.disturbed_ms = self.ms
        for sent in messages:
            self.journal.expect(sent)
            self.queue.put(OutgoingMessage(body=sent.body, group_id=sent.group), sent.id)

    def redrive(self) -> None:
        """Ask the mover to put back what is in the dead-letter queue."""
        self.journal.disturbed_ms = self.ms
        self.mover.ask()

    def put_back(self, message: OutgoingMessage) -> SendResult:
        """Take a dead letter that is sent back."""
        copy = self.queue.put(message)
        if copy is not None:
            self.journal.put_back(copy)
        return SendResult("sent")

    def send_on(self, message: Addressed) -> SendResult:
        """Take a message of an outbox, unless it is one that is refused."""
        refusal = self.setting.refusals.get(message.outgoing.body)
        if refusal is not None and not self.is_mended:
            self.journal.refused_to_send(message)
            return refusal
        return self.journal.forwarded(message)

    def run_until_quiet(self) -> None:
        """Run until the queue is empty and no worker runs, and check what must hold then."""
        try:
            for _ in range(STEPS_TO_QUIET):
                if self._is_quiet():
                    Promises(self).check()
                    return
                self.step()
        finally:
            self._stop()
        left = [message.id for message in (*self.queue.waiting, *self.dead_letter_queue.waiting)]
        raise Violation(f"all must become quiet, got {left} going round")

    def _is_quiet(self) -> bool:
        return not (self.queue.waiting or self.mover.has_work or any(actor.is_running for actor in self.actors))

    def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        self.ms += milliseconds
        self.journal.time_passed()
        self.journal.disturbed()

    def forget(self) -> None:
        """Let the window of all items end: the table's TTL deletes them, and the same keys are new."""
        self.ms += (self.setting.window_seconds + LONGEST_SKEW_SECONDS) * 1_000
        self.store.items.clear()
        for queue in (self.queue, self.dead_letter_queue):
            queue.messages.clear()  # a message is kept for less long
        self.journal.forget()

    def step(self) -> None:
        """Let the next thing happen: a worker receives or goes on, or, when none can, time passes."""
        able = self._able()
        if not able:
            self._pass_time()
            return
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            options = [actor.name for actor in able]
            if any(actor.is_running for actor in self.actors) and self._left["switch"]:
                options.append("time passes")
            choice = self.pick(options)
            if choice == "time passes":
                self._spend("switch", choice)
                self._pass_time()
                self.journal.disturbed()
                return
            wanted = next(actor for actor in able if actor.name == choice)
        self._go_on(wanted)

    def _able(self) -> list[Actor]:
        able = [actor for actor in self.actors if actor.is_running]
        if self.queue.receivable():
            able += [worker for worker in self.workers if not worker.is_running][:1]
        if not self.mover.is_running and self.mover.can_work:
            able.append(self.mover)
        return able

    def _go_on(self, actor: Actor) -> None:
        if isinstance(actor, Worker) and not actor.is_running:
            batch = self.queue.receive(self.setting.batch_size)
            if not batch:
                return
            self.say(f"{actor.name} receives {', '.join(message.id for message in batch)}")
            actor.begin(batch)
        elif isinstance(actor, Mover) and not actor.is_running:
            actor.begin()
        actor.resume()

    def pick(self, options: Sequence[str]) -> str:
        """Let the schedule choose."""
        return self._choices.pick(options)

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
        actor: Actor,
        call: str,
        apply: Callable[[], ResultT],
        *,
        faults: Sequence[str] = ("die before", "die after"),
        failures: Mapping[str, Callable[[], ResultT]] = NOTHING,
    ) -> ResultT:
        """Make a call to the outside, as the choices want it.

        Args:
            actor: Who calls.
            call: What is called, in words.
            apply: Makes the call.
            faults: How the process may die around it.
            failures: How the call itself may fail, and what it then gives.
        """
        may_switch = True
        while True:
            options = ["go", *self._moves(actor, may_switch=may_switch)]
            options += faults if self._left["crash"] else ()
            options += [failure for failure in failures if self._left[_budget(failure)]]
            choice = self.pick(options)
            if choice == "go":
                self.say(f"{actor.label} {call}")
                return apply()
            if choice in failures:
                self._spend(_budget(choice), f"{actor.label} {call}: {choice}")
                self.journal.fault(actor)
                if choice == "outage":
                    self._outage_end_ms = self.ms + OUTAGE_MS
                return failures[choice]()
            if choice in faults:
                self._spend("crash", f"{actor.label} {call}: {choice}")
                if choice == "die after":
                    apply()
                self.journal.fault(actor)
                raise Killed
            may_switch = self._move(actor, choice)

    def _moves(self, actor: Actor, *, may_switch: bool) -> list[str]:
        moves = []
        if self._left["switch"]:
            if may_switch:
                moves += [other.name for other in self._able() if other is not actor]
                moves += actor.other_threads()
            moves.append("time passes")
        if self._left["redeliver"]:
            moves.append("redelivery")
        return moves

    def _move(self, actor: Actor, choice: str) -> bool:
        """Let something else happen first; return whether the actor may be left again before its call."""
        if choice == "redelivery":
            self._spend("redeliver", "SQS delivers again")
            self.queue.redeliver()
            self.journal.disturbed()
            return True
        self._spend("switch", f"{actor.label} waits: {choice}")
        if choice == "time passes":
            self._pass_time()
            self.journal.disturbed()
            return True
        if actor.threads is not None and choice in actor.other_threads():
            actor.threads.switch(choice)
            return False
        self._wanted = next(other for other in self.actors if other.name == choice)
        actor.pause()
        if self._is_stopped:
            raise Killed
        return False

    def _stop(self) -> None:
        self._is_stopped = True
        for actor in self.actors:
            if actor.is_running:
                actor.resume()
        self._is_stopped = False  # what begins after the quiet goes on

    def _spend(self, budget: str, event: str) -> None:
        self._left[budget] -= 1
        self.say(f"* {event}")

    def say(self, event: str) -> None:
        self._choices.trace.append(f"{(self.ms - START_MS) / 1_000:7.2f} s  {event}")

    def _pass_time(self) -> None:
        """Move the clock to the next moment at which a lease ends, or a message becomes visible."""
        moments = [message.visible_ms for message in (*self.queue.waiting, *self.dead_letter_queue.waiting)]
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
