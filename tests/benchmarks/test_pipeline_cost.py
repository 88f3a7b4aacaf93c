"""The cost model follows the pipeline: its calls are those of the design, and its price is the list's."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from aws_cdk import Duration
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.pipeline_cost.__main__ import main
from benchmarks.pipeline_cost.cost import component_usd, in_s3, ratio, usd
from benchmarks.pipeline_cost.documents import ItemSizes, message_bytes, payload, service_item, start_item
from benchmarks.pipeline_cost.flow import ORDER_STEPS, Flow, Step
from benchmarks.pipeline_cost.prices import PRICES, Component, Purpose
from benchmarks.pipeline_cost.usage import item_usage, usage
from cdk_app.constructs import ClaimCheckBucketProps, HandlerFunctionProps, QueueChannelProps

CALLS = (
    Component.S3_PUT,
    Component.S3_GET,
    Component.SNS_PUBLISH,
    Component.SQS_RECEIVE,
    Component.SQS_DELETE,
    Component.DYNAMODB_INDEX,
    Component.DYNAMODB_READ,
    Component.LAMBDA_REQUEST,
)
# Messages one by one, so that every call of a request counts as one.
SINGLE = Flow(batch=1)
SINGLE_IN_S3 = in_s3(SINGLE)


def calls(flow: Flow) -> Mapping[str, float]:
    used = usage(flow)
    return {component.name: used[component] for component in CALLS if used.get(component)}


def added(more: Flow, less: Flow) -> Mapping[str, float]:
    after, before = calls(more), calls(less)
    return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}


def test_order_pipeline_in_s3_makes_the_calls_of_the_design() -> None:
    assert calls(SINGLE_IN_S3) == {
        "S3_PUT": 4,  # the request, and three results
        "S3_GET": 5,  # three services read the request, shipping two results too
        "SNS_PUBLISH": 3,
        "SQS_RECEIVE": 3,
        "SQS_DELETE": 3,
        "DYNAMODB_INDEX": 4,  # the start, and three services
        "DYNAMODB_READ": 4,  # inventory and billing each read both
        "LAMBDA_REQUEST": 4,
    }


def test_inline_payloads_save_the_objects_and_no_other_call() -> None:
    expected = {name: count for name, count in calls(SINGLE_IN_S3).items() if not name.startswith("S3_")}

    assert calls(SINGLE) == expected


def test_one_more_service_of_the_last_step_adds_its_own_calls_and_a_join() -> None:
    steps = (ORDER_STEPS[0], Step("ship", ("shipping", "labels")))

    assert added(replace(SINGLE_IN_S3, steps=steps), SINGLE_IN_S3) == {
        "S3_PUT": 1,
        "S3_GET": 3,  # the request, and the two results of the step before
        "SQS_RECEIVE": 1,
        "SQS_DELETE": 1,
        "DYNAMODB_INDEX": 1,
        "DYNAMODB_READ": 4,
        "LAMBDA_REQUEST": 1,
    }


def test_one_more_service_of_the_first_step_is_read_by_the_next_step() -> None:
    steps = (Step("reserve", ("inventory", "billing", "loyalty")), ORDER_STEPS[1])

    assert added(replace(SINGLE_IN_S3, steps=steps), SINGLE_IN_S3) == {
        "S3_PUT": 1,
        "S3_GET": 2,  # the request by itself, its result by shipping
        "SQS_RECEIVE": 1,
        "SQS_DELETE": 1,
        "DYNAMODB_INDEX": 1,
        "DYNAMODB_READ": 5,  # three times three instead of two times two
        "LAMBDA_REQUEST": 1,
    }


def test_one_more_step_adds_a_publish() -> None:
    steps = (*ORDER_STEPS, Step("bill", ("invoice",)))

    assert added(replace(SINGLE, steps=steps), SINGLE) == {
        "SNS_PUBLISH": 1,
        "SQS_RECEIVE": 1,
        "SQS_DELETE": 1,
        "DYNAMODB_INDEX": 1,
        "LAMBDA_REQUEST": 1,
    }


def test_payload_above_the_threshold_costs_as_in_s3() -> None:
    large = Flow(request_bytes=1_001, result_bytes=1_001, inline_bytes=1_000)

    assert usage(large) == usage(in_s3(large))


def test_payload_at_the_threshold_travels_inline() -> None:
    flow = Flow(request_bytes=1_000, result_bytes=1_000, inline_bytes=1_000)

    assert usage(flow)[Component.S3_PUT] == 0


def test_each_payload_is_judged_by_its_own_size() -> None:
    flow = replace(SINGLE, request_bytes=2_000, inline_bytes=1_000)

    assert (usage(flow)[Component.S3_PUT], usage(flow)[Component.S3_GET]) == (1, 3)


def test_full_batch_shares_its_calls() -> None:
    used = usage(Flow(batch=10))

    assert used[Component.SQS_RECEIVE] == pytest.approx(0.3)
    assert used[Component.SQS_DELETE] == pytest.approx(0.3)
    assert used[Component.LAMBDA_REQUEST] == pytest.approx(1.3)


def test_publish_of_a_step_with_two_services_carries_half_a_batch() -> None:
    # One for the start by itself, a fifth behind reserve, a tenth behind ship.
    assert usage(Flow(batch=10))[Component.SNS_PUBLISH] == pytest.approx(1.3)


def test_each_64_kib_of_a_call_is_a_request() -> None:
    # The envelope makes each message a little larger than its payload: two requests each.
    used = usage(replace(SINGLE, request_bytes=65_536))

    assert (used[Component.SNS_PUBLISH], used[Component.SQS_RECEIVE]) == (6, 6)


def test_batch_saves_no_requests_for_what_fills_them() -> None:
    flow = Flow(request_bytes=60_000, result_bytes=256, batch=10)

    # Ten messages of 61 KB are ten requests, whoever receives them together.
    assert usage(flow)[Component.SQS_RECEIVE] == pytest.approx(3, rel=0.1)


def test_call_carries_no_more_than_it_has_room_for() -> None:
    flow = Flow(request_bytes=100_000, inline_bytes=100_000, batch=10)

    # Two messages of 98 KiB fill a PublishBatch of 256 KiB: four requests for two, at each of three publishes.
    assert usage(flow)[Component.SNS_PUBLISH] == 6


def test_bucket_key_spares_all_but_a_hundredth_of_the_calls_to_kms() -> None:
    assert usage(SINGLE_IN_S3)[Component.S3_KMS] == pytest.approx((4 + 5) / 100)


def test_message_that_sns_does_not_take_is_refused() -> None:
    steps = (Step("reserve", ("a", "b", "c")), Step("ship", ("shipping",)))

    with pytest.raises(ValueError, match=r"at most 262,144 bytes for SNS, got 26"):
        usage(Flow(steps=steps, request_bytes=65_536, result_bytes=65_536))


@pytest.mark.parametrize("batch", [0, 11])
def test_batch_that_no_queue_delivers_is_refused(batch: int) -> None:
    with pytest.raises(ValueError, match=f"batch must be between 1 and 10 messages, got {batch}"):
        Flow(batch=batch)


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
    assert start_item(larger).committed >= start_item(flow).committed + 200  # in the outbox too
    assert service_item(larger, 1, "shipping").completed == service_item(flow, 1, "shipping").completed
    assert service_item(larger, 1, "shipping").committed >= service_item(flow, 1, "shipping").committed + 100


def test_record_of_a_claim_does_not_grow_with_the_payload() -> None:
    assert start_item(in_s3(Flow(request_bytes=1_000))) == start_item(in_s3(Flow(request_bytes=9_000)))


def test_update_is_billed_by_the_larger_of_the_item_before_and_after() -> None:
    sizes = ItemSizes(claimed=500, committed=3_000, completed=2_000)

    assert item_usage(Flow(), sizes)[Component.DYNAMODB_WRITE] == 1 + 3 + 3


def test_transaction_is_billed_twice_with_the_business_writes_in_it() -> None:
    sizes = ItemSizes(claimed=500, committed=3_000, completed=2_000)

    assert item_usage(Flow(), sizes, writes=2)[Component.DYNAMODB_WRITE] == 1 + 2 * (3 + 2) + 3


def test_handlers_that_wait_for_s3_are_paid_for() -> None:
    gb_seconds = usage(SINGLE_IN_S3)[Component.LAMBDA_DURATION] - usage(SINGLE)[Component.LAMBDA_DURATION]

    assert gb_seconds == pytest.approx((4 * 0.030 + 5 * 0.020) * 0.25)


def test_keys_are_used_by_the_time() -> None:
    day, week = usage(Flow(hours=24)), usage(Flow(hours=7 * 24))

    # 288 data keys a day, two calls each, for the preprocessor and three services.
    assert day[Component.SNS_KMS] == pytest.approx(288 * 2 * 4 / 1_000_000)
    assert week[Component.SNS_KMS] == pytest.approx(7 * day[Component.SNS_KMS])


def test_objects_are_paid_for_as_long_as_they_are_kept() -> None:
    flow = in_s3(Flow(request_bytes=2**10, result_bytes=2**10, claim_days=60))

    assert usage(flow)[Component.S3_STORAGE] == pytest.approx(4 * 2**10 / 2**30 * 2)


@pytest.mark.parametrize(
    ("component", "units", "price"),
    [
        (Component.S3_PUT, 4, 20.00),
        (Component.S3_GET, 5, 2.00),
        (Component.SNS_PUBLISH, 3, 1.50),
        (Component.SQS_RECEIVE, 3, 1.20),
        (Component.DYNAMODB_WRITE, 8, 5.00),
        (Component.LAMBDA_REQUEST, 4, 0.80),
        (Component.S3_KMS, 0.09, 0.27),
        (Component.S3_STORAGE, 0.0001, 2.30),
    ],
)
def test_million_requests_cost_the_list_price(component: Component, units: float, price: float) -> None:
    assert component_usd(component, units) == pytest.approx(price)


def test_purposes_add_up_to_the_whole_flow() -> None:
    assert sum(usd(Flow(), purpose) for purpose in Purpose) == pytest.approx(usd(Flow()))


def test_every_component_has_a_price_and_a_page_that_says_so() -> None:
    assert PRICES.keys() == set(Component)
    assert all(price.unit_usd > 0 and price.seen.startswith("https://") for price in PRICES.values())


def test_transport_of_inline_payloads_costs_at_most_a_tenth() -> None:
    assert ratio(Flow(), Purpose.TRANSPORT) <= 0.1
    assert ratio(Flow(batch=2), Purpose.TRANSPORT) <= 0.1
    assert ratio(SINGLE, Purpose.TRANSPORT) > 0.1  # and not for messages that come one by one


def test_flow_has_the_defaults_of_the_constructs() -> None:
    bucket, queue = ClaimCheckBucketProps(), QueueChannelProps(handler_timeout=Duration.seconds(5))
    memory_mib: Any = next(field.default for field in fields(HandlerFunctionProps) if field.name == "memory_mib")

    assert Flow().claim_days == bucket.expiration.to_days() + bucket.recovery.to_days()
    assert Flow().record_days == 2 * queue.retention.to_days() + queue.dead_letter_retention.to_days() + 1
    assert Flow().memory_gib == memory_mib / 1_024


def test_report_ends_with_the_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    main()

    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[1] for line in lines if line.startswith("ratio pipeline.")]
    assert names == [
        "pipeline.usd",
        "pipeline.usd.batches_of_one",
        "pipeline.usd.with_journal",
        "pipeline.usd.whole_flow",
    ]
