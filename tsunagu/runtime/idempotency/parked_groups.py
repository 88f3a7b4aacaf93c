"""Parked groups: which messages of a FIFO group wait behind a dead one, and the writes that say so.

`contracts.groups` describes the items. Each write that gives a number is part of the transaction that marks a message
as dead. Its condition is the group as it was read, so that no number is given twice and none is left out.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tsunagu.contracts import groups, items
from tsunagu.contracts.groups import Place
from tsunagu.runtime.idempotency.item import Attributes, Change
from tsunagu.runtime.idempotency.store import BusinessWrite, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedGroup:
    """A group item. One that was never written has a `line` of 0.

    Attributes:
        id: Id of the item.
        group_id: The message group.
        queue_arn: Its queue.
        line: Which numbering it is; see `contracts.groups`.
        head: First number that is not settled.
        tail: Number that the next message gets.
        skipped: Numbers that an operator gave up, as text; those below the head do not count.
        skips: How often the operators did that.
        died: Number of the message that died last; 0 when none has.
        died_ms: When it died, in milliseconds since the epoch.
        died_item_id: Id of the idempotency item of that message.
        died_message_id: SQS message id that it had when it died.
        updated: Time of the last change, in milliseconds since the epoch.
        expiration: When TTL may delete the item, in seconds since the epoch.
    """

    id: str
    group_id: str
    queue_arn: str
    line: int = 0
    head: int = groups.FIRST
    tail: int = groups.FIRST
    skipped: tuple[str, ...] = ()
    skips: int = 0
    died: int = 0
    died_ms: int = 0
    died_item_id: str = ""
    died_message_id: str = ""
    updated: int = 0
    expiration: int = 0

    @property
    def is_parked(self) -> bool:
        """Whether a message waits in the dead-letter queue, so that later ones must wait behind it."""
        return self.head < self.tail

    @property
    def is_dead(self) -> bool:
        """Whether the message that all others wait for has died and was not redriven, as far as the item says."""
        return self.is_parked and self.died == self.head

    @property
    def waits_for(self) -> str:
        """What its messages wait for, as a reason says it."""
        if self.is_dead:
            return f"parked behind message {self.died_message_id} of the item {self.died_item_id}"
        return f"parked behind number {self.head} of its group, which is being redriven"

    @property
    def waiting(self) -> list[int]:
        """The numbers that are neither settled nor given up, in order."""
        return [number for number in range(self.head, self.tail) if str(number) not in self.skipped]

    def has_expired(self, now_ms: int) -> bool:
        """Return whether it has expired at `now_ms`, in milliseconds since the epoch: no letter is left by then."""
        return self.expiration * 1_000 < now_ms

    def number_of(self, label: str) -> int | None:
        """Return the number that a place has in this group; None where it is of another line, or was never given."""
        place = Place.from_label(label)
        if place is None or place.line != self.line or place.number not in range(groups.FIRST, self.tail):
            return None
        return place.number

    def label(self, number: int) -> str:
        """Return the place of a number as messages have it."""
        return Place(self.line, number).label

    def entry_id(self, number: int) -> str:
        """Return the id of the entry of a number."""
        return groups.entry_id(self.id, self.label(number))

    @property
    def window_seconds(self) -> int:
        """How long the item is kept after its last change."""
        return self.expiration - self.updated // 1_000

    def label_in(self, entry_id: str) -> str:
        """Return the place that an entry's id names; empty where the entry is of another group."""
        item_id, _, label = entry_id.rpartition(":")
        return label if item_id == self.id else ""

    def is_settled(self, number: int) -> bool:
        """Return whether the message with a number is done, or was given up."""
        return number < self.head or str(number) in self.skipped

    def after(self, number: int) -> int:
        """Return the number that the group waits for after another one. It passes those that were given up."""
        following = number + 1
        while str(following) in self.skipped:
            following += 1
        return following

    def settled(self, number: int, now_ms: int, window_seconds: int) -> Change:
        """Return the change that moves the head past a number, if that is the head."""
        return Change(
            item_id=self.id,
            values={groups.HEAD: self.after(number), **_stamp(now_ms, window_seconds)},
            where=self._seen(),
        )

    def given_up(self, numbers: Collection[int], now_ms: int) -> Change | None:
        """Return the change that gives up messages, so that the group does not wait for them; None if none waits."""
        waiting = [number for number in numbers if self.head <= number < self.tail]
        new = [str(number) for number in waiting if str(number) not in self.skipped]
        if not new:
            return None
        kept = [each for each in self.skipped if int(each) >= self.head]
        given_up = replace(self, skipped=(*kept, *new))
        return Change(
            item_id=self.id,
            values={
                groups.HEAD: given_up.after(self.head - 1),
                groups.SKIPPED: given_up.skipped,
                groups.SKIPS: self.skips + 1,
                **_stamp(now_ms, self.window_seconds),
            },
            where=self._seen(),
        )

    def _seen(self) -> Attributes:
        return {groups.LINE: self.line, groups.HEAD: self.head, groups.SKIPS: self.skips}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEntry:
    """A number of a group: the message that has it, and why it is in the dead-letter queue.

    Attributes:
        id: Id of the entry.
        item_id: Id of the idempotency item of the message.
        message_id: SQS message id that it had when it died or was parked.
        request: Request id of the message.
        reason: Why it is in the dead-letter queue.
        behind: Id of the entry that it was parked behind. Empty: it died itself.
        updated: When it died or was parked, in milliseconds since the epoch.
        expiration: When TTL may delete the entry, in seconds since the epoch.
    """

    id: str
    item_id: str
    message_id: str
    request: str
    reason: str
    behind: str = ""
    updated: int = 0
    expiration: int = 0

    @property
    def number(self) -> int:
        """Its number in the group."""
        place = Place.from_label(self.id.rpartition(":")[2])
        return place.number if place else 0


class GroupReader(Protocol):
    """Reads group items."""

    def begin(self, groups: Sequence[ParkedGroup]) -> Callable[[], list[ParkedGroup | Verdict]]:
        """Begin to read groups, consistently, beside other calls.

        Args:
            groups: Groups as they are when they have no item.

        Returns:
            A function that waits for the answer: each group as its item says, or as it was given if it has none. A
            `Verdict`: no answer, or an item that cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupWriter:
    """Makes the writes of a group that go into the transaction that marks a message as dead.

    Attributes:
        table_name: The idempotency table.
        window_seconds: Seconds from the last change of a group until its item expires.
    """

    table_name: str
    window_seconds: int

    def write(self, before: ParkedGroup, after: ParkedGroup, entry: ParkedEntry) -> tuple[BusinessWrite, ...]:
        """Return the writes that change a group from what was read, and write an entry."""
        stamp = _stamp(after.updated, self.window_seconds)
        group: Mapping[str, object] = {
            groups.GROUP_ID: after.group_id,
            groups.QUEUE_ARN: after.queue_arn,
            groups.LINE: after.line,
            groups.HEAD: after.head,
            groups.TAIL: after.tail,
            groups.DIED: after.died,
            groups.DIED_MS: after.died_ms,
            groups.DIED_ITEM_ID: after.died_item_id,
            groups.DIED_MESSAGE_ID: after.died_message_id,
        }
        kept: Mapping[str, object] = {
            groups.ITEM_ID: entry.item_id,
            groups.MESSAGE_ID: entry.message_id,
            groups.REQUEST: entry.request,
            items.REASON: entry.reason,
            items.BEHIND: entry.behind,
        }
        if before.line != after.line:
            group = {**group, groups.SKIPPED: [], groups.SKIPS: 0}
        where = {groups.LINE: before.line, groups.HEAD: before.head, groups.TAIL: before.tail} if before.line else {}
        condition = " AND ".join(f"#{name} = :was_{name}" for name in where) or f"attribute_not_exists(#{groups.LINE})"
        return (
            self._set(after.id, {**group, **stamp}, condition, where),
            self._set(entry.id, {**kept, **stamp}),
        )

    def _set(
        self,
        item_id: str,
        values: Mapping[str, object],
        condition: str | None = None,
        where: Mapping[str, object] | None = None,
    ) -> BusinessWrite:
        return BusinessWrite(
            operation="Update",
            table_name=self.table_name,
            target={items.ID: item_id},
            update=f"SET {', '.join(f'#{name} = :{name}' for name in values)}",
            condition=condition,
            names={f"#{name}": name for name in values},
            values={
                **{f":{name}": value for name, value in values.items()},
                **{f":was_{name}": value for name, value in (where or {}).items()},
            },
        )


def after_death(group: ParkedGroup, number: int, item_id: str, message_id: str, now_ms: int) -> ParkedGroup:
    """Return a group after a message of it has died, behind which its later messages wait.

    Args:
        group: The group.
        number: Number of the message: the head of a parked group, or the tail of one that is open.
        item_id: Id of the message's item.
        message_id: SQS message id of the message.
        now_ms: The time, in milliseconds since the epoch.
    """
    died = replace(group, died=number, died_ms=now_ms, died_item_id=item_id, died_message_id=message_id)
    return after_parking(replace(died, line=group.line or now_ms), number, now_ms)


def after_parking(group: ParkedGroup, number: int, now_ms: int) -> ParkedGroup:
    """Return a group after a message of it got a number, or kept the one that it had."""
    return replace(group, tail=max(group.tail, number + 1), updated=now_ms)


def _stamp(now_ms: int, window_seconds: int) -> dict[str, int]:
    return {items.UPDATED: now_ms, items.EXPIRATION: now_ms // 1_000 + window_seconds}
