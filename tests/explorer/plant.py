"""The plant: a queue, its dead-letter queue and a topic, and workers that run the real receiver on them."""

from collections.abc import Iterable, Sequence

from tests.explorer.journal import Journal
from tests.explorer.mover import Mover
from tests.explorer.promises import Promises
from tests.explorer.sent import Sent
from tests.explorer.setting import Setting
from tests.explorer.worker import Worker
from tsunagu.contracts.items import NEVER, Status
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.item_life import LONGEST_SKEW_SECONDS
from tsunagu.testing.explorer.queues import Queue, SourceQueue
from tsunagu.testing.explorer.sandbox import VISIBILITY_SECONDS
from tsunagu.testing.explorer.schedule import Choices
from tsunagu.testing.explorer.stage import Actor, Stage
from tsunagu.testing.fakes import FakeItemStore

HIDDEN_SECONDS = 60  # a letter that the mover received


class StoreOfReleases(FakeItemStore):
    """A table in which another release has written some items, in a form that this one cannot read.

    Args:
        unreadable: Ids of these items.
    """

    def __init__(self, unreadable: Iterable[str]) -> None:
        super().__init__()
        self._unreadable = {
            item_id: Item(id=item_id, status=Status.COMPLETED, owner="another", fence=1, lease=NEVER)
            for item_id in unreadable
        }
        self.items.update(self._unreadable)

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items; those of the other release are unreadable."""
        verdict = Verdict(Outcome.UNREADABLE, unreadable="its attribute status must be another")
        found = zip(item_ids, super().read(item_ids), strict=True)
        return [verdict if item_id in self._unreadable else item for item_id, item in found]


class Plant(Stage):
    """All that workers and the mover share."""

    journal: Journal

    def __init__(self, setting: Setting, bounds: Bounds, choices: Choices) -> None:
        super().__init__(bounds, choices)
        self.setting = setting
        self.store = StoreOfReleases(item_id("payments", payment_id) for payment_id in setting.unreadable)
        self.queue = SourceQueue(
            lambda: self.ms, visibility_seconds=VISIBILITY_SECONDS, max_receives=setting.max_receives
        )
        self.dead_letter_queue = Queue("dead", lambda: self.ms, visibility_seconds=HIDDEN_SECONDS)
        self.notifications: list[str] = []
        self.is_mended = False
        self.journal = Journal(self)
        self.workers = [Worker(f"w{n}", self, skew) for n, skew in enumerate(setting.skew_ms, start=1)]
        self.mover = Mover(self)

    @property
    def actors(self) -> Sequence[Actor]:
        return [*self.workers, self.mover]

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

    def send_on(self, message: AddressedMessage) -> SendResult:
        """Take a message of an outbox, unless it is one that is refused."""
        refusal = self.setting.refusals.get(message.outbox_message.body)
        if refusal is not None and not self.is_mended:
            self.journal.refused_to_send(message)
            return refusal
        return self.journal.forwarded(message)

    def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        self.ms += milliseconds
        self.journal.time_passed()
        self.journal.disturbed()

    def forget(self) -> None:
        """Let the window of all items end. TTL deletes them, and the same keys are new again."""
        self.ms += (self.setting.window_seconds + LONGEST_SKEW_SECONDS) * 1_000
        self.store.items.clear()
        for queue in (self.queue, self.dead_letter_queue):
            queue.messages.clear()  # a message is kept for less long
        self.journal.forget()

    def check(self) -> None:
        Promises(self).check()

    def left_over(self) -> list[str]:
        left = [message.id for message in self.queue.waiting]
        return [*left, "dead letters to be moved"] if self.mover.has_work else left

    def idle(self) -> Iterable[Actor]:
        if self.queue.receivable():
            yield from [worker for worker in self.workers if not worker.is_running][:1]
        if not self.mover.is_running and self.mover.can_work:
            yield self.mover

    def begin(self, actor: Actor) -> None:
        if isinstance(actor, Worker):
            actor.receive(self.setting.batch_size)
        elif isinstance(actor, Mover):
            actor.begin()

    def moments(self) -> Iterable[int]:
        return [message.visible_ms for message in (*self.queue.waiting, *self.dead_letter_queue.waiting)]

    def redeliver(self) -> None:
        self.queue.redeliver()

    def pass_time(self) -> None:
        super().pass_time()
        if self.setting.deletes_abandoned:
            kept = {item.id: item for item in self.store.items.values() if not self._is_abandoned(item)}
            self.store.items = kept

    def _is_abandoned(self, item: Item) -> bool:
        return item.status is Status.INPROGRESS and item.lease < self.ms
