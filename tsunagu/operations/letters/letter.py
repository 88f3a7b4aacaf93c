"""A dead letter as it is in its queue, and the port that reads the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tsunagu.contracts.messages import (
    DEAD_LETTER_ITEM_ATTRIBUTE,
    DEAD_LETTER_REASON_ATTRIBUTE,
    DEAD_LETTER_SOURCE_ATTRIBUTE,
    REDRIVEN_ATTRIBUTE,
)
from tsunagu.runtime.receiving.delivery import Delivery

LAMBDA_REQUEST_ID_ATTRIBUTE = "RequestID"  # of a letter that Lambda sent for `DeadLetterConfig`


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in a dead-letter queue.

    Attributes:
        delivery: The message as it is in the dead-letter queue.
        sent_ms: When it was sent to the dead-letter queue, in milliseconds since the epoch. When SQS itself moved it
            from a standard queue, this is when it was sent to that queue.
        moved_from: ARN of the queue from which SQS itself moved it. Empty: SQS did not, or does not say.
        edition: Which text an operator gave it in place of its own; part of its deduplication id. Empty: its own.
    """

    delivery: Delivery
    sent_ms: int
    moved_from: str = ""
    edition: str = ""

    @property
    def id(self) -> str:
        """Message id in the dead-letter queue. A letter that SQS itself moved has kept the id that it had before."""
        return self.delivery.message_id

    @property
    def reason(self) -> str | None:
        """Why it was dead-lettered; None when the message does not say."""
        return self._text(DEAD_LETTER_REASON_ATTRIBUTE)

    @property
    def source(self) -> str | None:
        """Queue and message id of the message that it was; None when the message does not say."""
        return self._text(DEAD_LETTER_SOURCE_ATTRIBUTE)

    @property
    def source_queue_arn(self) -> str:
        """ARN of the queue that it came from; empty when neither the message nor SQS says."""
        return (self.source or "").rpartition("/")[0] or self.moved_from

    @property
    def item_id(self) -> str:
        """Id of its item in the idempotency table; empty when the message does not say."""
        return self._text(DEAD_LETTER_ITEM_ATTRIBUTE) or ""

    @property
    def redriven_count(self) -> int:
        """How often it was redriven before, as far as the message says. An earlier release did not count: 1."""
        text = self._text(REDRIVEN_ATTRIBUTE)
        if text is None:
            return 0
        return int(text) if text.isdecimal() and text.isascii() else 1

    @property
    def ids(self) -> frozenset[str]:
        """Message ids and request ids by which its sender may know it."""
        earlier = (self.source or "").rpartition("/")[2]
        return frozenset({self.id, earlier, self._text(LAMBDA_REQUEST_ID_ATTRIBUTE) or ""} - {""})

    def _text(self, name: str) -> str | None:
        attribute = self.delivery.attribute(name)
        return attribute.value if attribute is not None and isinstance(attribute.value, str) else None


class DeadLetterSource(Protocol):
    """Reads a dead-letter queue."""

    def receive(self) -> list[DeadLetter]:
        """Return up to ten letters, and hide them from others for a while. An empty list: no letter is visible."""
        ...

    def delete(self, letters: Sequence[DeadLetter]) -> list[str]:
        """Delete `letters`, and return id and error of each that may not be deleted.

        No failure is raised, because the letters are sent already. A letter that stays is a duplicate when it is
        redriven again.
        """
        ...

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Make `letters` visible to others again, at once."""
        ...
