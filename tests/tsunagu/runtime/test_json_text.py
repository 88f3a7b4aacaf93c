"""JSON text: what the one strict reader refuses, and that numbers keep their exact value."""

import copy
import json
import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tsunagu.runtime.json_cases import REFUSED_TEXTS
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import ExactFloat, canonical_json, has_exact_numbers, json_text, read_json

LONG = "12345678901234567.89"
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**300), max_value=10**300)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})\.[0-9]{1,30}([eE][+-]?[0-9]{1,2})?", fullmatch=True)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=8), each, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(("text", "reason"), REFUSED_TEXTS.items(), ids=repr)
def test_text_is_refused_with_a_reason_that_names_it(text: str | bytes, reason: str) -> None:
    with pytest.raises(InvalidMessageError, match=r"^the text must ") as caught:
        read_json("the text", text)

    assert reason in str(caught.value)


def test_pair_of_surrogates_is_one_character() -> None:
    assert read_json("the text", '"\\ud83d\\ude00"') == "\U0001f600"


@given(JSON_VALUES)
@example({"a": [1e-320, 5e-324, 1.7976931348623157e308, -0.0, 1e23]})
def test_value_without_exact_numbers_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    text = json.dumps(value)

    assert repr(read_json("the text", text)) == repr(json.loads(text))
    assert not has_exact_numbers(read_json("the text", text))


@given(NUMBERS)
@example(LONG)
@example("1e-400")
@example("1e-6176")
@example("12345678901234567890.0")
@example("0.10000000000000000555")
def test_number_has_the_same_value_after_it_was_read_and_written(text: str) -> None:
    number = read_json("the text", f'{{"n":[{text}]}}')

    assert isinstance(number["n"][0], float)
    assert Decimal(str(number["n"][0])) == Decimal(text)
    assert Decimal(json_text(number)[6:-2]) == Decimal(text)


def test_number_that_a_float_would_round_keeps_its_digits() -> None:
    value = read_json("the text", f'{{"a":{LONG},"b":0.1}}')

    assert (type(value["a"]), type(value["b"])) == (ExactFloat, float)
    assert json_text(value) == f'{{"a":{LONG},"b":0.1}}'
    assert (f"{value['a']}", repr(value["a"]), value["a"] + 1) == (LONG, LONG, 12345678901234568.0)


def test_copies_of_an_exact_number_keep_its_digits() -> None:
    number = read_json("the text", LONG)

    assert {str(copy.deepcopy(number)), str(copy.copy(number)), str(pickle.loads(pickle.dumps(number)))} == {LONG}  # noqa: S301


@given(DECIMALS)
def test_decimal_is_written_with_its_value(number: Decimal) -> None:
    assert Decimal(json_text({"n": number})[5:-1]) == number


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), Decimal("1e400"), Decimal("1e-6177")])
def test_decimal_that_could_not_be_read_again_is_refused(number: Decimal) -> None:
    with pytest.raises(InvalidMessageError, match="the value must be JSON, got one with the number"):
        json_text([number])


@given(JSON_VALUES)
def test_value_beside_an_exact_number_is_written_as_without_one(value: Any) -> None:
    assert json_text([value, Decimal("0.5")]) == json_text([value, 0.5])
    assert canonical_json([value, Decimal("0.5")]) == canonical_json([value, 0.5])


def test_keys_that_are_no_text_are_written_as_without_an_exact_number() -> None:
    value: dict[object, object] = {2: "a", None: "b", True: "c", "é": "d", 0.5: "e"}

    assert json_text([value, Decimal("0.5")]) == json_text([value, 0.5])


@pytest.mark.parametrize(
    "value", [{"a": object()}, [Decimal(1), object()], [Decimal(1), {(): 1}], [Decimal(1), "\ud800"]]
)
def test_what_is_not_json_is_refused_beside_a_decimal_too(value: object) -> None:
    with pytest.raises(InvalidMessageError, match="the value must be JSON, got one with"):
        json_text(value)


def test_circle_is_refused() -> None:
    circle: list[object] = [Decimal(1)]
    circle.append(circle)

    with pytest.raises(InvalidMessageError, match="the value must be JSON"):
        json_text(circle)
