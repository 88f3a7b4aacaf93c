"""The documents whose sizes the cost model bills: payloads of a size, messages, and items as DynamoDB weighs them."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.cost.billing import item_bytes
from benchmarks.pipeline_cost.cost import in_s3
from benchmarks.pipeline_cost.documents import message_bytes, payload, service_item, start_item
from benchmarks.pipeline_cost.flow import Flow, Step
from benchmarks.pipeline_cost.usage import usage
from tsunagu.runtime.claim_check import inline_limit


def test_message_that_sns_does_not_take_is_refused() -> None:
    steps = (Step("reserve", ("a", "b", "c")), Step("ship", ("shipping",)))

    with pytest.raises(ValueError, match=r"for a topic must have at most 262,144 bytes, got 26"):
        usage(Flow(steps=steps, request_bytes=65_536, result_bytes=65_536))


@given(st.integers(min_value=22, max_value=5_000))
def test_payload_has_the_size_that_is_asked(size: int) -> None:
    assert len(json.dumps(payload(size), separators=(",", ":"))) == size


def test_payload_smaller_than_an_empty_order_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 22 bytes, got 21"):
        payload(21)


def test_message_and_record_grow_with_an_inline_payload() -> None:
    flow, larger = Flow(request_bytes=1_000), Flow(request_bytes=1_100)

    assert message_bytes(larger, 0) == message_bytes(flow, 0) + 100
    assert start_item(larger).completed == start_item(flow).completed + 100
    assert start_item(larger).committed == start_item(flow).committed + 100  # once: its outbox refers to it


def test_record_of_a_service_keeps_its_result_once_and_no_request() -> None:
    flow = Flow(request_bytes=1_000, result_bytes=500)
    larger_request, larger_result = replace(flow, request_bytes=1_100), replace(flow, result_bytes=600)
    item = service_item(flow, 0, "billing")

    assert service_item(larger_request, 0, "billing") == item
    grown = service_item(larger_result, 0, "billing")
    assert (grown.committed, grown.completed) == (item.committed + 100, item.completed + 100)


def test_record_of_a_claim_does_not_grow_with_the_payload() -> None:
    assert start_item(in_s3(Flow(request_bytes=1_000))) == start_item(in_s3(Flow(request_bytes=9_000)))


def test_number_is_billed_by_its_digits_without_the_zeros_at_its_ends() -> None:
    assert item_bytes({"id": {"S": "a-1"}, "n": {"N": "12345"}}) == (2 + 3) + (1 + 3 + 1)
    assert item_bytes({"lease": {"N": str(10**15)}}) == 5 + 1 + 1
    assert item_bytes({"attempts": {"N": "0"}}) == 8 + 1


def test_list_and_map_are_billed_by_three_bytes_and_one_for_each_value() -> None:
    assert item_bytes({"ids": {"L": [{"S": "a"}, {"S": "bc"}]}}) == 3 + 3 + (1 + 1) + (1 + 2)
    assert item_bytes({"headers": {"M": {"x": {"BOOL": True}}}}) == 7 + 3 + (1 + 1 + 1)


def test_value_that_no_record_would_hold_goes_to_s3() -> None:
    flow, largest = Flow(inline_bytes=1_000_000), inline_limit(1_000_000)

    assert largest < flow.inline_bytes
    assert flow.has_inline(largest)
    assert not flow.has_inline(largest + 1)
