"""Parked groups, as an operator sees them: what waits, and in which order; puts a group back, or discards its head.

The receiver keeps the order, not the redrive: a message runs only if it has the number that its group waits for. So a
redrive may be interrupted and started again at any time, and letters may go back in any order.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Protocol

from tsunagu.contracts.groups import Place
from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH
from tsunagu.operations.letters.letter import DeadLetter, DeadLetterSource
from tsunagu.operations.letters.walk import Walk
from tsunagu.operations.redrive import redriven_message
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.parked_groups import ParkedEntry, ParkedGroup
from tsunagu.runtime.sending.publish import OutgoingMessage, QueueSender

LOOK_AGAIN_SECONDS = 1.0


class Groups(Protocol):
    """The parked groups of one queue."""

    def read(self, group_id: str) -> ParkedGroup:
        """Return a group; one that was never parked is open.

        Raises:
            UnavailableError: DynamoDB did not answer, or another release wrote the item.
        """
        ...

    def entries(self, group: ParkedGroup) -> list[ParkedEntry | None]:
        """Return the entries of the numbers that the group waits for, in order. None: the entry has expired.

        Raises:
            UnavailableError: DynamoDB did not answer, or another release wrote an entry.
        """
        ...

    def change(self, change: Change) -> bool:
        """Apply a conditional change; return whether its condition held.

        Raises:
            UnavailableError: DynamoDB did not answer.
        """
        ...


class GroupState(StrEnum):
    """How a redrive of a group ended."""

    OPEN = "open"  # all is settled; new messages run as before
    DIED_AGAIN = "died again"  # a message that was put back died; those behind it are parked again
    WAITING = "waiting"  # messages are back in the queue, or are still in the dead-letter queue
    FAILED = "failed"  # a letter was not sent, or may not be deleted


@dataclass(slots=True)
class GroupReport:
    """Result of a redrive of a group.

    Attributes:
        state: How it ended.
        moved: Number of letters that are back in their queue.
        problems: Message id and error of each letter that was not sent, or that was sent and may not be deleted.
    """

    state: GroupState = GroupState.WAITING
    moved: int = 0
    problems: list[str] = field(default_factory=list)


def redrive_group(
    source: DeadLetterSource,
    target: QueueSender,
    groups: Groups,
    group_id: str,
    clock: Clock,
    *,
    rate_per_second: float = 10.0,
    bodies: Mapping[int, str] | None = None,
    before: ParkedGroup | None = None,
    progress: Callable[[int], None] = lambda _moved: None,
) -> GroupReport:
    """Put the letters of a group that are there now back into their queue, and stop when one of them dies again.

    Letters that arrive in the meantime stay: call again until the group is open, or use `redrive_until_open`.

    Args:
        source: The dead-letter queue.
        target: Sends to the queue that they came from.
        groups: The parked groups of the queue.
        group_id: The group.
        clock: The time.
        rate_per_second: Letters moved per second, above 0.
        bodies: Corrected bodies, by the numbers of the letters whose places they take. Default: none.
        before: The group before the first letter was moved, if this call goes on with a redrive. Default: it is read.
        progress: Called with the number of letters that this call has moved so far. Default: nothing is called.

    Raises:
        UnavailableError: DynamoDB did not answer. What was moved stays moved: call again.
    """
    report, started_ms = GroupReport(), clock.now_ms()
    before = before or groups.read(group_id)
    with Walk(source, lambda letter: _is_of(letter, group_id) and letter.sent_ms <= started_ms) as walk:
        while not report.problems and (letters := walk.take(SQS_ENTRIES_PER_BATCH)) is not None:
            group = groups.read(group_id)
            if _has_died_again(group, before):
                source.give_back(letters)
                break
            if letters:
                _move(sorted(letters, key=_place), group, bodies or {}, (source, target), report)
                progress(report.moved)
                clock.sleep(len(letters) / rate_per_second)
    report.state = _state(groups.read(group_id), before, report)
    return report


def redrive_until_open(
    source: DeadLetterSource,
    target: QueueSender,
    groups: Groups,
    group_id: str,
    clock: Clock,
    *,
    rate_per_second: float = 10.0,
    patience_seconds: float = 60.0,
    bodies: Mapping[int, str] | None = None,
    progress: Callable[[int], None] = lambda _moved: None,
) -> GroupReport:
    """Put a group back until it is open, a message dies again, or nothing is settled for a while.

    Args:
        source: The dead-letter queue.
        target: Sends to the queue that they came from.
        groups: The parked groups of the queue.
        group_id: The group.
        clock: The time.
        rate_per_second: Letters moved per second, above 0.
        patience_seconds: How long the group may wait for one number.
        bodies: Corrected bodies, by the numbers of the letters whose places they take. Default: none.
        progress: Called with the number of letters moved so far. Default: nothing is called.

    Raises:
        UnavailableError: DynamoDB did not answer. What was moved stays moved: call again.
    """
    before = group = groups.read(group_id)
    moved, since_ms = 0, clock.now_ms()
    while True:
        report = redrive_group(
            source,
            target,
            groups,
            group_id,
            clock,
            rate_per_second=rate_per_second,
            bodies=bodies,
            before=before,
            progress=partial(_add, progress, moved),
        )
        moved += report.moved
        head, group = group.head, groups.read(group_id)
        if group.head != head:
            since_ms = clock.now_ms()
        is_late = clock.now_ms() - since_ms >= patience_seconds * 1_000
        if report.state is not GroupState.WAITING or is_late:
            return replace(report, moved=moved)
        if not report.moved:
            clock.sleep(LOOK_AGAIN_SECONDS)


def _add(progress: Callable[[int], None], before: int, moved: int) -> None:
    progress(before + moved)


def discard(source: DeadLetterSource, groups: Groups, group_id: str, number: int, clock: Clock) -> ParkedGroup:
    """Give up a message of a group, and delete its letter. The others stay until a redrive.

    The message is given up first. So a letter that stays, because this was interrupted, is acknowledged when it is
    redriven. A second call deletes it.

    Args:
        source: The dead-letter queue.
        groups: The parked groups of the queue.
        group_id: The group.
        number: Number of the message.
        clock: The time.

    Returns:
        The group. It waits for the next number now, if it waited for this one.

    Raises:
        UnavailableError: DynamoDB did not answer.
    """
    group = give_up(groups, group_id, [number], clock)
    with Walk(source, lambda letter: _is_of(letter, group_id) and _number(letter, group) == number) as walk:
        while (letters := walk.take(SQS_ENTRIES_PER_BATCH)) is not None:
            source.delete(letters)
    return group


def give_up(groups: Groups, group_id: str, numbers: Collection[int], clock: Clock) -> ParkedGroup:
    """Give up messages of a group, so that it does not wait for them. Their letters stay.

    Args:
        groups: The parked groups of the queue.
        group_id: The group.
        numbers: Numbers of the messages. Those that are settled do not count.
        clock: The time.

    Returns:
        The group after that.

    Raises:
        UnavailableError: DynamoDB did not answer.
    """
    while True:
        group = groups.read(group_id)
        change = group.given_up(numbers, clock.now_ms())
        if change is None:
            return group
        groups.change(change)  # if somebody was faster, it is refused, and made anew


def _messages(letters: Sequence[DeadLetter], group: ParkedGroup, bodies: Mapping[int, str]) -> list[OutgoingMessage]:
    """Return the messages that put letters back, with the bodies that take the places of theirs."""
    messages = []
    for letter in letters:
        message, number = redriven_message(letter), _number(letter, group)
        messages.append(message if number is None else replace(message, body=bodies.get(number, message.body)))
    return messages


def _move(
    letters: Sequence[DeadLetter],
    group: ParkedGroup,
    bodies: Mapping[int, str],
    queues: tuple[DeadLetterSource, QueueSender],
    report: GroupReport,
) -> None:
    source, target = queues
    pairs = [*zip(letters, target.send(_messages(letters, group, bodies)), strict=True)]
    moved = [letter for letter, result in pairs if result.error is None]
    report.problems += source.delete(moved)
    source.give_back([letter for letter, result in pairs if result.error is not None])
    report.moved += len(moved)
    report.problems += [f"{letter.id}: {result.error}" for letter, result in pairs if result.error is not None]


def _state(group: ParkedGroup, before: ParkedGroup, report: GroupReport) -> GroupState:
    if report.problems:
        return GroupState.FAILED
    if not group.is_parked:
        return GroupState.OPEN
    return GroupState.DIED_AGAIN if _has_died_again(group, before) else GroupState.WAITING


def _has_died_again(group: ParkedGroup, before: ParkedGroup) -> bool:
    return group.is_dead and (group.died, group.died_ms) != (before.died, before.died_ms)


def _is_of(letter: DeadLetter, group_id: str) -> bool:
    return letter.delivery.group_id == group_id


def _number(letter: DeadLetter, group: ParkedGroup) -> int | None:
    return group.number_of(letter.delivery.group_place)


def _place(letter: DeadLetter) -> Place:
    """Return by what letters are sorted. One without a place was there before the group was parked."""
    return Place.from_label(letter.delivery.group_place) or Place(0, 0)
