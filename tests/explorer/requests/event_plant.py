"""The plant of requests that the gateway hands over as events: Lambda's queue takes the place of pipe and queue."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tests.explorer.requests.event_queue import Invocation, LambdaQueue
from tests.explorer.requests.journal import ENDED, RequestJournal, letter_item_id
from tests.explorer.requests.outside import ACCEPTED, ASKS_AGAIN_MS, UNKNOWN, Client
from tests.explorer.requests.plant import RequestPlant
from tests.explorer.requests.promises import RequestPromises
from tests.explorer.requests.setting import CALLER, MINUTE_MS, SCOPE, Part, Post
from tests.explorer.requests.worker import RequestWorker
from tsunagu.contracts.messages import DEAD_LETTER_REASON_ATTRIBUTE
from tsunagu.contracts.requests import EVENT_MARK, EVENT_VERSION, ShownStatus, request_item_id
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.requests.receiver import RequestNotDoneError
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.testing.explorer.ports import last
from tsunagu.testing.explorer.sandbox import FUNCTION_TIMEOUT_SECONDS, GRACE_SECONDS
from tsunagu.testing.explorer.schedule import Violation

if TYPE_CHECKING:
    from tsunagu.testing.explorer.stage import Actor

KILLED = "Runtime.ExitError"
MANY = 2  # one fault never takes all tries
GIVEN_UP, LATE = "Lambda gave the event up", "no end within the deadline"


def _item_id(invocation: Invocation) -> str:
    return request_item_id(SCOPE, invocation.event["caller"], invocation.event["request_id"])


class EventClient(Client):
    """Somebody who posts until the gateway has handed the event over. The gateway looks at no record."""

    plant: "EventPlant"

    def _post(self) -> None:
        plant, post = self.plant, self.post
        event = {
            EVENT_MARK: EVENT_VERSION,
            "request_id": post.request_id,
            "caller": CALLER,
            "body": post.body,
            "content_type": "application/json",
            "accepted": plant.ms,
        }

        def apply() -> int:
            plant.events.put(event)
            return ACCEPTED

        failures = {"unavailable": lambda: UNKNOWN, "unanswered": lambda: last(apply(), UNKNOWN)}
        code = plant.point(self, "posts", apply, faults=(), failures=failures)
        if code == UNKNOWN:
            self.next_ms = plant.ms + ASKS_AGAIN_MS
            return
        self.answer = code
        plant.journal.bodies[self.item_id].add(post.body)


class EventWorker(RequestWorker):
    """Works on events, one at a time."""

    plant: "EventPlant"

    def __init__(self, name: str, plant: "EventPlant") -> None:
        super().__init__(name, plant)
        self._taken: tuple[Invocation, int] | None = None

    def receive(self, most: int) -> None:  # noqa: ARG002 - Lambda hands over one event
        """Begin a try of the next event."""
        taken = self.plant.events.take()
        self._taken = taken, taken.tries
        self.plant.say(f"{self.name} takes {taken.name}")
        self._receiver = self._receiver or self.new_receiver()
        self.lease_end_ms = self.plant.ms + (FUNCTION_TIMEOUT_SECONDS + GRACE_SECONDS) * 1_000
        self.start(self._try)

    def died(self) -> None:
        """Forget the process; Lambda sees that it ended."""
        super().died()
        if self._taken is not None:
            self.plant.events.failed(*self._taken, KILLED)

    def _try(self) -> None:
        assert self._receiver is not None
        assert self._taken is not None
        plant, (taken, number) = self.plant, self._taken
        try:
            self._receiver.receive(taken.event, self)
        except (RequestNotDoneError, UnavailableError) as error:
            name = type(error).__name__
            plant.point(self, "fails", lambda: plant.events.failed(taken, number, name), faults=())
            return

        def answer() -> None:
            plant.journal.handled(taken)
            plant.events.succeeded(taken, number)

        plant.point(self, "answers", answer, faults=("die before",))


class EventJournal(RequestJournal):
    """Watches a plant where the gateway looks at no record.

    Attributes:
        bodies: Bodies of what the gateway answered with 202, by the id of the record.
    """

    def __init__(self, plant: "EventPlant") -> None:
        super().__init__(plant)
        self.bodies: defaultdict[str, set[str]] = defaultdict(set)

    def handled(self, invocation: Invocation) -> None:
        """Judge an event that its worker says is done: its request has ended, or is one with another body."""
        record = self._plant.store.find(_item_id(invocation))
        if record is None:
            raise Violation(f"{invocation.name}: must be recorded before it is done, got no record")
        shown = record.shown_status(self._plant.ms)
        if record.body == invocation.event["body"] and shown not in ENDED:
            raise Violation(f"{invocation.name}: may be done when its request has ended, got {shown}")


class EventPromises(RequestPromises):
    """Checks the promises of a plant of events: they are weaker."""

    _plant: "EventPlant"

    def _check_accepted(self) -> None:
        """Check that there is a record, with a body that was accepted; or Lambda could not tell of the event's end."""
        lost = {_item_id(each) for each in self._plant.events.lost}
        for item_id, bodies in self._plant.journal.bodies.items():
            record = self._plant.store.find(item_id)
            if record is None and item_id not in lost:
                raise Violation(f"{item_id}: what was accepted must not be lost, got no record")
            if record is not None and record.body not in bodies:
                raise Violation(f"{item_id}: must have a body of {bodies}, got {record.body}")

    def _check_ending(self, record: RequestRecord, status: ShownStatus, may_end: frozenset[ShownStatus]) -> None:
        """Check how a request ended. If much went wrong, it may also fail because Lambda gave an event of it up."""
        is_given_up = self._journal.disturbances >= MANY and any(
            _item_id(each) == record.item.id for each in self._plant.events.given_up
        )
        if not (is_given_up and status is ShownStatus.FAILED and record.reason.startswith((GIVEN_UP, LATE))):
            super()._check_ending(record, status, may_end)

    def _check_letters(self) -> None:
        """Check that a letter of a worker tells of a request that failed.

        One of Lambda may tell of a request that has ended: its last worker was killed after that, or another event of
        the same request was worked on.
        """
        failed = {each.item_id for each in self._journal.endings if each.status is ShownStatus.FAILED}
        for letter in self._plant.dead_letter_queue.waiting:
            item_id = letter_item_id(letter.body)
            is_of_a_worker = DEAD_LETTER_REASON_ATTRIBUTE in letter.attributes
            if (is_of_a_worker and item_id not in failed) or self._plant.store.find(item_id) is None:
                raise Violation(f"{letter.id}: a dead letter must be of a request that has ended as it says")


class EventPlant(RequestPlant):
    """All that takes part in requests that the gateway hands over."""

    journal: EventJournal

    def post(self, posts: Sequence[Post]) -> None:
        """Let clients come."""
        self.clients += [EventClient(self, post) for post in posts]

    def check(self) -> None:
        EventPromises(self).check()

    def new_journal(self) -> EventJournal:
        """Return what watches it; its queue of events comes with it."""
        assert self.setting.retries is not None
        self.events = LambdaQueue(self, retries=self.setting.retries, maximum_age_ms=self.setting.maximum_age_ms)
        return EventJournal(self)

    def new_worker(self, name: str) -> EventWorker:
        """Return a worker."""
        return EventWorker(name, self)

    @property
    def actors(self) -> "Sequence[Actor]":
        return [*super().actors, self.events]

    def left_over(self) -> list[str]:
        letters = [letter.id for letter in self.dead_letter_queue.waiting if self.is_unsettled(letter)]
        return [*super().left_over(), *letters, *(each.name for each in self.events.waiting)]

    def _idle(self) -> "Iterable[Actor]":
        yield from super()._idle()
        if not self.events.is_running and self.events.has_work:
            yield self.events

    def is_work_waiting(self) -> bool:
        """Whether a worker could begin something now."""
        return bool(self.events.startable())

    def begin(self, actor: "Actor") -> None:
        if isinstance(actor, LambdaQueue):
            actor.begin()
        else:
            super().begin(actor)

    def moments(self) -> Iterable[int]:
        yield from super().moments()
        yield from self.events.moments()

    def pass_time(self) -> None:
        """Move the clock; where somebody is made to wait meanwhile, by a minute at most."""
        latest_ms = self.ms + MINUTE_MS
        super().pass_time()
        if any(actor.is_running for actor in self.actors):
            self.ms = min(self.ms, latest_ms)

    def redeliver(self) -> None:
        self.events.redeliver()

    def part(self, actor: "Actor") -> Part:
        """Return which part an actor plays."""
        return Part.PIPE if isinstance(actor, LambdaQueue) else super().part(actor)
