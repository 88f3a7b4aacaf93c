"""Moves dead letters back to the queue that they came from.

- A letter is sent first and deleted afterwards. So nothing is lost when the redrive is killed. A letter that was sent
  and not deleted is redriven again, and the receiver skips the duplicate.
- On a FIFO queue each letter gets a deduplication id of its own, made of its message id. SQS's own redrive keeps the
  first one. So with it, SQS drops a message that is dead-lettered and redriven twice within five minutes.
- A letter that goes back says so, by the attribute `tsunagu_redriven`: an accepted request that has failed is reopened
  by such a message only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tsunagu.contracts.messages import (
    DEAD_LETTER_REASON_ATTRIBUTE,
    DEAD_LETTER_SOURCE_ATTRIBUTE,
    OLD_ATTRIBUTES,
    REDRIVEN_ATTRIBUTE,
    redrive_deduplication_id,
)
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.publish import OutgoingMessage, QueueSender, with_attribute

RATES_PER_SECOND = (0.0, 500.0)

_OURS = frozenset({DEAD_LETTER_REASON_ATTRIBUTE, DEAD_LETTER_SOURCE_ATTRIBUTE})
_OLD_SOURCE = OLD_ATTRIBUTES[DEAD_LETTER_SOURCE_ATTRIBUTE]
_OLD = frozenset({_OLD_SOURCE, OLD_ATTRIBUTES[DEAD_LETTER_REASON_ATTRIBUTE]})


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in a dead-letter queue.

    Attributes:
        delivery: The message as it is in the dead-letter queue.
        sent_ms: When it was sent to the dead-letter queue, in milliseconds since the epoch.
    """

    delivery: Delivery
    sent_ms: int

    @property
    def reason(self) -> str | None:
        """Why it was dead-lettered; None when the message does not say."""
        return self._text(DEAD_LETTER_REASON_ATTRIBUTE)

    @property
    def source(self) -> str | None:
        """Queue and message id of the message that it was; None when the message does not say."""
        return self._text(DEAD_LETTER_SOURCE_ATTRIBUTE)

    def _text(self, name: str) -> str | None:
        attribute = self.delivery.attribute(name)
        return attribute.value if attribute is not None and isinstance(attribute.value, str) else None


class DeadLetterSource(Protocol):
    """Reads a dead-letter queue."""

    def receive(self) -> list[DeadLetter]:
        """Return up to ten letters, and hide them from others for a minute. An empty list means an empty queue."""
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


@dataclass(slots=True)
class RedriveReport:
    """Result of a redrive.

    Attributes:
        moved: Number of letters that are back in their queue.
        problems: Message id and error of each letter that was not sent, or that was sent and may not be deleted.
    """

    moved: int = 0
    problems: list[str] = field(default_factory=list)


def redrive(
    source: DeadLetterSource,
    target: QueueSender,
    clock: Clock,
    *,
    rate_per_second: float = 10.0,
    limit_count: int | None = None,
) -> RedriveReport:
    """Move dead letters back to the queue that they came from, oldest first, and stop after a failure.

    Letters that arrive during the redrive stay. So a message that is dead-lettered again is not moved in a loop.

    Args:
        source: Dead-letter queue.
        target: Sends to the queue that they came from.
        clock: The time.
        rate_per_second: Letters moved per second, above 0 and at most 500.
        limit_count: Most letters to move. Default: all that are in the queue at the start.

    Returns:
        How many letters were moved, and which failed.

    Raises:
        ValueError: The rate or the limit is out of range.
    """
    _check(rate_per_second, limit_count)
    started_ms = clock.now_ms()
    report = RedriveReport()
    while not report.problems and (letters := source.receive()):
        left = None if limit_count is None else limit_count - report.moved
        old = [letter for letter in letters if letter.sent_ms <= started_ms][:left]
        source.give_back([letter for letter in letters if letter not in old])
        if not old:
            break
        _move(old, source, target, report)
        clock.sleep(len(old) / rate_per_second)
    return report


def _move(letters: Sequence[DeadLetter], source: DeadLetterSource, target: QueueSender, report: RedriveReport) -> None:
    results = target.send([_message(letter.delivery) for letter in letters])
    pairs = [*zip(letters, results, strict=True)]
    moved = [letter for letter, result in pairs if result.error is None]
    report.problems += source.delete(moved)
    source.give_back([letter for letter, result in pairs if result.error is not None])
    report.moved += len(moved)
    report.problems += [
        f"{letter.delivery.message_id}: {result.error}" for letter, result in pairs if result.error is not None
    ]


def _message(delivery: Delivery) -> OutgoingMessage:
    added = _OURS | (_OLD if _is_of_earlier_release(delivery) else set())
    message = OutgoingMessage(
        body=delivery.body,
        attributes={name: value for name, value in delivery.attributes.items() if name not in added},
        group_id=delivery.group_id,
        deduplication_id=redrive_deduplication_id(delivery.message_id) if delivery.is_fifo else None,
        trace_header=delivery.trace_header,
    )
    return with_attribute(message, REDRIVEN_ATTRIBUTE, "true")


def _is_of_earlier_release(delivery: Delivery) -> bool:
    """Whether an earlier release wrote the letter. In others, attributes of the old names are the producer's own."""
    source = delivery.attributes.get(_OLD_SOURCE)
    is_ours = source is not None and isinstance(source.value, str) and source.value.startswith("arn:")
    return is_ours and not _OURS & delivery.attributes.keys()


def _check(rate_per_second: float, limit_count: int | None) -> None:
    lowest, highest = RATES_PER_SECOND
    if not lowest < rate_per_second <= highest:
        msg = f"rate_per_second must be above 0 and at most 500, got {rate_per_second}"
        raise ValueError(msg)
    if limit_count is not None and limit_count < 1:
        msg = f"limit_count must be at least 1, got {limit_count}"
        raise ValueError(msg)
