"""The group item: which numbers it knows, what it waits for, and the writes that change it."""

from dataclasses import replace

import pytest

from tsunagu.contracts.groups import Place, entry_id, group_item_id
from tsunagu.contracts.messages import dead_letter_deduplication_id, place_in, redrive_deduplication_id
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.parked_groups import (
    GroupWriter,
    ParkedEntry,
    ParkedGroup,
    after_death,
    after_parking,
)

NOW_MS = 1_800_000_000_999
NEW = ParkedGroup(id="group:1", group_id="a", queue_arn="arn")
PARKED = replace(NEW, line=7, head=2, tail=4, died=2, updated=5_999, expiration=65)


@pytest.mark.parametrize(
    ("label", "number"),
    [("7.1", 1), ("7.3", 3), ("7.4", None), ("7.0", None), ("8.2", None), ("", None), ("7", None), ("7.2x", None)],
)
def test_group_knows_the_numbers_that_it_gave(label: str, number: int | None) -> None:
    assert PARKED.number_of(label) == number


def test_place_is_in_the_id_of_its_entry_and_of_no_other_groups() -> None:
    assert PARKED.entry_id(2) == "group:1:7.2"
    assert PARKED.label_in("group:1:7.2") == PARKED.label(2) == Place(7, 2).label
    assert [PARKED.label_in(each) for each in ("group:2:7.2", "", "group:1")] == ["", "", ""]
    assert ParkedEntry(id=entry_id("group:1", "7.2"), item_id="", message_id="", request="", reason="").number == 2
    assert ParkedEntry(id="group:1", item_id="", message_id="", request="", reason="").number == 0


def test_queues_have_groups_of_their_own() -> None:
    ids = {group_item_id(*each) for each in (("arn-1", "a"), ("arn-2", "a"), ("arn-1", "b"))}

    assert len(ids) == 3
    assert all(each.startswith("group:") for each in ids)


@pytest.mark.parametrize("label", ["1800000000000.12", "7.1"])
def test_deduplication_ids_of_letters_and_redrives_have_the_place(label: str) -> None:
    ids = [dead_letter_deduplication_id("m-1", label), redrive_deduplication_id("m-1", label)]

    assert [place_in(each) for each in ids] == [label, label]
    assert (dead_letter_deduplication_id("m-1"), redrive_deduplication_id("m-1")) == ("dead-m-1", "redrive-m-1")
    assert [place_in(each) for each in ("dead-m-1", "place-7.1-", "", "their-dead-place-7.1-m")] == [""] * 4


@pytest.mark.parametrize(("now_ms", "has_expired"), [(65_000, False), (65_001, True), (0, False)])
def test_group_expires_when_its_time_is_over(now_ms: int, has_expired: bool) -> None:
    assert PARKED.has_expired(now_ms) is has_expired


def test_group_that_waits_for_a_dead_message_says_which() -> None:
    dead = replace(PARKED, died_message_id="m-2", died_item_id="item-2")

    assert (dead.is_dead, dead.waits_for) == (True, "parked behind message m-2 of the item item-2")
    assert replace(dead, died=1).waits_for == "parked behind number 2 of its group, which is being redriven"
    assert [replace(dead, head=4).is_dead, replace(dead, head=4).is_parked] == [False, False]


def test_head_goes_on_if_it_is_still_the_head_and_passes_what_was_given_up() -> None:
    change = replace(PARKED, skipped=("3",), skips=1).settled(2, NOW_MS, 60)

    assert change == Change(
        item_id="group:1",
        values={"head": 4, "updated": NOW_MS, "expiration": 1_800_000_060},
        where={"line": 7, "head": 2, "skips": 1},
    )
    assert PARKED.settled(2, NOW_MS, 60).values["head"] == 3


def test_what_is_given_up_is_listed_and_the_group_is_kept_as_long_as_before() -> None:
    change = replace(PARKED, skipped=("1", "2"), skips=4).given_up([3, 4, 1, 2], NOW_MS)

    assert change == Change(
        item_id="group:1",
        values={
            "head": 4,
            "skipped": ("2", "3"),
            "skips": 5,
            "updated": NOW_MS,
            "expiration": 1_800_000_060,
        },
        where={"line": 7, "head": 2, "skips": 4},
    )


def test_death_makes_a_line_and_parking_goes_on_with_it() -> None:
    dead = after_death(NEW, 1, "item-1", "m-1", NOW_MS)

    assert dead == replace(
        NEW,
        line=NOW_MS,
        tail=2,
        died=1,
        died_ms=NOW_MS,
        died_item_id="item-1",
        died_message_id="m-1",
        updated=NOW_MS,
    )
    assert after_parking(dead, 2, NOW_MS + 1) == replace(dead, tail=3, updated=NOW_MS + 1)
    assert after_parking(PARKED, 2, NOW_MS).tail == 4
    assert after_death(PARKED, 2, "i", "m", NOW_MS).line == 7


def test_writes_of_a_new_group_and_of_one_that_is_known() -> None:
    writer = GroupWriter(table_name="items", window_seconds=60)
    entry = ParkedEntry(id="group:1:7.1", item_id="item-1", message_id="m-1", request="r-1", reason="why", behind="b")

    new, of_entry = writer.write(NEW, replace(PARKED, updated=NOW_MS), entry)
    known, _ = writer.write(replace(PARKED, head=1), replace(PARKED, updated=NOW_MS), entry)

    assert {(each.operation, each.table_name) for each in (new, known, of_entry)} == {("Update", "items")}
    assert (new.target, of_entry.target) == ({"id": "group:1"}, {"id": "group:1:7.1"})
    assert (new.condition, of_entry.condition) == ("attribute_not_exists(#line)", None)
    assert known.condition == "#line = :was_line AND #head = :was_head AND #tail = :was_tail"
    assert (known.values[":was_line"], known.values[":was_head"], known.values[":was_tail"]) == (7, 1, 4)
    assert (new.values[":skipped"], new.values[":skips"], ":skipped" in known.values) == ([], 0, False)
    assert of_entry.update == (
        "SET #item_id = :item_id, #message_id = :message_id, #request = :request, #reason = :reason, "
        "#behind = :behind, #updated = :updated, #expiration = :expiration"
    )
    assert of_entry.values == {
        ":item_id": "item-1",
        ":message_id": "m-1",
        ":request": "r-1",
        ":reason": "why",
        ":behind": "b",
        ":updated": NOW_MS,
        ":expiration": 1_800_000_060,
    }
    assert of_entry.names["#behind"] == "behind"
