"""What a test sees of a world: messages that were sent on, dead letters, effects."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tsunagu.contracts.messages import (
    ATTRIBUTES,
    DEAD_LETTER_REASON_ATTRIBUTE,
    DEAD_LETTER_SOURCE_ATTRIBUTE,
)
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.testing.explorer.queues import Stored


@dataclass(frozen=True, slots=True)
class SentOn:
    """A message that the handler's outbox sent.

    Attributes:
        channel: `queue`, `topic`, `task-success`, `task-failure` or `object`.
        target: Queue URL, topic ARN, task token, or key of an object.
        text: Its text.
        attributes: Message attributes, without those of the library.
        group_id: Message group. None: it has none.
        deduplication_id: Always the same one for a message: a copy has it too.
    """

    channel: str
    target: str
    text: str
    attributes: Mapping[str, str]
    group_id: str | None
    deduplication_id: str

    @property
    def body(self) -> Any:
        """Its text as JSON; the text itself, where it is none."""
        return json_or_text(self.text)

    @classmethod
    def of(cls, message: AddressedMessage) -> "SentOn":
        """Return what a test sees of a message."""
        own = message.outbox_message
        attributes = {name: value for name, value in own.attributes.items() if name not in ATTRIBUTES}
        return cls(str(own.channel), own.target, own.body, attributes, own.group_id, message.deduplication_id)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in the dead-letter queue.

    Attributes:
        message_id: Id that the message had in its queue.
        text: Its text.
        reason: Why it is there.
    """

    message_id: str
    text: str
    reason: str

    @property
    def body(self) -> Any:
        """Its text as JSON; the text itself, where it is none."""
        return json_or_text(self.text)

    @classmethod
    def of(cls, letter: Stored) -> "DeadLetter":
        """Return what a test sees of a letter."""
        source = _text(letter.attributes.get(DEAD_LETTER_SOURCE_ATTRIBUTE)).rpartition("/")[2]
        return cls(source or letter.id, letter.body, _text(letter.attributes.get(DEAD_LETTER_REASON_ATTRIBUTE)))


def json_or_text(text: str) -> Any:
    """Return JSON; or the text itself, where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(value: Attribute | str | None) -> str:
    return "" if value is None else str(value.value if isinstance(value, Attribute) else value)
