"""Message models: a dataclass describes the fields of a message."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.receiving.model import parser


@dataclass
class Line:
    article: str
    count: int = 1


@dataclass
class Order:
    order_id: str
    price: float
    is_gift: bool
    note: str | None
    lines: list[Line] = field(default_factory=list)


VALID: dict[str, Any] = {"order_id": "o", "price": 1, "is_gift": False, "note": None, "lines": [{"article": "a"}]}


def test_message_is_read_with_its_parts_and_defaults() -> None:
    expected = Order(order_id="o", price=1.0, is_gift=False, note=None, lines=[Line("a", 1)])

    assert parser(Order)(VALID) == expected


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"order_id": 1}, "order_id must be text, got 1"),
        ({"price": "1"}, "price must be a number, got '1'"),
        ({"price": True}, "price must be a number, got True"),
        ({"is_gift": 1}, "is_gift must be true or false, got 1"),
        ({"note": 1}, "note must be str | None, got 1"),
        ({"lines": {}}, "lines must be a list, got {}"),
        ({"lines": [{}]}, r"lines\[0\] must have the fields \['article', 'count'\], got \[\]"),
        ({"lines": [{"article": "a", "count": 1.5}]}, r"^lines\[0\]\.count must be a whole number, got 1.5"),
    ],
)
def test_message_that_breaks_its_model_is_refused_with_the_place(change: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidMessageError, match=reason):
        parser(Order)({**VALID, **change})


def test_message_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidMessageError, match=r"^the message must be an object, got \[1\]$"):
        parser(Order)([1])  # type: ignore[arg-type]


def test_fields_that_the_model_does_not_have_are_ignored() -> None:
    newer = {**VALID, "channel": "web", "lines": [{"article": "a", "colour": "red"}]}

    assert parser(Order)(newer) == parser(Order)(VALID)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"other": 1}, "the message must have the fields"),
        ({"lines": [{"article": "a", "other": 1}]}, r"lines\[0\] must have the fields \['article', 'count'\]"),
    ],
)
def test_fields_that_the_model_does_not_have_are_refused_by_choice(change: dict[str, object], reason: str) -> None:
    assert parser(Order, strict=True)(VALID) == parser(Order)(VALID)

    with pytest.raises(InvalidMessageError, match=reason):
        parser(Order, strict=True)({**VALID, **change})


def test_class_with_from_json_reads_the_message_itself() -> None:
    class Own:
        @classmethod
        def from_json(cls, body: dict[str, object]) -> "Own":
            raise InvalidMessageError(str(body))

    with pytest.raises(InvalidMessageError, match=r"{'a': 1}"):
        parser(Own)({"a": 1})


def test_field_that_json_cannot_hold_is_refused_when_the_model_is_read() -> None:
    @dataclass
    class Odd:
        when: complex

    with pytest.raises(TypeError, match=r"Odd.when must be a str, int, float, bool, None, list"):
        parser(Odd)


def test_class_that_is_not_a_model_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a dataclass or have a class method from_json"):
        parser(dict)


@dataclass
class Percentage:
    value: int

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 100:
            msg = f"value must be between 0 and 100, got {self.value}"
            raise ValueError(msg)


def test_value_that_a_model_refuses_is_refused_with_its_reason() -> None:
    with pytest.raises(InvalidMessageError, match="value must be between 0 and 100, got 101"):
        parser(Percentage)({"value": 101})
