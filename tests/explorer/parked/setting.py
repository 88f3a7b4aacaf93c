"""What does not change in a plant of parked groups."""

import json
from dataclasses import dataclass

GROUP = "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message of the group.

    Attributes:
        key: Its business key, and the name of its effect.
        text: Body, if it is no JSON object. Default: one with the key.
    """

    key: str
    text: str | None = None

    @property
    def body(self) -> str:
        """Body of the message."""
        return json.dumps({"key": self.key}) if self.text is None else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedSetting:
    """Messages of a group, and how they are received.

    Attributes:
        at_first: Messages that are in the queue at first.
        later: Messages that arrive at any time after the group was parked.
        poison: Keys of messages that die until the plant is mended.
        unsendable: Keys of messages whose outbox is refused for good until the plant is mended.
        batch_size: Most messages in one invocation.
        reads_early: Whether groups are read before the items are claimed. Otherwise they are read after it.
        max_attempts: Attempts after which a message is dead-lettered.
    """

    at_first: tuple[Arrival, ...]
    later: tuple[Arrival, ...] = ()
    poison: frozenset[str] = frozenset()
    unsendable: frozenset[str] = frozenset()
    batch_size: int = 3
    reads_early: bool = False
    max_attempts: int = 5


def arrivals(*keys: str) -> tuple[Arrival, ...]:
    """Return messages with these keys."""
    return tuple(Arrival(key=key) for key in keys)
