"""Moves dead letters back to where they came from.

- A letter is sent first and deleted afterwards. So nothing is lost when the redrive is killed. A letter that was sent
  and not deleted is redriven again, and the receiver skips the duplicate.
- On a FIFO queue each letter gets a deduplication id of its own, made of its message id. SQS's own redrive keeps the
  first one. So with it, SQS drops a message that is dead-lettered and redriven twice within five minutes.
- A message group stays in order: one call sends one letter of each group at most, and a letter is deleted before the
  next one of its group is sent.
- A letter that goes back says how often it was redriven, by the attribute `tsunagu_redriven`. An accepted request that
  has failed is reopened by such a message only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tsunagu.contracts.messages import (
    DEAD_LETTER_ITEM_ATTRIBUTE,
    DEAD_LETTER_REASON_ATTRIBUTE,
    DEAD_LETTER_SOURCE_ATTRIBUTE,
    OLD_ATTRIBUTES,
    REDRIVEN_ATTRIBUTE,
    SQS_ENTRIES_PER_BATCH,
    redrive_deduplication_id,
)
from tsunagu.operations.letters.letter import DeadLetter, DeadLetterSource
from tsunagu.operations.letters.walk import Walk
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.publish import OutgoingMessage, QueueSender, SendResult, with_attribute

RATES_PER_SECOND = (0.0, 500.0)
# A redrive that was held up does not catch up by a burst: what it did not send in this time is sent later.
LONGEST_LAG_MS = 1_000

_OURS = frozenset({DEAD_LETTER_REASON_ATTRIBUTE, DEAD_LETTER_SOURCE_ATTRIBUTE, DEAD_LETTER_ITEM_ATTRIBUTE})
_OLD_SOURCE = OLD_ATTRIBUTES[DEAD_LETTER_SOURCE_ATTRIBUTE]
_OLD = frozenset({_OLD_SOURCE, OLD_ATTRIBUTES[DEAD_LETTER_REASON_ATTRIBUTE]})


class LetterTarget(Protocol):
    """Sends letters back to where they came from."""

    def send(self, letters: Sequence[DeadLetter]) -> list[SendResult]:
        """Send `letters` in order. Return the results in the same order; no failure is raised."""
        ...


class Follower(Protocol):
    """Follows what becomes of the letters that were sent back."""

    def sent(self, letter: DeadLetter, message_id: str) -> None:
        """Follow a letter that was sent back under a new id."""
        ...

    def is_back(self, letter: DeadLetter) -> bool:
        """Return whether a letter is one that was sent back and has died again."""
        ...

    def should_stop(self) -> bool:
        """Return whether so many died again that no more shall be sent."""
        ...


@dataclass(slots=True)
class RedriveReport:
    """Result of a redrive.

    Attributes:
        moved: Number of letters that are back where they came from.
        problems: Message id and error of each letter that was not sent, or that was sent and may not be deleted.
        groups_in_the_way: FIFO groups with letters that stay. Beyond the first ten of a group, what is behind them was
            not seen.
        was_stopped: Whether the follower stopped it.
    """

    moved: int = 0
    problems: list[str] = field(default_factory=list)
    groups_in_the_way: set[str] = field(default_factory=set, compare=False)
    was_stopped: bool = field(default=False, compare=False)


class QueueTarget:
    """Sends all letters to one queue.

    Args:
        sender: Sends to the queue.
    """

    def __init__(self, sender: QueueSender) -> None:
        self._sender = sender

    def send(self, letters: Sequence[DeadLetter]) -> list[SendResult]:
        """Send `letters` in order, as the messages that they were."""
        return self._sender.send([_message(letter) for letter in letters])


class Unfollowed:
    """Follows nothing, but knows a letter that was sent back when it sees it again."""

    def __init__(self) -> None:
        self._sent: set[str] = set()

    def sent(self, letter: DeadLetter, message_id: str) -> None:  # noqa: ARG002 - the protocol's
        """Note the new id."""
        self._sent.add(message_id)

    def is_back(self, letter: DeadLetter) -> bool:
        """Return whether this redrive has sent it."""
        return bool(letter.ids & self._sent)

    def should_stop(self) -> bool:
        """Return that there is no reason to stop."""
        return False


def redrive(
    source: DeadLetterSource,
    target: LetterTarget,
    clock: Clock,
    *,
    rate_per_second: float = 10.0,
    limit_count: int | None = None,
    selects: Callable[[DeadLetter], bool] = lambda _letter: True,
    follower: Follower | None = None,
    progress: Callable[[int], None] = lambda _moved: None,
) -> RedriveReport:
    """Move dead letters back to where they came from, oldest first, and stop after a failure.

    Letters that arrive during the redrive stay. So a message that is dead-lettered again is not moved in a loop.

    Args:
        source: Dead-letter queue.
        target: Sends letters back: `QueueTarget` to the one queue that all came from.
        clock: The time.
        rate_per_second: Letters moved per second, above 0 and at most 500.
        limit_count: Most letters to move. Default: all that are in the queue at the start.
        selects: Which letters to move. Default: all.
        follower: Follows what becomes of them. Default: nobody does.
        progress: Called with the number of letters moved so far. Default: nothing is called.

    Returns:
        How many letters were moved, and which failed.

    Raises:
        ValueError: The rate or the limit is out of range.
    """
    _check(rate_per_second, limit_count)
    run = _Run(source, target, _Pace(clock, rate_per_second), limit_count, follower or Unfollowed())
    return run.move(lambda letter: letter.sent_ms <= run.started_ms and selects(letter), progress)


class _Pace:
    """Keeps a rate. What was slower than it is not made up for by a burst."""

    def __init__(self, clock: Clock, rate_per_second: float) -> None:
        self.clock = clock
        self._rate = rate_per_second
        self._due_ms = float(clock.now_ms())

    @property
    def most(self) -> int:
        """Most letters at once: those of a second, ten at most."""
        return max(1, min(SQS_ENTRIES_PER_BATCH, int(self._rate)))

    def wait(self, count: int) -> None:
        """Wait until as many letters more may be sent."""
        now_ms = self.clock.now_ms()
        self._due_ms = max(self._due_ms, now_ms - LONGEST_LAG_MS) + count * 1_000 / self._rate
        if self._due_ms > now_ms:
            self.clock.sleep((self._due_ms - now_ms) / 1_000)


class _Run:
    """One redrive."""

    def __init__(
        self, source: DeadLetterSource, target: LetterTarget, pace: _Pace, limit_count: int | None, follower: Follower
    ) -> None:
        self._source = source
        self._target = target
        self._pace = pace
        self._limit_count = limit_count
        self._follower = follower
        self._report = RedriveReport()
        self.started_ms = pace.clock.now_ms()

    def move(self, selects: Callable[[DeadLetter], bool], progress: Callable[[int], None]) -> RedriveReport:
        """Move letters until none is left, the limit is reached, one failed, or the follower stops it."""
        with Walk(self._source, lambda letter: not self._follower.is_back(letter) and selects(letter)) as walk:
            while (most := self._most()) and (letters := walk.take(most)) is not None:
                self._move(letters)
                progress(self._report.moved)
        self._report.groups_in_the_way = walk.groups_in_the_way
        return self._report

    def _most(self) -> int:
        """Return how many letters to move next; 0 to end."""
        self._report.was_stopped = self._follower.should_stop()
        if self._report.problems or self._report.was_stopped:
            return 0
        left = SQS_ENTRIES_PER_BATCH if self._limit_count is None else self._limit_count - self._report.moved
        return min(self._pace.most, left)

    def _move(self, letters: Sequence[DeadLetter]) -> None:
        moved = self._report.moved
        _move(letters, self._source, self._target, self._report, self._follower.sent)
        self._pace.wait(self._report.moved - moved)


def _move(
    letters: Sequence[DeadLetter],
    source: DeadLetterSource,
    target: LetterTarget,
    report: RedriveReport,
    sent: Callable[[DeadLetter, str], None],
) -> None:
    """Send letters and delete them, one of each group at a time. After a failure the rest of its group stays."""
    failed: list[DeadLetter] = []
    for wave in _waves(letters):
        stopped = {letter.delivery.ordered_group_id for letter in failed} - {None}
        sendable = [letter for letter in wave if letter.delivery.ordered_group_id not in stopped]
        behind = [letter for letter in wave if letter not in sendable]
        failed += behind
        report.problems += [f"{each.id}: not sent: group {each.delivery.group_id} failed before it" for each in behind]
        pairs = [*zip(sendable, target.send(sendable) if sendable else [], strict=True)]
        moved = [letter for letter, result in pairs if result.error is None]
        for letter, result in pairs:
            if result.error is None:
                sent(letter, str(result.message_id))
            else:
                failed.append(letter)
                report.problems.append(f"{letter.id}: {result.error}")
        report.problems += [f"{problem}, but sent back" for problem in source.delete(moved)]
        report.moved += len(moved)
    source.give_back(failed)


def _waves(letters: Sequence[DeadLetter]) -> list[list[DeadLetter]]:
    """Cut letters such that each wave has one of each ordered group at most. Without such groups there is one wave."""
    waves: list[list[DeadLetter]] = []
    seen: dict[str, int] = {}
    for letter in letters:
        group = letter.delivery.ordered_group_id
        number = 0 if group is None else seen.get(group, 0)
        if group is not None:
            seen[group] = number + 1
        if number == len(waves):
            waves.append([])
        waves[number].append(letter)
    return waves


def redriven_message(letter: DeadLetter) -> OutgoingMessage:
    """Return the message that a letter was, with the number of its redrives; see `redrive`."""
    return _message(letter)


def _message(letter: DeadLetter) -> OutgoingMessage:
    delivery = letter.delivery
    added = _OURS | (_OLD if _is_of_earlier_release(delivery) else set())
    message = OutgoingMessage(
        body=delivery.body,
        attributes={name: value for name, value in delivery.attributes.items() if name not in added},
        group_id=delivery.group_id,
        deduplication_id=(
            redrive_deduplication_id(delivery.message_id + letter.edition, delivery.group_place)
            if delivery.is_fifo
            else None
        ),
        trace_header=delivery.trace_header,
    )
    return with_attribute(message, REDRIVEN_ATTRIBUTE, str(letter.redriven_count + 1))


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
