"""The journal: notes what happens in a plant, and raises when it must not happen."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

from lambdas.payments.service import Payment
from tests.explorer.sent import Fate, Sent
from tsunagu.contracts.items import Status
from tsunagu.contracts.messages import DEAD_LETTER_REASON_ATTRIBUTE, DEAD_LETTER_SOURCE_ATTRIBUTE, dead_letter_source
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id
from tsunagu.runtime.receiving.relay import AddressedMessage, addressed_messages
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.events.places import QUEUE_ARN
from tsunagu.testing.explorer.item_life import changed_by, judge
from tsunagu.testing.explorer.queues import Stored
from tsunagu.testing.explorer.schedule import Violation
from tsunagu.testing.fakes import START_MS

if TYPE_CHECKING:
    from tests.explorer.plant import Plant
    from tests.explorer.worker import Worker
    from tsunagu.testing.explorer.stage import Actor

ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class Run:
    """One effect outside of DynamoDB.

    Attributes:
        is_open: Its completion is not written yet.
        was_hit: A fault or a pause occurred between effect and completion, or the effect came after its lease.
    """

    payment_id: str
    amount: int
    owner: str
    fencing_token: int
    was_hit: bool
    is_open: bool = True


class Journal:
    """Notes what happens in a plant, and checks it.

    Attributes:
        attempts: Runs of payments that misbehave, and refused sends, by their payment.
        forwards: Messages that were sent on, and the ids that they had.
        disturbances: Crashes, failed calls, forced waits and redeliveries so far.
        kills: How many of them are processes that a business function killed.
        disturbed_ms: When the last of them was over.
        acknowledged_ms: When messages were acknowledged.
        receives: How often messages had been received when they were done, by their ids; of those done after a kill.
    """

    def __init__(self, plant: "Plant") -> None:
        self._plant = plant
        self.sent: dict[str, Sent] = {}
        self.runs: list[Run] = []
        self.refused: list[Run] = []
        self.attempts: Counter[str] = Counter()
        self.forwards: dict[str, set[str]] = {}
        self.disturbances = 0
        self.kills = 0
        self.disturbed_ms = START_MS
        self._done: dict[tuple[str, str], int] = {}
        self._notified: set[str] = set()
        self._originals: dict[str, Sent] = {}
        self._put_back: Counter[str] = Counter()
        self._moved: Counter[str] = Counter()
        self.acknowledged_ms: dict[str, int] = {}
        self.receives: dict[str, int] = {}

    def disturbed(self) -> None:
        self.disturbances += 1
        self.disturbed_ms = self._plant.ms

    def expect(self, sent: Sent) -> None:
        """Note a message that its producer sends."""
        self.sent[sent.id] = sent
        self._originals.setdefault(sent.body, sent)

    def fault(self, actor: "Actor") -> None:
        self.disturbed()
        for run in self.runs:
            run.was_hit |= run.is_open and run.owner == actor.owner

    def killed(self, actor: "Actor") -> None:
        self.kills += 1
        self.fault(actor)

    def time_passed(self) -> None:
        for run in self.runs:
            run.was_hit |= run.is_open

    def forget(self) -> None:
        """Forget the effects, as the table does at the end of the window. The queues are empty by then."""
        self.sent.clear()
        self._done.clear()
        self._originals.clear()
        self.runs.clear()
        self.forwards.clear()
        self._plant.store.effects.clear()

    def started(self, payment_id: str) -> None:
        """Note that a payment begins. It must be able to read what those before it in its group wrote."""
        grouped = [sent for sent in self.sent.values() if sent.group is not None and sent.text is None]
        for sent in takewhile(lambda sent: sent.payment_id != payment_id, grouped):
            if sent.fate is Fate.DONE and not self.amounts(sent.payment_id):
                raise Violation(f"{payment_id}: must begin when {sent.payment_id} before it has taken effect")

    def paid(self, worker: "Worker", payment: Payment, fencing_token: int) -> None:
        """Note an effect outside of DynamoDB. The other system refuses a lower fencing token than one it has seen."""
        is_late = self._plant.ms > worker.lease_end_ms
        run = Run(payment.payment_id, payment.amount, worker.owner, fencing_token, was_hit=is_late)
        earlier = [each for each in self.runs if each.payment_id == run.payment_id]
        if any(each.fencing_token == fencing_token and each.owner != run.owner for each in earlier):
            raise Violation(f"{run.payment_id}: each owner must have another fencing token, got {fencing_token} twice")
        if any(each.fencing_token > fencing_token for each in earlier):
            self.refused.append(run)
        else:
            self.runs.append(run)

    def watch(self, worker: "Actor", item_ids: Sequence[str], write: Callable[[], ResultT]) -> ResultT:
        """Make a write, and check what it changed."""
        result, changes = changed_by(write, self._plant.store.items, item_ids)
        for old, new in changes:
            self._changed(worker, old, new)
        return result

    def forwarded(self, message: AddressedMessage) -> SendResult:
        """Note a message that is sent on. Its effect must stand, and copies must have the same id."""
        body = message.outbox_message.body
        payment_id = body.split("/")[0]
        if not self.amounts(payment_id):
            raise Violation(f"{body}: must be sent on after its effect, got no effect")
        self.forwards.setdefault(body, set()).add(message.deduplication_id)
        if len(self.forwards[body]) > 1:
            raise Violation(f"{body}: copies must have one id, got {self.forwards[body]}")
        return SendResult("sent")

    def refused_to_send(self, message: AddressedMessage) -> None:
        """Note that a message was refused when it was sent on."""
        self.attempts[message.outbox_message.body.split("/")[0]] += 1
        self.disturbed_ms = self._plant.ms  # the messages after it in its group wait for as long

    def put_back(self, copy: Stored) -> None:
        """Note a dead letter that is back in its queue, under an id of its own."""
        original = self._originals[copy.body]
        fate = Fate.DONE if self._plant.is_mended else original.fate
        self.sent[copy.id] = replace(original, id=copy.id, fate=fate)
        self._put_back[copy.body] += 1
        self.disturbed_ms = self._plant.ms

    def letter_deleted(self, letter: Stored) -> None:
        """Note that the mover deleted a dead letter. A copy of it must be back in its queue by then."""
        self._moved[letter.body] += not letter.is_gone
        if self._moved[letter.body] > self._put_back[letter.body]:
            raise Violation(f"{letter.id}: a dead letter must be back in its queue before it is deleted")
        sent = self.sent[source_id(letter)]
        self.sent[sent.id] = replace(sent, fate=Fate.REDRIVEN)

    def acknowledged(self, message_id: str) -> None:
        sent = self.sent[message_id]
        is_done = sent.text is None and sent.done in self._done
        is_dead_lettered = message_id in self._notified
        if sent.fate in {Fate.UNSENT, Fate.REDRIVEN}:  # an item whose effect stands is not marked as notified
            is_dead_lettered |= bool(self.letters(message_id)) and self.is_notified(message_id)
        if not is_done and not is_dead_lettered:
            raise Violation(f"{message_id}: only a message that is done, or dead and notified, may be acknowledged")
        self.acknowledged_ms[message_id] = self._plant.ms

    def amounts(self, payment_id: str) -> list[int]:
        """Amounts with which a payment took effect."""
        runs = [(run.payment_id, run.amount) for run in self.runs]
        return [amount for name, amount in self.ledger() + runs if name == payment_id]

    def ledger(self) -> list[tuple[str, int]]:
        """Payments that took effect in DynamoDB, in order, with their amounts."""
        entries = [effect for effect in self._plant.store.effects if str(effect["entry"]).startswith("PAYMENT#")]
        return [(str(each["entry"]).removeprefix("PAYMENT#"), int(str(each["amount"]))) for each in entries]

    def letters(self, message_id: str) -> list[str]:
        """Reasons of a message's dead letters."""
        found = [each for each in self._plant.dead_letter_queue.waiting if source_id(each) == message_id]
        return [str(letter.attributes.get(DEAD_LETTER_REASON_ATTRIBUTE, "")) for letter in found]

    def is_notified(self, message_id: str) -> bool:
        """Whether a notification lists a message."""
        return any(f'"{message_id}"' in notification for notification in self._plant.notifications)

    def _changed(self, worker: "Actor", old: Item | None, new: Item) -> None:
        judge(worker, old, new, window_seconds=self._plant.setting.window_seconds)
        if old is not None and old.status is Status.COMMITTED and new.status is Status.COMPLETED:
            self._check_sent_on(old)
        if new.status is Status.COMPLETED:
            self._done.setdefault((new.id, new.payload_hash), self._plant.ms)
            if self.kills:
                self._note_receives(new)
            for run in self.runs:
                run.is_open &= item_id("payments", run.payment_id) != new.id
        self._notified |= set(new.told)

    def _note_receives(self, done: Item) -> None:
        """Count the receives until here: the killer beside a message that is done takes its acknowledgement along."""
        for message in self._plant.queue.messages:
            if item_id("payments", self.sent[message.id].payment_id) == done.id:
                self.receives.setdefault(message.id, message.receives)

    def _check_sent_on(self, item: Item) -> None:
        unsent = [body for each in addressed_messages(item) if (body := each.outbox_message.body) not in self.forwards]
        if unsent:
            raise Violation(f"{item.id}: must send all messages before it is COMPLETED, got {unsent} unsent")

    def answered(self, group: Sequence[Stored]) -> None:
        """Check that all messages of one group come back at the same time, because one in flight blocks the group."""
        if not self.disturbances and len({message.visible_ms for message in group}) > 1:
            raise Violation(f"{[message.id for message in group]}: a group that comes back must come back together")


def source_id(letter: Stored) -> str:
    """Return the id that a dead letter had in the queue that it came from."""
    source = str(letter.attributes[DEAD_LETTER_SOURCE_ATTRIBUTE])
    return source.removeprefix(dead_letter_source(QUEUE_ARN, ""))
