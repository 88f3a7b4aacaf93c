"""The cost model follows the pipeline: its calls are those of the design, and its price is the list's."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration

from benchmarks.cost.load import Durations
from benchmarks.pipeline_cost.__main__ import main
from benchmarks.pipeline_cost.cost import component_usd, in_s3, ratio, request_turn_bytes, result_turn_bytes, sized, usd
from benchmarks.pipeline_cost.documents import ItemSizes
from benchmarks.pipeline_cost.flow import ORDER_STEPS, Flow, Step
from benchmarks.pipeline_cost.prices import PRICES, Component, Purpose
from benchmarks.pipeline_cost.usage import item_usage, usage
from tsunagu.cdk import ClaimCheckBucketProps, HandlerFunctionProps, QueueChannelProps

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
INSTANT = Durations(s3_put=0, s3_get=0, publish=0, dynamodb=0, transaction=0, work=0)
ROOT = Path(__file__).parents[2]


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
        "DYNAMODB_READ": 2,  # inventory and billing each read the other's; shipping is alone
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
        "DYNAMODB_READ": 2,
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
        "DYNAMODB_READ": 4,  # three read two others each, instead of two one
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


@pytest.mark.parametrize("batch", [0, 11])
def test_batch_that_no_queue_delivers_is_refused(batch: int) -> None:
    with pytest.raises(ValueError, match=f"batch must be between 1 and 10 messages, got {batch}"):
        Flow(batch=batch)


def test_of_two_siblings_one_is_found_done_and_one_claimed() -> None:
    used = usage(Flow(result_bytes=8_192))

    # A record with a result of 8 KB is three units, a claimed one a single unit.
    assert used[Component.DYNAMODB_READ] == 3 + 1


def test_update_is_billed_by_the_larger_of_the_item_before_and_after() -> None:
    sizes = ItemSizes(claimed=500, committed=3_000, completed=2_000)

    assert item_usage(Flow(), sizes)[Component.DYNAMODB_WRITE] == 1 + 3 + 3


def test_transaction_is_billed_twice_with_the_business_writes_in_it() -> None:
    sizes = ItemSizes(claimed=500, committed=3_000, completed=2_000)

    assert item_usage(Flow(), sizes, writes=2)[Component.DYNAMODB_WRITE] == 1 + 2 * (3 + 2) + 3


def test_service_that_writes_nothing_pays_no_transaction() -> None:
    one, none = usage(Flow(writes=1)), usage(Flow(writes=0))

    # Each of three services commits two units of its item and one of the write twice over, instead of its item once.
    assert one[Component.DYNAMODB_WRITE] - none[Component.DYNAMODB_WRITE] == 3 * (2 * (2 + 1) - 2)


def test_publish_is_waited_for_once_a_call() -> None:
    flow = Flow(batch=10, durations=replace(INSTANT, publish=1), memory_gib=1)

    assert usage(flow)[Component.LAMBDA_DURATION] == pytest.approx(1 + 1 / 5 + 1 / 10)
    large = replace(flow, request_bytes=100_000, inline_bytes=100_000)
    assert usage(large)[Component.LAMBDA_DURATION] == pytest.approx(1 + 1 / 2 + 1 / 2)


def test_siblings_of_a_batch_are_read_by_a_hundred_keys_a_call() -> None:
    steps = (Step("all", tuple(f"service-{number}" for number in range(12))),)
    flow = Flow(steps=steps, batch=10, durations=replace(INSTANT, dynamodb=1), memory_gib=1)

    # The start's three calls; then 12 services claim, complete, and read 110 keys in two calls, for ten messages each.
    assert usage(flow)[Component.LAMBDA_DURATION] == pytest.approx(3 + 12 * (1 + 1 + 2) / 10)


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


@pytest.mark.parametrize("batch", [1, 10])
def test_inline_turns_dearer_at_five_kb_of_a_request_and_nearly_three_of_a_result(batch: int) -> None:
    flow, purposes = Flow(batch=batch), (Purpose.TRANSPORT, Purpose.JOURNAL)

    assert request_turn_bytes(flow, *purposes) == 5 * 1_024
    assert result_turn_bytes(flow, *purposes) == 2.75 * 1_024


@pytest.mark.slow
def test_transport_alone_has_no_turn_before_the_threshold() -> None:
    assert request_turn_bytes(Flow(), Purpose.TRANSPORT) == Flow().inline_bytes


def test_page_says_what_the_model_says() -> None:
    flow, counted = Flow(), (Purpose.TRANSPORT, Purpose.JOURNAL)
    page = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
    turns = [f"{turn(flow, *counted) / 1_024:g}" for turn in (request_turn_bytes, result_turn_bytes)]

    said = " ".join(page.split("## Costs")[1].split("\n## ")[0].split())
    inline, stored = usd(flow, Purpose.TRANSPORT), usd(in_s3(flow), Purpose.TRANSPORT)
    all_inline, all_stored = usd(flow, *counted), usd(in_s3(flow), *counted)
    for sentence in (
        f"in full batches | {inline:.2f} USD | {stored:.1f} USD | {ratio(flow, Purpose.TRANSPORT):.2f} |",
        f"one message at a time | \u2013 | \u2013 | {ratio(SINGLE, Purpose.TRANSPORT):.2f} |",
        f"the items in DynamoDB | {all_inline:.1f} USD | {all_stored:.1f} USD | {ratio(flow, *counted):.2f} |",
        f"for requests up to {turns[0]} KB and results up to {turns[1]} KB",
        f"cost {ratio(sized(flow, 65_536), *counted):.1f} times as much",
    ):
        assert sentence in said


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
