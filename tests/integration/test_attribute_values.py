"""Values in DynamoDB's format are those that boto3 writes and reads."""

import enum
import sys
from collections import OrderedDict
from decimal import Context, Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.runtime.aws.attribute_values import plain_item, to_attributes


class Size(enum.IntEnum):
    """Sizes."""

    SMALL = 1


class State(enum.StrEnum):
    """States."""

    OPEN = "open"


class Grams(int):
    """A number that shows its unit."""

    def __str__(self) -> str:
        return f"{int(self)} g"


class Name(str):
    """Text of a class of its own."""

    __slots__ = ()


EXACT = Context(prec=60)
NUMBERS = st.integers(-(10**38) + 1, 10**38 - 1)
DECIMALS = st.decimals(-(10**20), 10**20, allow_nan=False, allow_infinity=False, places=6) | st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent, EXACT), NUMBERS, st.integers(-100, 80)
)
LEAVES = (
    st.none()
    | st.booleans()
    | NUMBERS
    | DECIMALS
    | st.text()
    | st.binary()
    | st.binary().map(bytearray)
    | st.binary().map(Binary)
    | st.sampled_from([Size.SMALL, State.OPEN, Grams(7), Name("x")])
    | st.sets(st.text(min_size=1), min_size=1)
    | st.sets(NUMBERS, min_size=1)
    | st.sets(st.binary(min_size=1), min_size=1).map(frozenset)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(), inner)
        | st.dictionaries(st.text(), inner).map(OrderedDict)
    ),
    max_leaves=8,
)
ITEMS = st.dictionaries(st.text(min_size=1), VALUES, max_size=4)


@given(ITEMS)
def test_values_are_written_as_boto3_writes_them(item: dict[str, Any]) -> None:
    assert to_attributes(item) == TypeSerializer().serialize(item)["M"]


@given(ITEMS)
def test_values_are_read_as_boto3_reads_them(item: dict[str, Any]) -> None:
    attributes = TypeSerializer().serialize(item)["M"]

    read = TypeDeserializer().deserialize({"M": attributes})

    assert plain_item(attributes) == _plain(read)


def test_boto3_is_not_needed_for_amounts_and_enumerations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3.dynamodb.types", None)  # its import fails

    written = to_attributes({"amount": [Decimal("12.50")], "size": Size.SMALL, "state": State.OPEN})

    assert written == {"amount": {"L": [{"N": "12.50"}]}, "size": {"N": "1"}, "state": {"S": "open"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", 7), ("7.50", Decimal("7.50")), ("1E+3", 1000), ("-0", 0), ("1E-130", Decimal("1E-130"))],
)
def test_whole_number_is_read_as_int_and_another_as_decimal(text: str, expected: int | Decimal) -> None:
    read = plain_item({"amount": {"N": text}})["amount"]

    assert (type(read), read) == (type(expected), expected)


@pytest.mark.parametrize(
    "value",
    [1.5, object(), float("nan"), Decimal("NaN"), Decimal("Infinity"), {1.5}, {"a", 1}, set(), 10**38, -(10**40)]
    + [Decimal(text) for text in ("sNaN", "-Infinity", "1E+126", "1E-131", f"0.{'1' * 39}", f"1{'0' * 38}", "1E+400")],
)
def test_value_that_boto3_refuses_is_refused_by_the_same_error(value: object) -> None:
    outcomes = [_outcome(write, value) for write in (_ours, _boto3s)]

    assert outcomes[0] == outcomes[1]


def test_value_inside_a_list_of_an_item_is_refused_too() -> None:
    with pytest.raises(TypeError, match="Float types are not supported"):
        to_attributes({"amounts": [{"net": 1.5}]})


def _ours(value: object) -> Any:
    return to_attributes({"value": value})["value"]


def _boto3s(value: object) -> Any:
    return TypeSerializer().serialize(value)


def _outcome(write: Any, value: object) -> object:
    try:
        return write(value)
    except Exception as error:  # noqa: BLE001 - which one it is, is compared
        return type(error), str(error)


def _plain(value: Any) -> Any:
    """Return what boto3 has read, with plain bytes and whole numbers as `int`."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, Binary):
        binary: Any = value
        return bytes(binary.value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return {_plain(inner) for inner in value} if isinstance(value, set) else value
