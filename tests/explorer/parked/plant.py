"""The plant of a parked group: a FIFO queue, its dead-letter queue, workers, a producer and an operator."""

import json
from collections.abc import Iterable, Sequence

from tests.explorer.parked.journal import ParkedJournal
from tests.explorer.parked.operator import Operator, Order
from tests.explorer.parked.setting import GROUP, Arrival, ParkedSetting
from tests.explorer.parked.worker import ParkingWorker
from tsunagu.contracts.messages import place_in
from tsunagu.runtime.idempotency.parked_groups import ParkedGroup
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.events.places import QUEUE_ARN
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.queues import Queue, SourceQueue
from tsunagu.testing.explorer.sandbox import VISIBILITY_SECONDS
from tsunagu.testing.explorer.schedule import Choices, Violation
from tsunagu.testing.explorer.stage import Actor, Stage

HIDDEN_SECONDS = 60
MAX_RECEIVES = 100
SPENT = SendResult(None, "TaskTimedOut: spent", is_permanent=True)


class Producer(Actor):
    """Sends messages to the queue, one after the other, at any time."""

    plant: "ParkedPlant"

    def __init__(self, plant: "ParkedPlant") -> None:
        super().__init__("producer", plant)
        self.left: list[Arrival] = []

    def begin(self) -> None:
        """Send the next message."""
        arrival = self.left.pop(0)
        self.plant.say(f"producer sends {arrival.key}")
        self.plant.put(arrival)


class ParkedPlant(Stage):
    """A group and all that act on it."""

    journal: ParkedJournal

    def __init__(self, setting: ParkedSetting, bounds: Bounds, choices: Choices) -> None:
        super().__init__(bounds, choices)
        self.setting = setting
        self.queue = SourceQueue(lambda: self.ms, visibility_seconds=VISIBILITY_SECONDS, max_receives=MAX_RECEIVES)
        self.dead_letter_queue = Queue("dead", lambda: self.ms, visibility_seconds=HIDDEN_SECONDS)
        self.notifications: list[str] = []
        self.is_mended = False
        self.journal = ParkedJournal(self)
        self.workers = [ParkingWorker(name, self) for name in ("w1", "w2")]
        self.operator = Operator(self)
        self.producer = Producer(self)
        for arrival in setting.at_first:
            self.put(arrival)

    @property
    def group(self) -> ParkedGroup:
        """The group, as its item says."""
        return self.store.groups.group(QUEUE_ARN, GROUP)

    @property
    def head_key(self) -> str:
        """Key of the message that the group waits for."""
        settled = {*self.journal.effects(), *self.journal.discarded}
        return next(key for key in self.journal.sent if key not in settled)

    @property
    def actors(self) -> Sequence[Actor]:
        """Who acts."""
        return [*self.workers, self.producer, self.operator]

    def put(self, arrival: Arrival) -> None:
        """Send a message to the queue."""
        message_id = f"{arrival.key}-{len(self.journal.sent) + 1}"
        stored = self.queue.put(OutgoingMessage(body=arrival.body, group_id=GROUP), message_id)
        assert stored is not None
        self.journal.expect(arrival.key, stored)

    def ask(self, order: Order) -> None:
        """Ask the operator to do something, while the producer goes on."""
        self.operator.give(order)
        self.producer.left += self.setting.later if not self._later_sent else ()
        self._later_sent = True

    _later_sent = False

    def put_back(self, message: OutgoingMessage) -> SendResult:
        """Take a dead letter that is sent back."""
        copy = self.queue.put(message)
        if copy is not None:
            self.journal.put_back.add(place_in(copy.deduplication_id))
        return SendResult("sent")

    def send_on(self, message: AddressedMessage) -> SendResult:
        """Take a message of an outbox, unless it is refused until the plant is mended."""
        body = message.outbox_message.body
        if body in self.setting.unsendable and not self.is_mended:
            return SPENT
        self.journal.forwarded(body)
        return SendResult("sent")

    def check(self) -> None:
        """Check that the letters are those of the group, in order, and that nothing is lost."""
        group = self.group
        letters = self.dead_letter_queue.waiting
        numbers = [group.number_of(place_in(letter.deduplication_id)) for letter in letters]
        missing = [number for number in range(group.head, group.tail) if number not in numbers]
        if missing:
            raise Violation(f"each number of a parked group must be in the dead-letter queue, got {missing} lost")
        settled = {*self.journal.effects(), *self.journal.discarded}
        left = [key for key in self.journal.sent if key not in settled]
        bodies = [json.loads(letter.body).get("key") for letter in letters if letter.body.startswith("{")]
        lost = [key for key in left if key not in bodies and key not in self._unreadable()]
        if lost:
            raise Violation(f"a message must take effect, or be in the dead-letter queue, got {lost} lost")
        if not group.is_parked and left:
            raise Violation(f"a group must be parked while messages wait, got {left}")
        if self.queue.set_aside:
            raise Violation(
                f"the receiver must decide about a message, got {self.queue.set_aside} dead-lettered by SQS"
            )

    def check_open(self) -> None:
        """Check that all is settled.

        Raises:
            Violation: It is not.
        """
        settled = {*self.journal.effects(), *self.journal.discarded}
        left = [key for key in self.journal.sent if key not in settled]
        group = self.group
        # The letter of a message that is settled may stay, if its delete failed: a redrive acknowledges it.
        places = [group.number_of(place_in(letter.deduplication_id)) for letter in self.dead_letter_queue.waiting]
        letters = [number for number in places if number is None or number >= group.head]
        if left or group.is_parked or letters:
            raise Violation(f"a redriven group must be open and empty, got {left} left, letters {letters}, {group}")

    def _unreadable(self) -> set[str]:
        return {each.key for each in (*self.setting.at_first, *self.setting.later) if each.text is not None}

    def left_over(self) -> list[str]:
        """Name what is left to be done."""
        left = [message.id for message in self.queue.waiting]
        left += [f"arrival of {each.key}" for each in self.producer.left]
        return [*left, "what the operator was asked"] if self.operator.has_work else left

    def idle(self) -> Iterable[Actor]:
        """Return the actors that could begin something now."""
        if self.queue.receivable():
            yield from [worker for worker in self.workers if not worker.is_running][:1]
        if self.producer.left:
            yield self.producer
        if not self.operator.is_running and self.operator.can_work:
            yield self.operator

    def begin(self, actor: Actor) -> None:
        """Let an actor begin."""
        if isinstance(actor, ParkingWorker):
            actor.receive(self.setting.batch_size)
        elif isinstance(actor, Producer | Operator):
            actor.begin()

    def moments(self) -> Iterable[int]:
        """Return when messages are visible again."""
        return [message.visible_ms for message in (*self.queue.waiting, *self.dead_letter_queue.waiting)]

    def redeliver(self) -> None:
        """Deliver nothing: a FIFO queue delivers again after the visibility time-out alone."""
