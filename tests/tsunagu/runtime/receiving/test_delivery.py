"""Deliveries: which bodies are read, and the reason why another one is refused."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.json_cases import REFUSED_TEXTS
from tests.tsunagu.runtime.world import record
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.attribute import Attribute

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


FULL: dict[str, object] = {
    "messageId": "m-1",
    "receiptHandle": "handle",
    "body": "{}",
    "attributes": {
        "ApproximateReceiveCount": "7",
        "MessageGroupId": "g",
        "SequenceNumber": "1",
        "AWSTraceHeader": "Root=1-2-3;Parent=4",
    },
    "messageAttributes": {
        "n": {"dataType": "Number", "stringValue": "5"},
        "b": {"dataType": "Binary", "binaryValue": "YQ=="},
        "e": {"dataType": "String"},
    },
}


def test_record_is_read_with_all_that_it_has() -> None:
    assert Delivery.from_record(FULL) == Delivery(
        message_id="m-1",
        receipt_handle="handle",
        body="{}",
        attributes={"n": Attribute("Number", "5"), "b": Attribute("Binary", b"a"), "e": Attribute("String", "")},
        group_id="g",
        is_fifo=True,
        trace_header="Root=1-2-3;Parent=4",
        receive_count=7,
    )


def test_record_with_the_least_is_read() -> None:
    assert Delivery.from_record({"messageId": "m-1", "body": "{}", "attributes": {}}) == Delivery(
        message_id="m-1",
        receipt_handle="",
        body="{}",
        attributes={},
        group_id=None,
        is_fifo=False,
        trace_header=None,
    )


@pytest.mark.parametrize(
    ("count", "expected"),
    [("2", 2), ("999999999", 999_999_999), ("1234567890", 1), ("-2", 1), ("2x", 1), ("", 1), (2, 1), (None, 1)],
)
def test_count_of_deliveries_that_cannot_be_read_is_one(count: object, expected: int) -> None:
    assert Delivery.from_record({**FULL, "attributes": {"ApproximateReceiveCount": count}}).receive_count == expected


def test_first_of_several_problems_is_told() -> None:
    malformed = {**FULL, "attributes": None, "messageAttributes": {"a": None}, "body": None}

    assert Delivery.from_record(malformed).problem == "attributes of the record must be an object, got NoneType"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "message attribute {name} must have a dataType and a value"),
        (
            {"dataType": "Binary", "binaryValue": "Y"},
            "the binary value of message attribute {name} must be Base64",
        ),
    ],
)
def test_name_of_a_malformed_attribute_is_cut(value: object, reason: str) -> None:
    delivery = Delivery.from_record({**FULL, "messageAttributes": {"x" * 1_000: value}})

    assert delivery.problem == reason.format(name=repr("x" * 64))


def test_half_a_surrogate_pair_in_a_body_is_named() -> None:
    assert Delivery.from_record({**FULL, "body": "\ud800"}).problem == (
        "the body must be Unicode, got half a surrogate pair"
    )


def test_log_fields_have_the_ids_of_message_item_and_trace() -> None:
    assert Delivery.from_record(FULL).log_fields("orders#1") == {
        "request_id": "m-1",
        "message_id": "m-1",
        "item_id": "orders#1",
        "xray_trace_id": "1-2-3",
    }


def test_log_fields_of_a_new_request_have_the_one_that_it_came_from() -> None:
    given = replace(delivery("{}", tsunagu_request_id="r-1"), given_request_id="r-2")

    assert given.log_fields("orders#1") == {
        "request_id": "r-2",
        "message_id": "m-1",
        "item_id": "orders#1",
        "cause_request_id": "r-1",
    }


@pytest.mark.parametrize(
    ("header", "root"), [("Sampled=1;Root=1-2-3", "1-2-3"), ("Root=1-ab;Parent=5", "1-ab"), ("Self=1-2", None)]
)
def test_trace_id_is_the_root_of_the_header(header: str, root: str | None) -> None:
    traced = Delivery.from_record({**FULL, "attributes": {"AWSTraceHeader": header}})

    assert traced.log_fields("i").get("xray_trace_id") == root


def test_schema_version_that_is_not_known_is_shown_cut() -> None:
    with pytest.raises(InvalidMessageError, match=f"^tsunagu_schema_version must be 1, got '{'9' * 16}'$"):
        delivery("{}", tsunagu_schema_version="9" * 1_000).json_body()


@pytest.mark.parametrize(("length", "is_kept"), [(128, True), (129, False)])
def test_longest_request_id_is_kept(length: int, is_kept: bool) -> None:
    brought = delivery("{}", tsunagu_request_id="x" * length)

    assert brought.brought_request_id == ("x" * length if is_kept else None)
    assert brought.request_id == ("x" * length if is_kept else "m-1")


@pytest.mark.parametrize(("hops", "expected"), [("12", 12), ("1.5", 0), ("-1", 0), ("1234567890", 0)])
def test_number_of_hops_that_cannot_be_read_is_none(hops: str, expected: int) -> None:
    assert delivery("{}", tsunagu_hop_count=hops).hop_count == expected
    assert delivery("{}").hop_count == 0


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
