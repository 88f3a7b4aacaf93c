"""Which letters the options of the command mean."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tsunagu.operations.letters.samples import letter, opened, ours
from tsunagu.errors import InvalidInputError
from tsunagu.operations.letters.selection import Selection, moment_ms
from tsunagu.runtime.idempotency.keys import item_id, mismatch_item_id
from tsunagu.testing.fakes import START_MS

FOUND = letter(
    {"country": "DE", "amount": 7},
    "3f1c9a2e-0000",
    attributes=ours("order o-17 is Unknown", item_id("orders@orders", "o-17")),
    group="customer-1",
    sent_ms=START_MS,
)


@pytest.mark.parametrize(
    ("part", "selected"),
    [
        ({}, True),
        ({"letter_id": "3f1c9a"}, True),
        ({"letter_id": "before-1"}, True),
        ({"letter_id": "request-1"}, True),
        ({"letter_id": "1c9a2e-"}, False),
        ({"reason": "is unknown"}, True),
        ({"reason": "order …"}, True),
        ({"reason": "o-18"}, False),
        ({"key": "o-17"}, True),
        ({"key": "o-1"}, False),
        ({"group": "customer-1"}, True),
        ({"group": "customer"}, False),
        ({"since_ms": START_MS}, True),
        ({"since_ms": START_MS + 1}, False),
        ({"until_ms": START_MS}, False),
        ({"until_ms": START_MS + 1}, True),
        ({"expression": "body.country == 'DE'"}, True),
        ({"expression": "body.amount > `8`"}, False),
        ({"expression": "body.missing"}, False),
        ({"expression": "redriven == `0` && group == 'customer-1'"}, True),
        ({"expression": "length(body.amount)"}, False),
        ({"reason": "is unknown", "group": "another"}, False),
    ],
)
def test_letter_is_selected_if_each_part_holds(part: dict[str, Any], selected: bool) -> None:
    assert Selection(**part).matches(opened(FOUND)) is selected


@pytest.mark.parametrize("key", ["17", 17])
def test_key_that_is_a_number_is_found_as_text_and_as_number(key: str | int) -> None:
    found = letter(attributes=ours(item_id=item_id("orders@orders", key)))

    assert Selection(key="17").matches(opened(found))


def test_letter_of_another_payload_under_the_key_has_the_key_too() -> None:
    found = letter(attributes=ours(item_id=mismatch_item_id(item_id("orders@orders", "o-1"), "hash")))

    assert Selection(key="o-1").matches(opened(found))


def test_letter_that_does_not_say_its_item_has_no_key() -> None:
    assert not Selection(key="o-1").matches(opened(letter({"key": "o-1"})))


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"expression": "body.["}, r"--filter must be a JMESPath expression, got 'body\.\['"),
        ({"letter_id": "3f1c"}, "LETTER must be an id, or at least 6 characters of one, got '3f1c'"),
    ],
)
def test_selection_that_cannot_be_read_is_refused(part: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        Selection(**part)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", START_MS - 90 * 60_000),
        ("2h", START_MS - 2 * 3_600_000),
        ("3d", START_MS - 3 * 86_400_000),
        ("2026-03-01T04:00:00Z", int(datetime(2026, 3, 1, 4, tzinfo=UTC).timestamp() * 1_000)),
        ("2026-03-01", int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1_000)),
        ("2026-03-01T05:00:00+01:00", int(datetime(2026, 3, 1, 4, tzinfo=UTC).timestamp() * 1_000)),
    ],
)
def test_moment_is_a_time_or_an_age(text: str, moment: int) -> None:
    assert moment_ms("--since", text, START_MS) == moment


def test_text_that_is_no_moment_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"--until must be a time such as .*, got 'yesterday'"):
        moment_ms("--until", "yesterday", START_MS)
