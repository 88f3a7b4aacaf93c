"""The journal of a parked group: raises when an effect overtakes, is doubled, or a message is lost."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from tests.explorer.journal import source_id
from tsunagu.contracts.messages import DEAD_LETTER_SOURCE_ATTRIBUTE, place_in
from tsunagu.testing.explorer.item_life import changed_by, judge
from tsunagu.testing.explorer.queues import Stored
from tsunagu.testing.explorer.schedule import Violation

if TYPE_CHECKING:
    from tests.explorer.parked.plant import ParkedPlant
    from tsunagu.testing.explorer.stage import Actor

ResultT = TypeVar("ResultT")

WINDOW_SECONDS = 3_600


class ParkedJournal:
    """Notes what happens to a group, and checks it.

    Attributes:
        sent: Keys of the messages, in the order in which their producer sent them.
        discarded: Keys of messages that an operator gave up.
        put_back: Places that an operator put back into the queue.
    """

    def __init__(self, plant: "ParkedPlant") -> None:
        self._plant = plant
        self.sent: list[str] = []
        self.discarded: set[str] = set()
        self.put_back: set[str] = set()
        self.forwards: list[str] = []
        self._keys: dict[str, str] = {}
        self._seen = 0

    def disturbed(self) -> None:
        """Note nothing: what is checked holds at any time."""

    def fault(self, actor: "Actor") -> None:
        """Note nothing."""

    def time_passed(self) -> None:
        """Note nothing."""

    def expect(self, key: str, stored: Stored) -> None:
        """Note a message that its producer sends."""
        self.sent.append(key)
        self._keys[stored.id] = key

    def effects(self) -> list[str]:
        """Keys of the messages that took effect, in order."""
        return [str(effect["key"]) for effect in self._plant.store.effects]

    def started(self, key: str) -> None:
        """Note that the business function is called: all that was sent before must be settled."""
        self._check_turn(key, "begin")

    def watch(self, actor: "Actor", item_ids: Sequence[str], write: Callable[[], ResultT]) -> ResultT:
        """Make a write, and check what it changed."""
        result, changes = changed_by(write, self._plant.store.items, item_ids)
        for old, new in changes:
            judge(actor, old, new, window_seconds=WINDOW_SECONDS)
        effects = self.effects()
        for number, key in enumerate(effects[self._seen :], start=self._seen):
            if key in effects[:number]:
                raise Violation(f"{key}: must take effect once, got twice")
            self._check_turn(key, "take effect")
        self._seen = len(effects)
        return result

    def _check_turn(self, key: str, what: str) -> None:
        if key in self.discarded:
            raise Violation(f"{key}: was discarded and must not {what}")
        settled = {*self.effects(), *self.discarded}
        before = self.sent[: self.sent.index(key)]
        waiting = [each for each in before if each not in settled]
        if waiting:
            raise Violation(f"{key}: must {what} after {waiting}, got it before")

    def forwarded(self, body: str) -> None:
        """Note a message that is sent on, in the order of the group."""
        if body not in self.forwards:
            self.forwards.append(body)
        self._check_turn(body, "be sent on")

    def acknowledged(self, message_id: str) -> None:
        """Check that a message which SQS deletes is done, is in the dead-letter queue, or was discarded."""
        stored = next(each for each in self._plant.queue.messages if each.id == message_id)
        key = self._keys.get(message_id)
        letters = [each for each in self._plant.dead_letter_queue.messages if _is_of(each, message_id)]
        settled = {*self.effects(), *self.discarded}
        is_settled = key in settled or self._was_settled(stored)
        if not letters and not is_settled:
            raise Violation(f"{message_id}: only what is done, dead-lettered or discarded may be acknowledged")

    def _was_settled(self, stored: Stored) -> bool:
        group = self._plant.group
        number = group.number_of(place_in(stored.deduplication_id))
        return number is not None and number < group.head

    def letter_deleted(self, letter: Stored) -> None:
        """Check that a letter which an operator deletes is back in the queue, or was settled."""
        place = place_in(letter.deduplication_id)
        number = self._plant.group.number_of(place)
        is_settled = number is not None and number < self._plant.group.head
        if place not in self.put_back and not is_settled:
            raise Violation(f"{letter.id}: a letter must be back in its queue before it is deleted, got {place}")


def _is_of(letter: Stored, message_id: str) -> bool:
    return DEAD_LETTER_SOURCE_ATTRIBUTE in letter.attributes and source_id(letter) == message_id
