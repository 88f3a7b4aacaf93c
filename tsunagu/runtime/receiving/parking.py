"""Parking: keeps a FIFO group in order behind a dead message, for the receivers that want it.

A message of a parked group runs only if it has the number that the group waits for. Any other goes to the dead-letter
queue, behind those that are there. So nothing overtakes, in whatever order an operator puts messages back.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tsunagu.contracts.groups import group_item_id
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import bounded_reason
from tsunagu.runtime.idempotency.decision import DeadLettered, Done, Unsent
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.parked_groups import (
    GroupReader,
    GroupWriter,
    ParkedEntry,
    ParkedGroup,
    after_death,
    after_parking,
)
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.receiving.batch import BatchMessage
from tsunagu.runtime.receiving.parked import Parked, Turn

AnyMessage = BatchMessage[Any]


@dataclass(slots=True)
class _Known:
    """A group of this batch.

    Attributes:
        stored: As its item is, with the writes that this invocation has queued.
        now: As it is to be taken: one that has expired begins anew.
    """

    stored: ParkedGroup
    now: ParkedGroup

    def becomes(self, group: ParkedGroup) -> None:
        """Note what a write makes of it."""
        self.stored = self.now = group


class Parking:
    """Parks the messages of one invocation.

    Args:
        reader: Reads group items.
        writer: Makes the writes of groups.
        queue_arn: The queue of the messages.
        clock: The time.
    """

    def __init__(self, reader: GroupReader, writer: GroupWriter, queue_arn: str, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._queue_arn = queue_arn
        self._clock = clock
        self._wanted: list[ParkedGroup] = []
        self._answer: Callable[[], list[ParkedGroup | Verdict]] = list
        self._groups: dict[str | None, _Known] = {}
        self._unread: dict[str | None, Verdict] = {}

    def begin(self, messages: Iterable[AnyMessage]) -> None:
        """Begin to read the groups of a batch."""
        named = dict.fromkeys(group for message in messages if (group := _group_of(message)) is not None)
        self._wanted = [
            ParkedGroup(id=group_item_id(self._queue_arn, each), group_id=each, queue_arn=self._queue_arn)
            for each in named
        ]
        if self._wanted:
            self._answer = self._reader.begin(self._wanted)

    def is_settled(self, message: AnyMessage) -> bool:
        """Return whether the place that a message brings was settled: it is done, or an operator discarded it."""
        if not any(delivery.group_place for delivery in message.deliveries):
            return False  # so that nobody waits for the groups yet
        known = self._known(message)
        if known is None:
            return False
        number = self._number(message, known.now)
        return number is not None and known.now.is_settled(number)

    def unread(self, message: AnyMessage) -> Verdict | None:
        """Return why the group of a message could not be read; None if it was, or if there is none."""
        self._known(message)
        return self._unread.get(_group_of(message))

    def turn(self, message: AnyMessage) -> Turn:
        """Return whether a message may run now."""
        known = self._known(message)
        if known is None or not known.now.is_parked:
            return Turn.RUNS
        number = self._number(message, known.now)
        if number is not None and known.now.is_settled(number):
            return Turn.LATER
        return Turn.RUNS if number == known.now.head else Turn.PARKED

    def dead(self, message: AnyMessage, item_id: str, died_of: str | None = None) -> Parked:
        """Return what gives a message a place in its parked group. It keeps the place that it brings.

        Args:
            message: The message.
            item_id: Id of its item.
            died_of: Why it died: the later messages of its group are parked from now on. Default: it waits itself.
        """
        known = self._known(message)
        if known is None:
            return Parked()
        now, now_ms = known.now, self._clock.now_ms()
        number = self._number(message, now) or now.tail
        message_id = message.deliveries[0].message_id
        if died_of is not None:
            after, behind, reason = after_death(now, number, item_id, message_id, now_ms), "", died_of
        else:
            after, behind, reason = after_parking(now, number, now_ms), now.entry_id(now.head), now.waits_for
        entry = ParkedEntry(
            id=after.entry_id(number),
            item_id=item_id,
            message_id=message_id,
            request=message.claim_request.request_id,
            reason=bounded_reason(reason),
            behind=behind,
        )
        writes = self._writer.write(known.stored, after, entry)
        known.becomes(after)
        return Parked(place=entry.id, behind=behind, reason=entry.reason, writes=writes)

    def settling(self, message: AnyMessage) -> Change | None:
        """Return the change by which a group goes on to its next number, as this message is settled.

        None if the group does not wait for this message.
        """
        known = self._known(message)
        if known is None or not known.now.is_parked or self._number(message, known.now) != known.now.head:
            return None
        return known.now.settled(known.now.head, self._clock.now_ms(), self._writer.window_seconds)

    def settled(self, message: AnyMessage) -> None:
        """Note that the group of a message went on to its next number."""
        known = self._known(message)
        if known is not None:
            known.becomes(replace(known.now, head=known.now.after(known.now.head)))

    @staticmethod
    def _number(message: AnyMessage, group: ParkedGroup) -> int | None:
        """Return the number that a message has in its group: it brings it, or its item says it."""
        labels = [each.group_place for each in message.deliveries if each.ordered_group_id == group.group_id]
        decision = message.decision
        if isinstance(decision, Done | Unsent | DeadLettered) and decision.item is not None:
            labels.append(group.label_in(decision.item.place))
        return min((number for label in labels if (number := group.number_of(label)) is not None), default=None)

    def _known(self, message: AnyMessage) -> _Known | None:
        """Return the group of a message, for which the first call waits; None if it was not read, or is none."""
        wanted, self._wanted = self._wanted, []
        if wanted:
            now_ms = self._clock.now_ms()
            for each, answer in zip(wanted, self._answer(), strict=True):
                if isinstance(answer, Verdict):
                    self._unread[each.group_id] = answer
                else:
                    self._groups[each.group_id] = _taken(answer, now_ms)
        return self._groups.get(_group_of(message))


def _taken(group: ParkedGroup, now_ms: int) -> _Known:
    """Return a group as it is to be taken. The letters of one that has expired are gone, so it begins anew."""
    anew = ParkedGroup(id=group.id, group_id=group.group_id, queue_arn=group.queue_arn)
    return _Known(group, anew if group.has_expired(now_ms) else group)


def _group_of(message: AnyMessage) -> str | None:
    """Return the FIFO group of a message: that of its first record, by which it runs."""
    return message.deliveries[0].ordered_group_id
