"""Follows dead letters that were sent back: which were processed, which died again, which are not known yet."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tsunagu.contracts.items import Status
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.idempotency.item import Item

PARKED = "parked behind"  # how the reason of a message begins that waits for another one of its group
LOOK_EVERY_MS = 1_000
# The counts of a queue are approximate, and right about a minute after the last change.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
DRAINED_SECONDS = 60


class Fate(StrEnum):
    """What became of a letter that was sent back."""

    WAITING = "not known yet"
    RESOLVED = "resolved"
    DIED_AGAIN = "died again"
    PARKED_AGAIN = "parked again"  # its group waits for another one


@dataclass(slots=True)
class Followed:
    """A letter that was sent back.

    Attributes:
        letter: The letter.
        message_id: Id of the message or the invocation that it is now.
        fate: What became of it.
        reason: Why it died again; empty otherwise.
    """

    letter: DeadLetter
    message_id: str
    fate: Fate = Fate.WAITING
    reason: str = ""


class ItemReader(Protocol):
    """Reads items of the idempotency table."""

    def read(self, item_ids: Sequence[str]) -> Mapping[str, Item]:
        """Return the items that exist and can be read, by their ids. No failure is raised."""
        ...


class NoItems:
    """Finds no item: there is no table, or it may not be read."""

    def read(self, item_ids: Sequence[str]) -> Mapping[str, Item]:  # noqa: ARG002 - the protocol's
        """Return nothing."""
        return {}


class Surroundings(Protocol):
    """What is known of messages without an item: the queue that they went to, and the dead-letter queue."""

    def is_drained(self) -> bool | None:
        """Return whether nothing waits and nothing is in flight where letters go; None where nothing can say it."""
        ...

    def look_at_letters(self) -> tuple[Iterable[DeadLetter], bool]:
        """Return the letters that are in the dead-letter queue, and whether these are all. They stay there."""
        ...


class Followers:
    """Follows what becomes of the letters that were sent back; see `Follower`.

    Args:
        clock: The time.
        items: Reads their items.
        stop_after: Letters that died again, with which no more shall be sent. None: never stop for this.
        drained_seconds: How long a queue must look drained to be so.
    """

    def __init__(
        self,
        clock: Clock,
        items: ItemReader,
        *,
        stop_after: int | None = 1,
        drained_seconds: float = DRAINED_SECONDS,
    ) -> None:
        self._clock = clock
        self._items = items
        self._stop_after = stop_after
        self._drained_ms = drained_seconds * 1_000
        self._looked_ms = 0
        self._counts: Counter[Fate] = Counter()
        self._waiting: dict[str, Followed] = {}
        self.followed: dict[str, Followed] = {}

    def sent(self, letter: DeadLetter, message_id: str) -> None:
        """Follow a letter that was sent back under a new id."""
        # SQS answers with the id of the first one for a copy that a FIFO queue skips.
        if message_id not in self.followed:
            self.followed[message_id] = self._waiting[message_id] = Followed(letter, message_id)
            self._counts[Fate.WAITING] += 1

    def is_back(self, letter: DeadLetter) -> bool:
        """Return whether a letter is one that was sent back and has died again."""
        known = [each for each in (self.followed.get(letter_id) for letter_id in letter.ids) if each is not None]
        for each in known:
            reason = letter.reason or each.reason
            self._settle(each, Fate.PARKED_AGAIN if reason.startswith(PARKED) else Fate.DIED_AGAIN, reason)
        return bool(known)

    def should_stop(self) -> bool:
        """Return whether so many died again that no more shall be sent. Reads items once a second."""
        if self._clock.now_ms() - self._looked_ms >= LOOK_EVERY_MS:
            self.look()
        return self._stop_after is not None and self.count(Fate.DIED_AGAIN) >= self._stop_after

    def count(self, fate: Fate) -> int:
        """Return how many letters have this fate."""
        return self._counts[fate]

    def with_fate(self, fate: Fate) -> list[Followed]:
        """Return the letters with this fate, in the order in which they were sent."""
        return [each for each in self.followed.values() if each.fate is fate]

    def look(self) -> None:
        """Read the items of the letters whose fate is not known yet."""
        self._looked_ms = self._clock.now_ms()
        waiting = [each for each in self._waiting.values() if each.letter.item_id]
        found = self._items.read([*{each.letter.item_id: None for each in waiting}]) if waiting else {}
        for each in waiting:
            if item := found.get(each.letter.item_id):
                self._settle(each, *_fate(item, each.message_id))

    def wait(
        self, surroundings: Surroundings, *, patience_seconds: float, progress: Callable[[], None] = lambda: None
    ) -> None:
        """Wait until the fate of every letter is known, or the time is over.

        A letter whose item does not say it is resolved when its queue is drained and it is not back.
        """
        deadline_ms = self._clock.now_ms() + patience_seconds * 1_000
        drained_since_ms: int | None = None
        while True:
            self.look()
            now_ms = self._clock.now_ms()
            is_drained = bool(self.count(Fate.WAITING)) and surroundings.is_drained() is True
            drained_since_ms = (drained_since_ms or now_ms) if is_drained else None
            if drained_since_ms is not None and now_ms - drained_since_ms >= self._drained_ms:
                self._settle_others(surroundings)
            progress()
            if not self.count(Fate.WAITING) or now_ms >= deadline_ms:
                return
            self._clock.sleep(LOOK_EVERY_MS / 1_000)

    def _settle_others(self, surroundings: Surroundings) -> None:
        letters, are_all = surroundings.look_at_letters()
        for letter in letters:
            self.is_back(letter)
        for each in [*self._waiting.values()] if are_all else []:
            self._settle(each, Fate.RESOLVED)

    def _settle(self, followed: Followed, fate: Fate, reason: str = "") -> None:
        self._counts.subtract([followed.fate])
        self._counts.update([fate])
        followed.fate, followed.reason = fate, reason
        if fate is not Fate.WAITING:
            self._waiting.pop(followed.message_id, None)


def _fate(item: Item, message_id: str) -> tuple[Fate, str]:
    """Return what an item says of a message, and why it died again."""
    if item.status is Status.COMPLETED:
        return Fate.RESOLVED, ""
    if item.status is Status.DEAD and message_id in item.message_ids:
        return Fate.PARKED_AGAIN if item.behind else Fate.DIED_AGAIN, item.published_reason or item.reason
    if item.status is Status.COMMITTED and message_id in item.told:
        return Fate.DIED_AGAIN, item.published_reason or item.reason
    return Fate.WAITING, ""
