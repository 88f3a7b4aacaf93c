"""Deliveries: which bodies are read, and the reason why another one is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.json_cases import REFUSED_TEXTS
from tests.tsunagu.runtime.world import record
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.receiving.delivery import Delivery

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def delivery(body: str, **attributes: str) -> Delivery:
    return Delivery.from_record(record(body, attributes=attributes))


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_every_json_object_is_read_unchanged(value: dict[str, object]) -> None:
    assert delivery(json.dumps(value)).json_body() == value


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    refusal = ""
    try:
        value: object = delivery(text).json_body()
    except InvalidMessageError as error:
        value, refusal = None, str(error)

    assert isinstance(value, dict) or "must be" in refusal or "must hold" in refusal


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the body must be JSON, got an error at line 1, column 1: Expecting value"),
        ("[1]", "the body must be a JSON object, got list"),
        ('{"a": NaN}', "the body must be JSON, got NaN, which is not a JSON number"),
        ('{"a": -Infinity}', "the body must be JSON, got -Infinity, which is not a JSON number"),
        ('{"a": 1, "a": 2}', "the body must hold each key once, got a key twice in one object"),
        ('{"a": "\\ud800"}', "the body must be JSON in Unicode, got half a surrogate pair"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "the body must be JSON of moderate depth"),
        (
            '{"a": ' + "9" * 5_000 + "}",
            "the body must be JSON with numbers of moderate size",
        ),
        ('{"a": 1e400}', "the body must be JSON with numbers of moderate size"),
    ],
)
def test_refused_body_has_its_reason(body: str, reason: str) -> None:
    with pytest.raises(InvalidMessageError, match="must") as caught:
        delivery(body).json_body()
    assert str(caught.value).startswith(reason)


def test_unknown_schema_version_is_refused() -> None:
    with pytest.raises(InvalidMessageError, match="tsunagu_schema_version must be 1, got '2'"):
        delivery("{}", tsunagu_schema_version="2").json_body()


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [("0190-abc", "0190-abc"), ("../x", "m-1"), ("a\nb", "m-1"), ("x" * 129, "m-1")],
)
def test_request_id_is_the_attribute_where_it_is_well_formed(attribute: str, expected: str) -> None:
    assert delivery("{}", tsunagu_request_id=attribute).request_id == expected


def test_binary_attributes_are_read_as_bytes() -> None:
    raw = record("{}")
    raw["messageAttributes"] = {"b": {"binaryValue": "AAEC", "dataType": "Binary.x"}}

    attribute = Delivery.from_record(raw).attributes["b"]

    assert (attribute.data_type, attribute.value) == ("Binary.x", b"\x00\x01\x02")


def test_group_of_a_standard_queue_is_kept_and_orders_nothing() -> None:
    fair = Delivery.from_record(record("{}", tenant="a"))
    fifo = Delivery.from_record(record("{}", group="a"))

    assert (fair.group_id, fair.fair_group_id, fair.ordered_group_id) == ("a", "a", None)
    assert (fifo.group_id, fifo.fair_group_id, fifo.ordered_group_id) == ("a", None, "a")


@pytest.mark.parametrize("text", [text for text in REFUSED_TEXTS if isinstance(text, str)], ids=repr)
def test_body_that_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessageError, match=r"^the body must "):
        delivery(text).json_body()
