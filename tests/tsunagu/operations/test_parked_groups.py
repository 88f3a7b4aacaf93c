"""An operator puts a parked group back, until it is open, a message dies again, or nothing moves."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.tsunagu.operations.test_redrive import FakeDeadLetterQueue, letter
from tests.tsunagu.runtime.world import QUEUE_ARN
from tsunagu.contracts.groups import group_item_id
from tsunagu.contracts.messages import GROUP_PLACE_ATTRIBUTE
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.parked_groups import (
    GroupReport,
    GroupState,
    discard,
    give_up,
    redrive_group,
    redrive_until_open,
)
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.parked_groups import ParkedEntry, ParkedGroup
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.testing.fakes import START_MS, FakeClock, FakeQueue

LINE = START_MS - 60_000
DEAD = ParkedGroup(
    id=group_item_id(QUEUE_ARN, "a"),
    group_id="a",
    queue_arn=QUEUE_ARN,
    line=LINE,
    tail=4,
    died=1,
    died_ms=LINE,
    updated=LINE,
    expiration=LINE // 1_000 + 60,
)


class FakeGroupTable:
    """A group, and what a worker does with it each time that an operator waits."""

    def __init__(self, group: ParkedGroup, *meanwhile: Callable[[ParkedGroup], ParkedGroup]) -> None:
        self.group = group
        self.meanwhile = [*meanwhile]
        self.refusals = 0

    def read(self, _group_id: str) -> ParkedGroup:
        return self.group

    def entries(self, _group: ParkedGroup) -> list[ParkedEntry | None]:
        return []

    def change(self, change: Change) -> bool:
        if self.refusals:
            self.refusals -= 1
            return False
        self.group = replace(self.group, **change.values)  # type: ignore[arg-type]
        return True


class WaitingClock(FakeClock):
    """A clock whose sleeps let the worker go on."""

    def __init__(self, table: FakeGroupTable) -> None:
        super().__init__()
        self._table = table

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self._table.meanwhile:
            self._table.group = self._table.meanwhile.pop(0)(self._table.group)


def placed(number: int, *, group: str = "a") -> DeadLetter:
    plain = letter(number, group=group)
    place = {GROUP_PLACE_ATTRIBUTE: Attribute("String", f"{LINE}.{number}")}
    return replace(plain, delivery=replace(plain.delivery, attributes={**plain.delivery.attributes, **place}))


def settled(group: ParkedGroup) -> ParkedGroup:
    return replace(group, head=group.tail)


def died_again(group: ParkedGroup) -> ParkedGroup:
    return replace(group, died_ms=START_MS)


def unchanged(group: ParkedGroup) -> ParkedGroup:
    return group


def redriven(
    table: FakeGroupTable, source: FakeDeadLetterQueue, target: FakeQueue, bodies: dict[int, str] | None = None
) -> GroupReport:
    return redrive_until_open(
        source, target, table, "a", WaitingClock(table), rate_per_second=100, patience_seconds=9, bodies=bodies
    )


def test_letters_of_the_group_go_back_by_their_numbers_and_others_stay() -> None:
    others = [placed(1, group="b"), placed(2, group="b")]
    source = FakeDeadLetterQueue([others[0], placed(3), placed(1), others[1], placed(2)])
    table, target = FakeGroupTable(DEAD, settled), FakeQueue()

    report = redriven(table, source, target)

    assert report == GroupReport(GroupState.OPEN, moved=3)
    assert [message.body for message in target.sent] == ["body-1", "body-2", "body-3"]
    assert [message.deduplication_id for message in target.sent] == [
        f"redrive-place-{LINE}.{number}-d-{number}" for number in (1, 2, 3)
    ]
    assert (source.letters, source.hidden) == (others, [])


def test_corrected_body_takes_the_place_of_its_letter_alone() -> None:
    table, target = FakeGroupTable(DEAD, settled), FakeQueue()

    redriven(table, FakeDeadLetterQueue([placed(1), placed(2)]), target, {1: "corrected"})

    assert [message.body for message in target.sent] == ["corrected", "body-2"]
    assert str(target.sent[0].deduplication_id).startswith(f"redrive-place-{LINE}.1-")


def test_redrive_stops_and_leaves_the_letters_when_a_message_dies_again() -> None:
    source = FakeDeadLetterQueue([placed(number) for number in range(1, 21)])
    table, target = FakeGroupTable(replace(DEAD, tail=21), died_again), FakeQueue()

    report = redriven(table, source, target)

    assert (report.state, report.moved) == (GroupState.DIED_AGAIN, 10)
    assert (len(source.letters), source.hidden) == (10, [])


def test_redrive_waits_while_the_group_goes_on_and_ends_when_it_does_not() -> None:
    def goes_on(group: ParkedGroup) -> ParkedGroup:
        return replace(group, head=group.head + 1)

    table = FakeGroupTable(DEAD, unchanged, *[unchanged] * 8, goes_on)
    clock = WaitingClock(table)

    report = redrive_until_open(
        FakeDeadLetterQueue([placed(1)]), FakeQueue(), table, "a", clock, rate_per_second=1, patience_seconds=15
    )

    assert (report.state, report.moved) == (GroupState.WAITING, 1)
    assert (clock.ms - START_MS) // 1_000 == 10 + 15


def test_letters_that_arrive_during_a_pass_go_back_with_the_next_one() -> None:
    late = replace(placed(2), sent_ms=START_MS + 5)
    source, target = FakeDeadLetterQueue([placed(1), late]), FakeQueue()
    table = FakeGroupTable(replace(DEAD, tail=3), unchanged, settled)

    first = redrive_group(source, target, table, "a", FakeClock())
    assert (first.moved, source.letters, source.hidden) == (1, [late], [])

    assert redriven(table, source, target).moved == 1


def test_progress_counts_the_letters_of_all_passes() -> None:
    late = replace(placed(2), sent_ms=START_MS + 5)
    table = FakeGroupTable(replace(DEAD, tail=3), unchanged, settled)
    counts: list[int] = []

    redrive_until_open(
        FakeDeadLetterQueue([placed(1), late]), FakeQueue(), table, "a", WaitingClock(table), progress=counts.append
    )

    assert counts == [1, 2]


def test_redrive_says_which_letter_was_not_sent_and_gives_it_back() -> None:
    source = FakeDeadLetterQueue([placed(1)])

    report = redriven(FakeGroupTable(DEAD), source, FakeQueue(broken=True))

    assert report == GroupReport(GroupState.FAILED, 0, ["d-1: ServiceUnavailable: gone"])
    assert (len(source.letters), source.hidden) == (1, [])


def test_discard_gives_up_before_it_deletes_and_can_be_repeated() -> None:
    source = FakeDeadLetterQueue([placed(1), placed(2), placed(1, group="b")])
    table = FakeGroupTable(DEAD)

    groups = [discard(source, table, "a", 1, FakeClock()) for _ in range(2)]

    assert [(group.head, group.skipped, group.skips) for group in groups] == [(2, ("1",), 1)] * 2
    assert [(each.delivery.group_id, each.id) for each in source.letters] == [("a", "d-2"), ("b", "d-1")]
    assert table.group.expiration == START_MS // 1_000 + 60


@pytest.mark.parametrize(
    ("numbers", "head", "skipped"),
    [([2], 1, ("2",)), ([1, 2], 3, ("1", "2")), ([0, 9], 1, ()), ([3, 1], 2, ("3", "1"))],
)
def test_group_passes_what_was_given_up_and_nothing_else(
    numbers: list[int], head: int, skipped: tuple[str, ...]
) -> None:
    table = FakeGroupTable(DEAD)

    group = give_up(table, "a", numbers, FakeClock())

    assert (group.head, group.skipped) == (head, skipped)
    assert group.waiting == [number for number in (1, 2, 3) if number not in numbers]


def test_number_is_given_up_anew_when_somebody_else_was_faster() -> None:
    table = FakeGroupTable(DEAD)
    table.refusals = 2

    assert give_up(table, "a", [1], FakeClock()).head == 2


def test_numbers_that_the_head_has_passed_are_forgotten_with_the_next_that_is_given_up() -> None:
    table = FakeGroupTable(replace(DEAD, head=3, skipped=("1", "3"), skips=2))

    assert give_up(table, "a", [3], FakeClock()).skips == 2
    assert give_up(FakeGroupTable(replace(DEAD, head=2, skipped=("1",))), "a", [3], FakeClock()).skipped == ("3",)
