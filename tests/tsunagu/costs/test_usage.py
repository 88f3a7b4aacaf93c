from collections.abc import Mapping
from typing import Any

import pytest

from tsunagu.costs.prices import list_prices
from tsunagu.costs.traffic import MONTH_SECONDS, Traffic
from tsunagu.costs.usage import monthly_usage
from tsunagu.errors import InvalidInputError
from tsunagu.templates.template import Template

NOTHING = Traffic(messages=0, requests=0)
QUEUE = {"Type": "AWS::SQS::Queue"}
IDLE = 5 * MONTH_SECONDS / 20


def usage(traffic: Traffic = NOTHING, **resources: Any) -> Mapping[str, float]:
    return monthly_usage(Template.parse({"Resources": resources}), traffic)


def consumer(batch: int = 10, **function: Any) -> dict[str, Any]:
    arn, name = {"Fn::GetAtt": ["Queue", "Arn"]}, {"Ref": "Function"}
    mapping = {"EventSourceArn": arn, "FunctionName": name, "BatchSize": batch}
    return {
        "Queue": QUEUE,
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Architectures": ["arm64"], **function}},
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
    }


@pytest.mark.parametrize(
    ("kind", "properties", "name", "units"),
    [
        ("AWS::KMS::Key", {}, "kms.key", 1),
        ("AWS::CloudWatch::Alarm", {"MetricName": "a"}, "cloudwatch.alarm", 1),
        (
            "AWS::CloudWatch::Alarm",
            {"Metrics": [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a"}]},
            "cloudwatch.alarm",
            2,
        ),
        ("AWS::CloudWatch::CompositeAlarm", {}, "cloudwatch.composite-alarm", 1),
        ("AWS::CloudWatch::Dashboard", {}, "cloudwatch.dashboard", 1),
        ("AWS::Logs::MetricFilter", {}, "cloudwatch.metric", 1),
        (
            "AWS::Pipes::Pipe",
            {"SourceParameters": {"DynamoDBStreamParameters": {}}},
            "dynamodb.stream",
            4 * MONTH_SECONDS,
        ),
        (
            "AWS::Pipes::Pipe",
            {"SourceParameters": {"DynamoDBStreamParameters": {}}, "DesiredState": "STOPPED"},
            "dynamodb.stream",
            0,
        ),
        ("AWS::Pipes::Pipe", {"SourceParameters": {"SqsQueueParameters": {}}}, "dynamodb.stream", 0),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}, "vpc.endpoint", 2),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"}, "vpc.endpoint", 0),
        ("AWS::Scheduler::Schedule", {"ScheduleExpression": "rate(1 minute)"}, "scheduler.invocation", 43_200),
        ("AWS::Scheduler::Schedule", {"ScheduleExpression": "rate(2 hours)"}, "scheduler.invocation", 360),
        ("AWS::Scheduler::Schedule", {"ScheduleExpression": "cron(0 6 * * ? *)"}, "scheduler.invocation", 30),
        (
            "AWS::Scheduler::Schedule",
            {"ScheduleExpression": "rate(1 day)", "State": "DISABLED"},
            "scheduler.invocation",
            0,
        ),
    ],
)
def test_what_is_billed_at_rest(kind: str, properties: dict[str, Any], name: str, units: float) -> None:
    assert usage(One={"Type": kind, "Properties": properties}) == {name: units}


def test_a_function_polls_its_queue_without_a_message() -> None:
    assert usage(**consumer())["sqs.request"] == IDLE


def test_provisioned_pollers_are_as_many_as_the_least() -> None:
    resources = consumer()
    resources["Mapping"]["Properties"]["ProvisionedPollerConfig"] = {"MinimumPollers": 2, "MaximumPollers": 9}

    assert usage(**resources)["sqs.request"] == 2 * MONTH_SECONDS / 20


@pytest.mark.parametrize(("batch", "requests"), [(1, 2_000), (10, 200), (100, 200)])
def test_a_batch_shares_its_requests(batch: int, requests: float) -> None:
    found = usage(Traffic(messages=1_000), **consumer(batch))

    assert found["sqs.request"] - IDLE == pytest.approx(requests)
    assert found["lambda.request"] == 1_000 / batch


def test_large_messages_are_received_in_pieces_of_64_kb() -> None:
    found = usage(Traffic(messages=1_000, message_bytes=65_536), **consumer(10))

    assert found["sqs.request"] - IDLE == pytest.approx(1_000 + 100)


def test_a_quiet_queue_has_smaller_batches_and_none_larger_than_its_mapping_allows() -> None:
    quiet, full = (usage(Traffic(messages=1_000, batch=batch), **consumer(10)) for batch in (2.5, 50))

    assert (quiet["lambda.request"], full["lambda.request"]) == (400, 100)
    assert quiet["sqs.request"] - IDLE == pytest.approx(800)


def test_fifo_queue_has_a_price_of_its_own() -> None:
    resources = {**consumer(), "Queue": {**QUEUE, "Properties": {"FifoQueue": True}}}

    found = usage(Traffic(messages=1_000), **resources)

    assert found["sqs.fifo-request"] - IDLE == pytest.approx(200)
    assert "sqs.request" not in found


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("AWS::ApiGateway::RestApi", {}, {"api-gateway.request": 500}),
        ("AWS::ApiGatewayV2::Api", {"ProtocolType": "HTTP"}, {"api-gateway.http-request": 500}),
        ("AWS::ApiGatewayV2::Api", {"ProtocolType": "WEBSOCKET"}, {}),
    ],
)
def test_each_api_gets_the_requests(kind: str, properties: dict[str, Any], expected: dict[str, float]) -> None:
    assert usage(Traffic(requests=500), Api={"Type": kind, "Properties": properties}) == expected


def test_memory_and_time_are_seconds_of_a_gigabyte() -> None:
    traffic = Traffic(messages=1_000, milliseconds=200, log_bytes=2_000_000)
    found = usage(traffic, **consumer(MemorySize=512))

    assert found["lambda.gb-second"] == pytest.approx(100)
    assert found["cloudwatch.log-gb"] == pytest.approx(2)
    assert "lambda.gb-second-x86" in usage(traffic, **consumer(Architectures=["x86_64"]))


@pytest.mark.parametrize(("indexes", "writes"), [(0, 2_000), (1, 3_000)])
def test_a_message_is_claimed_and_completed_and_each_index_is_written_once_more(indexes: int, writes: int) -> None:
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"GlobalSecondaryIndexes": [{}] * indexes}}
    environment = {"Variables": {"IDEMPOTENCY_TABLE_NAME": {"Ref": "Table"}}}

    found = usage(Traffic(messages=1_000), Table=table, **consumer(Environment=environment))

    assert found["dynamodb.write"] == writes


def test_business_writes_are_billed_twice_with_the_item_in_their_transaction() -> None:
    environment = {"Variables": {"IDEMPOTENCY_TABLE_NAME": {"Ref": "Table"}}}
    resources = {"Table": {"Type": "AWS::DynamoDB::Table"}, **consumer(Environment=environment)}

    one, two = (usage(Traffic(messages=1_000, writes=writes), **resources)["dynamodb.write"] for writes in (1, 2))

    assert (one, two) == (5_000, 7_000)  # the claim; then item and writes, twice each


def test_a_mapping_of_a_stream_and_other_resources_cost_nothing_here() -> None:
    stream = {"EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]}, "FunctionName": "f"}
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": stream}

    assert usage(Table={"Type": "AWS::DynamoDB::Table"}, Mapping=mapping, Queue=QUEUE) == {}


def test_negative_traffic_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="messages must be 0 or more, got -1"):
        Traffic(messages=-1)


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="milliseconds must be 0 or more, got nan"):
        Traffic(milliseconds=float("nan"))
    with pytest.raises(InvalidInputError, match="batch must be 1 or more, got nan"):
        Traffic(batch=float("nan"))


def test_batch_without_a_message_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="batch must be 1 or more, got 0"):
        Traffic(batch=0)


def test_every_price_has_a_source() -> None:
    assert all(price.unit_usd > 0 and price.unit and price.seen for price in list_prices().values())


@pytest.mark.parametrize(
    ("properties", "gib_seconds"),
    [
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}, "MemorySize": 512}, MONTH_SECONDS / 2),
        ({"SnapStart": {"ApplyOn": "None"}, "MemorySize": 512}, 0),
        ({"MemorySize": 512}, 0),
    ],
)
def test_snapshot_of_a_function_is_billed_at_rest_by_its_memory(properties: dict[str, Any], gib_seconds: float) -> None:
    used = usage(One={"Type": "AWS::Lambda::Function", "Properties": properties})

    assert used.get("lambda.snapshot-gb-second", 0) == gib_seconds
