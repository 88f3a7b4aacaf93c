"""The plant of accepted requests: clients, table, stream, pipe, queue, workers, bucket, topic, sweepers, operator."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from tests.explorer.mover import Mover
from tests.explorer.requests.journal import ENDED, RequestJournal, letter_item_id
from tests.explorer.requests.outside import Client, Pipe
from tests.explorer.requests.promises import RequestPromises
from tests.explorer.requests.setting import SCOPE, SHARD, Part, Post, RequestSetting
from tests.explorer.requests.sweeping import SweeperProcess
from tests.explorer.requests.table import RequestTable
from tests.explorer.requests.worker import RequestWorker
from tsunagu.contracts.messages import DEAD_LETTER_REASON_ATTRIBUTE
from tsunagu.contracts.requests import open_partition
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.queues import Queue, SourceQueue, Stored
from tsunagu.testing.explorer.schedule import Choices
from tsunagu.testing.explorer.stage import NOTHING, Actor, Stage
from tsunagu.testing.fakes import START_MS, Killed
from tsunagu.testing.requests import FakeResultStore

ResultT = TypeVar("ResultT")

HIDDEN_SECONDS = 60  # a letter that somebody looked at
AFTER_THE_DEADLINE_MS = 30_000
WORKERS = 2


class QueueWithDeadLetters(SourceQueue):
    """A queue whose messages SQS itself moves, after too many receives. They keep their ids and the time of their send.

    Args:
        dead_letter_queue: Where it moves them.
    """

    def __init__(
        self, now_ms: Callable[[], int], dead_letter_queue: Queue, *, visibility_seconds: int, max_receives: int
    ) -> None:
        super().__init__(now_ms, visibility_seconds=visibility_seconds, max_receives=max_receives, name="request")
        self._dead_letter_queue = dead_letter_queue

    def receive(self, most: int) -> list[Stored]:
        """Receive messages, after those that were received too often are moved."""
        known = len(self.set_aside)
        received = super().receive(most)
        for message_id in self.set_aside[known:]:
            moved = next(message for message in self.messages if message.id == message_id)
            letter = Stored(id=moved.id, body=moved.body, attributes=moved.attributes, sent_ms=moved.sent_ms)
            self._dead_letter_queue.messages.append(letter)
        return received


class RequestPlant(Stage):
    """All that takes part in accepted requests."""

    store: RequestTable
    journal: RequestJournal

    def __init__(self, setting: RequestSetting, bounds: Bounds, choices: Choices) -> None:
        self._freezes = setting.freezes
        self.setting = setting
        super().__init__(bounds, choices)
        self.store = RequestTable(setting.rules.resend_after_seconds * 1_000)
        self.results = FakeResultStore()
        self.stream: list[str] = []
        self.dead_letter_queue = Queue("dead", lambda: self.ms, visibility_seconds=HIDDEN_SECONDS)
        self.queue = QueueWithDeadLetters(
            lambda: self.ms,
            self.dead_letter_queue,
            visibility_seconds=setting.rules.visibility_timeout_seconds,
            max_receives=setting.max_receives,
        )
        self.notifications: list[str] = []
        self.partitions = {open_partition(SCOPE, SHARD)}
        self.is_mended = False
        self.may_send_early = False
        self.journal = self.new_journal()
        self.clients: list[Client] = []
        self.mover = Mover(self)
        self._pipe = Pipe(self)
        self._workers = [self.new_worker(f"w{number}") for number in range(1, WORKERS + 1)]
        self._sweepers = [SweeperProcess(f"s{number}", self) for number in range(1, setting.sweepers + 1)]
        self._workers_start_ms = START_MS + setting.workers_start_ms
        self._frozen: dict[str, int] = {}
        self._redrives_ms = None if setting.redrive_ms is None else START_MS + setting.redrive_ms

    def new_journal(self) -> RequestJournal:
        """Return what watches it."""
        return RequestJournal(self)

    def new_worker(self, name: str) -> RequestWorker:
        """Return a worker."""
        return RequestWorker(name, self)

    @property
    def actors(self) -> Sequence[Actor]:
        return [*self.clients, self._pipe, *self._workers, *self._sweepers, self.mover]

    def post(self, posts: Sequence[Post]) -> None:
        """Let clients come."""
        self.clients += [Client(self, post) for post in posts]

    def publish(self, message: AddressedMessage) -> SendResult:
        """Take a completion of a worker, unless the topic refuses it."""
        refusal, refused_ms = self.setting.refusal, self.setting.refused_ms
        is_over = self.is_mended or (refused_ms is not None and self.ms >= START_MS + refused_ms)
        if refusal is not None and not is_over:
            return refusal
        self.journal.published_by_worker(message)
        return SendResult("sent")

    def redrive(self) -> None:
        """Ask the operator to put back what is in the dead-letter queue."""
        self.mover.ask()

    def put_back(self, message: OutgoingMessage) -> SendResult:
        """Take a letter that is sent back."""
        self.queue.put(message)
        self.journal.put_back(message.body)
        return SendResult("sent")

    def check(self) -> None:
        RequestPromises(self).check()

    # --- who can act ---------------------------------------------------------------------------

    def left_over(self) -> list[str]:
        left = [message.id for message in self.queue.waiting]
        left += [client.name for client in self.clients if client.has_plans]
        left += [record.item.id for record in self.store.records() if record.partition]
        left += self.stream if self._pipe.has_work else []
        return [*left, "letters to be moved"] if self.mover.has_work else left

    def idle(self) -> Iterable[Actor]:
        """Who meets no trouble begins when nobody else can do anything: its order of events changes nothing then."""
        idle = [*self._idle()]
        troubled = [actor for actor in idle if self.part(actor) in self.setting.troubled]
        is_anybody_at_it = any(self.part(actor) in self.setting.troubled for actor in self._running())
        return troubled if troubled or is_anybody_at_it else idle[:1]

    def _running(self) -> list[Actor]:
        return [actor for actor in self.actors if actor.is_running and not self._is_frozen(actor)]

    def _idle(self) -> Iterable[Actor]:
        for client in self.clients:
            if not client.is_running and client.has_plans and client.next_ms <= self.ms:
                yield client
        if not self._pipe.is_running and self._pipe.has_work and self._pipe.next_ms <= self.ms:
            yield self._pipe
        if self.is_work_waiting() and self.ms >= self._workers_start_ms:
            yield from [worker for worker in self._workers if not worker.is_running][:1]
        if self._is_anything_due():
            yield from [each for each in self._sweepers if not each.is_running and each.next_ms <= self.ms][:1]
        is_asked = self._redrives_ms is not None and self.ms >= self._redrives_ms
        if (is_asked and self.dead_letter_queue.receivable()) or (not self.mover.is_running and self.mover.can_work):
            yield self.mover

    def is_work_waiting(self) -> bool:
        """Whether a worker could begin something now."""
        return bool(self.queue.receivable())

    def _is_anything_due(self) -> bool:
        is_due = any(record.partition and record.due_ms <= self.ms for record in self.store.records())
        return is_due or bool(self.new_letters())

    def new_letters(self) -> list[Stored]:
        """Return letters that a sweeper would settle now: without a reason, of requests that have not ended."""
        return [letter for letter in self.dead_letter_queue.receivable() if self.is_unsettled(letter)]

    def is_unsettled(self, letter: Stored) -> bool:
        """Return whether a letter has no reason, and its request has not ended since."""
        return DEAD_LETTER_REASON_ATTRIBUTE not in letter.attributes and self._is_open(letter)

    def _is_open(self, letter: Stored) -> bool:
        record = self.store.find(letter_item_id(letter.body))
        if record is None:  # an event that no worker ever recorded
            return True
        return record.shown_status(self.ms) not in ENDED and letter.sent_ms > record.reopened_ms

    def begin(self, actor: Actor) -> None:
        if isinstance(actor, RequestWorker):
            actor.receive(self.setting.batch_size)
            return
        if isinstance(actor, Mover) and self._redrives_ms is not None and self.ms >= self._redrives_ms:
            self._redrives_ms = None
            actor.ask()
        if isinstance(actor, Client | Pipe | SweeperProcess | Mover):
            actor.begin()

    def moments(self) -> Iterable[int]:
        yield from (message.visible_ms for message in (*self.queue.waiting, *self.dead_letter_queue.waiting))
        yield from (client.next_ms for client in self.clients if client.has_plans)
        yield from [self._pipe.next_ms] if self._pipe.has_work else []
        yield from self._frozen.values()
        yield self._workers_start_ms
        yield from [] if self._redrives_ms is None else [self._redrives_ms]
        sweep_ms = min(sweeper.next_ms for sweeper in self._sweepers)
        if self.new_letters():
            yield sweep_ms
        yield from (max(sweep_ms, record.due_ms) for record in self.store.records() if record.partition)

    def redeliver(self) -> None:
        self.queue.redeliver()

    def pass_time(self) -> None:
        self.may_send_early |= any(sweeper.is_running for sweeper in self._sweepers)
        super().pass_time()

    # --- trouble -------------------------------------------------------------------------------

    def allow(self, bounds: Bounds) -> None:
        super().allow(bounds)
        self._left["freeze"] = self._freezes

    def point(
        self,
        actor: Actor,
        call: str,
        apply: Callable[[], ResultT],
        *,
        faults: Sequence[str] = ("die before", "die after"),
        failures: Mapping[str, Callable[[], ResultT]] = NOTHING,
    ) -> ResultT:
        """Make a call. A worker may be frozen before it, until after the deadline."""
        if self.part(actor) not in self.setting.troubled:
            self.say(f"{actor.label} {call}")
            return apply()
        if isinstance(actor, RequestWorker) and self._left["freeze"] and self.pick(["go", "freeze"]) == "freeze":
            self._freeze(actor, call)
        counted = {name: self._noting(call, failure) for name, failure in failures.items()}
        return super().point(actor, call, apply, faults=faults, failures=counted)

    def _noting(self, call: str, failure: Callable[[], ResultT]) -> Callable[[], ResultT]:
        def note() -> ResultT:
            self.may_send_early |= call.startswith(("sends again", "sets resends"))
            return failure()

        return note

    def _freeze(self, worker: RequestWorker, call: str) -> None:
        self._spend("freeze", f"{worker.label} {call}: is frozen before it")
        self._frozen[worker.name] = self.ms + self.setting.rules.deadline_seconds * 1_000 + AFTER_THE_DEADLINE_MS
        self.journal.disturbed()
        worker.pause()
        del self._frozen[worker.name]
        if self._is_stopped:
            raise Killed

    def _is_frozen(self, actor: Actor) -> bool:
        return self._frozen.get(actor.name, 0) > self.ms

    def _able(self) -> list[Actor]:
        return [*self._running(), *self.idle()]

    def part(self, actor: Actor) -> Part:
        """Return which part an actor plays."""
        if isinstance(actor, Client):
            return Part.GATEWAY
        if isinstance(actor, Pipe):
            return Part.PIPE
        if isinstance(actor, SweeperProcess):
            return Part.SWEEPERS
        return Part.MOVER if isinstance(actor, Mover) else Part.WORKERS
