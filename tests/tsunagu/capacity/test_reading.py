from typing import Any

import pytest

from tsunagu.capacity.reading import Intake, intakes, receivers
from tsunagu.capacity.receiver import Pollers, Receiver
from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, write_parts
from tsunagu.templates.template import Template

TABLE: dict[str, Any] = {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "PAY_PER_REQUEST"}}


def template(function: dict[str, Any], mapping: dict[str, Any], **more: Any) -> Template:
    variables = {"Environment": {"Variables": {"IDEMPOTENCY_TABLE_NAME": {"Ref": "Table"}}}}
    mapped = {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": {"Ref": "Function"}}
    resources = {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Table": TABLE,
        "Function": {"Type": "AWS::Lambda::Function", "Properties": variables | function},
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapped | mapping},
    }
    return Template.parse({"Resources": resources | more})


def only(found: Template) -> Receiver:
    (receiver,) = receivers(found)
    return receiver


def test_what_limits_a_receiver_is_read_from_its_template() -> None:
    fifo = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"FifoQueue": True, "FifoThroughputLimit": "perMessageGroupId"},
    }
    indexed = {"Type": "AWS::DynamoDB::Table", "Properties": {**TABLE["Properties"], "GlobalSecondaryIndexes": [{}]}}
    found = template(
        {"Timeout": 30, "ReservedConcurrentExecutions": 20},
        {"BatchSize": 5, "ScalingConfig": {"MaximumConcurrency": 8}, "MaximumBatchingWindowInSeconds": 3},
        Queue=fifo,
        Table=indexed,
    )

    assert only(found) == Receiver(
        name="Function",
        function="Function",
        queue="Queue",
        batch_size=5,
        fifo=True,
        high_throughput=True,
        window_seconds=3,
        max_concurrency=8,
        reserved_concurrency=20,
        table="#Table",
        shares_table_with=[],
        writes=3,
        timeout_seconds=30,
    )


def test_defaults_are_those_of_aws() -> None:
    found = only(template({}, {}))

    assert (found.batch_size, found.timeout_seconds, found.fifo) == (10, 3, False)
    assert (found.max_concurrency, found.reserved_concurrency, found.pollers) == (None, None, None)
    assert (found.writes, found.table_writes, found.table_grows) == (2, 4_000, True)


@pytest.mark.parametrize(
    ("settings", "pollers"),
    [({"MinimumPollers": 4}, (4, 200)), ({"MaximumPollers": 9}, (2, 9)), ({"MaximumPollers": {"Ref": "N"}}, (2, 200))],
)
def test_provisioned_pollers_are_read(settings: dict[str, Any], pollers: tuple[int, int]) -> None:
    found = only(template({}, {"ProvisionedPollerConfig": settings}))

    assert found.pollers == Pollers(fewest=pollers[0], most=pollers[1])


@pytest.mark.parametrize(
    ("table", "writes", "grows"),
    [
        ({"BillingMode": "PAY_PER_REQUEST", "WarmThroughput": {"WriteUnitsPerSecond": 9_000}}, 9_000, True),
        ({"BillingMode": "PAY_PER_REQUEST", "OnDemandThroughput": {"MaxWriteRequestUnits": 500}}, 500, True),
        ({"ProvisionedThroughput": {"WriteCapacityUnits": 50}}, 50, False),
    ],
)
def test_what_a_table_takes_is_read(table: dict[str, Any], writes: int, grows: bool) -> None:
    found = only(template({}, {}, Table={"Type": "AWS::DynamoDB::Table", "Properties": table}))

    assert (found.table_writes, found.table_grows) == (writes, grows)


def test_writes_of_a_message_can_be_given() -> None:
    (found,) = receivers(template({}, {}), 3.5)

    assert found.writes == 3.5


def named(name: str, kind: Kind) -> dict[str, Any]:
    return {METADATA_KEY: write_parts([Part(kind=Kind.RECEIVER, name=name), Part(kind=kind, name=f"orders/{name}")])}


@pytest.mark.parametrize(("kind", "pipeline", "writes"), [(Kind.SERVICE, "orders", 4), (Kind.CHANNEL, "", 2)])
def test_services_of_a_pipeline_share_their_table_and_each_run_passes_all(
    kind: Kind, pipeline: str, writes: int
) -> None:
    base = template({}, {})
    function = {"Type": "AWS::Lambda::Function", "Properties": base.resources["#Function"].properties}
    mapped = {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": {"Ref": "Other"}}
    found = [
        *receivers(
            template(
                {},
                {},
                Function=function | {"Metadata": named("Billing", kind)},
                Other=function | {"Metadata": named("Shipping", kind)},
                OtherMapping={"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapped},
            )
        )
    ]

    assert [(each.name, each.pipeline, each.writes) for each in found] == [
        ("Billing", pipeline, writes),
        ("Shipping", pipeline, writes),
    ]
    assert [each.shares_table_with for each in found] == [["Shipping"], ["Billing"]]


def test_the_queue_that_the_machine_of_a_job_calls_is_that_of_its_worker() -> None:
    def machine(kind: Kind) -> dict[str, Any]:
        part = Part(kind=kind, name="nightly")
        called = {"DefinitionSubstitutions": {"Queue": {"Ref": "Queue"}, "Table": {"Ref": "Table"}, "Rate": "1"}}
        return {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": called,
            "Metadata": {METADATA_KEY: write_parts([part])},
        }

    assert only(template({}, {}, Machine=machine(Kind.JOB))).is_job
    assert not only(template({}, {}, Machine=machine(Kind.PIPELINE))).is_job


def test_an_api_of_a_region_with_a_smaller_quota_accepts_less() -> None:
    stage = Template.parse({"Resources": {"Open": {"Type": "AWS::ApiGatewayV2::Stage"}}})

    assert [each.rate for region in ("eu-west-1", "eu-south-1") for each in intakes(stage, region)] == [10_000, 2_500]


def test_apis_accept_what_their_stages_or_the_account_let_through() -> None:
    def stage(kind: str, **properties: Any) -> dict[str, Any]:
        return {"Type": f"AWS::{kind}::Stage", "Properties": properties}

    found = intakes(
        Template.parse(
            {
                "Resources": {
                    "Rest": stage("ApiGateway", MethodSettings=[{"ThrottlingRateLimit": 100}, {"HttpMethod": "*"}]),
                    "Http": stage("ApiGatewayV2", DefaultRouteSettings={"ThrottlingRateLimit": 50}),
                    "Open": stage("ApiGateway"),
                }
            }
        )
    )

    assert [*found] == [
        Intake(name="Rest", rate=100, what="throttling of its stage"),
        Intake(name="Http", rate=50, what="throttling of its stage"),
        Intake(name="Open", rate=10_000, what="API Gateway's quota for all APIs of the account"),
    ]
