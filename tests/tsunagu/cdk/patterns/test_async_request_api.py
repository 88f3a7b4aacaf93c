"""What an API of accepted requests synthesizes: gateway, worker, pipe and sweeper, with numbers that fit."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from aws_cdk import Duration, Stack, Validations
from aws_cdk import aws_apigateway as apigateway
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks, NagPack, ServerlessChecks

from tests.tsunagu.cdk.constructs.synthesized import permissions, resources
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.checks import MessagingChecks
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.result_bucket import ResultBucket, ResultBucketProps
from tsunagu.cdk.constructs.topic_channel import TopicChannel
from tsunagu.cdk.patterns.async_request_api import AsyncRequestApi
from tsunagu.cdk.patterns.async_request_props import AsyncRequestApiProps
from tsunagu.cdk.patterns.receiver_settings import ReceiverSettings
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.requests import RequestEnvironment
from tsunagu.errors import InvalidPropsError
from tsunagu.templates.template import Template as CheckedTemplate

SECONDS = Duration.seconds(30)
FUNCTION = "AWS::Lambda::Function"


@dataclass
class Report:
    month: str


@pytest.fixture
def worker(package: HandlerPackage) -> ReceiverSettings:
    return ReceiverSettings(package=package)


def props(worker: ReceiverSettings, **settings: Any) -> AsyncRequestApiProps:
    chosen: dict[str, Any] = {"name": "reports", "worker": worker, "timeout": SECONDS} | settings
    return AsyncRequestApiProps(**chosen)


def api(stack: Stack, worker: ReceiverSettings, construct_id: str = "Reports", **settings: Any) -> AsyncRequestApi:
    return AsyncRequestApi(stack, construct_id, props(worker, **settings))


def environment(stack: Stack, prefix: str) -> dict[str, Any]:
    """Variables of the one function whose logical id begins so."""
    [found] = [each for name, each in resources(stack, FUNCTION).items() if name.startswith(prefix)]
    variables: dict[str, Any] = found["Properties"]["Environment"]["Variables"]
    return variables


def grants(stack: Stack, role: str) -> set[str]:
    """Actions that the policies of one role allow."""
    found = [each["Properties"] for each in resources(stack, "AWS::IAM::Policy").values()]
    own = [each for each in found if any(name["Ref"].startswith(role) for name in each["Roles"])]
    listed = [statement["Action"] for each in own for statement in each["PolicyDocument"]["Statement"]]
    return {action for each in listed for action in ([each] if isinstance(each, str) else each)}


def test_requests_reach_the_worker_through_record_pipe_and_queue(stack: Stack, worker: ReceiverSettings) -> None:
    built = api(stack, worker)

    assert len(resources(stack, "AWS::Pipes::Pipe")) == 1
    assert len(resources(stack, "AWS::Lambda::EventSourceMapping")) == 1
    assert len(resources(stack, "AWS::Scheduler::Schedule")) == 1
    assert built.events is None
    assert built.worker is built.receiver.handler if built.receiver else False


def test_worker_and_gateway_know_the_same_scope_and_bucket(stack: Stack, worker: ReceiverSettings) -> None:
    api(stack, worker)
    variables = environment(stack, "ReportsReceiverHandler")
    names = {*RequestEnvironment.variable_names(), *ReceiverEnvironment.variable_names()}

    assert names <= variables.keys()
    assert variables["REQUEST_SCOPE"] == "reports"
    assert variables["COMPLETION_TOPIC_ARN"] == ""
    [bucket] = resources(stack, "AWS::S3::Bucket")
    assert variables["RESULT_BUCKET_NAME"] == {"Ref": bucket}


def test_the_sweeper_looks_when_the_gateway_says(stack: Stack, worker: ReceiverSettings) -> None:
    built = api(stack, worker, resend_after=Duration.minutes(3), deadline=Duration.hours(2))
    template = str(Template.from_stack(stack).to_json())

    assert '":first_look": {"N": "180000"}' in template
    variables = environment(stack, "ReportsSweeperHandler")
    assert (variables["RESEND_AFTER_SECONDS"], variables["DEADLINE_SECONDS"]) == ("180", "7200")
    assert built.longest_request.to_seconds() == 7_320


def test_the_worker_may_do_what_its_runtime_does(stack: Stack, worker: ReceiverSettings) -> None:
    api(stack, worker, subscribers={"Desk": "https://desk.example.com/hook"})

    assert grants(stack, "ReportsReceiverHandlerRole") >= {
        "dynamodb:PartiQLInsert",
        "dynamodb:PartiQLUpdate",
        "dynamodb:BatchGetItem",
        "dynamodb:UpdateItem",
        "s3:GetObject",
        "s3:PutObject",
        "sns:Publish",
        "sqs:SendMessage",
    }


def test_events_reach_the_worker_without_queue_and_pipe(stack: Stack, worker: ReceiverSettings) -> None:
    built = api(stack, worker, delivery="lambda_event", retries=1, maximum_age=Duration.minutes(10))
    [config] = [
        each["Properties"]
        for each in resources(stack, "AWS::Lambda::EventInvokeConfig").values()
        if "DestinationConfig" in each["Properties"]
    ]

    assert not resources(stack, "AWS::Pipes::Pipe")
    assert not resources(stack, "AWS::Lambda::EventSourceMapping")
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (1, 600)
    assert (built.channel, built.receiver, built.pipe) == (None, None, None)


def test_a_worker_of_events_knows_its_attempts_and_its_dead_letters(stack: Stack, worker: ReceiverSettings) -> None:
    api(stack, worker, delivery="lambda_event", retries=1)
    variables = environment(stack, "ReportsWorkerFunction")

    assert {*RequestEnvironment.variable_names(), *ReceiverEnvironment.variable_names()} <= variables.keys()
    assert variables["MAX_ATTEMPTS"] == "2"
    assert variables["DEAD_LETTER_QUEUE_URL"] == variables["QUEUE_URL"]
    assert variables["IDEMPOTENCY_WINDOW_SECONDS"] == str((1 + 14 + 1) * 86_400)
    granted = grants(stack, "ReportsWorkerRole")
    assert "dynamodb:PartiQLInsert" not in granted  # each of its items is a record, which it writes by itself
    assert granted >= {
        "dynamodb:PutItem",
        "dynamodb:PartiQLUpdate",
        "dynamodb:BatchGetItem",
        "dynamodb:UpdateItem",
        "s3:GetObject",
        "s3:PutObject",
        "sns:Publish",
        "sqs:SendMessage",
    }


def test_a_result_is_kept_as_long_as_its_request_is_shown(stack: Stack, worker: ReceiverSettings) -> None:
    results = ResultBucket(stack, "Results", ResultBucketProps(lifetime=Duration.days(22)))

    with pytest.raises(InvalidPropsError, match="Results: lifetime must be at least"):
        api(stack, worker, results=results)


def test_completions_go_to_a_topic_for_their_subscribers(stack: Stack, worker: ReceiverSettings) -> None:
    built = api(stack, worker, subscribers={"Desk": "https://desk.example.com/hook"})
    variables = environment(stack, "ReportsReceiverHandler")

    assert built.completion_topic is not None
    assert variables["COMPLETION_TOPIC_ARN"] == environment(stack, "ReportsSweeperHandler")["COMPLETION_TOPIC_ARN"]
    assert variables["COMPLETION_TOPIC_ARN"] != ""
    [subscription] = resources(stack, "AWS::SNS::Subscription").values()
    assert subscription["Properties"]["Endpoint"] == "https://desk.example.com/hook"


def test_given_constructs_are_used(stack: Stack, worker: ReceiverSettings) -> None:
    table = IdempotencyTable(stack, "Shared", IdempotencyTableProps(requests=True))
    results, topic = ResultBucket(stack, "Results"), TopicChannel(stack, "Completions")
    channel = QueueChannel(stack, "Queue", QueueChannelProps(handler_timeout=SECONDS))
    rest_api = apigateway.RestApi(stack, "Api", cloud_watch_role=False)
    given: dict[str, Any] = {"table": table, "results": results, "completion_topic": topic}
    first = api(stack, worker, channel=channel, api=rest_api, path="reports", **given)
    api(stack, worker, "Others", name="others", api=rest_api, path="others", **given)

    assert len(resources(stack, "AWS::DynamoDB::Table")) == len(resources(stack, "AWS::S3::Bucket")) == 1
    assert len(resources(stack, "AWS::ApiGateway::RestApi")) == 1
    assert first.channel is channel
    assert first.server_error_alarm is None


def test_an_alarm_is_raised_on_server_errors(stack: Stack, worker: ReceiverSettings) -> None:
    api(stack, worker)
    metrics = [each["Properties"].get("MetricName") for each in resources(stack, "AWS::CloudWatch::Alarm").values()]

    assert "5XXError" in metrics


def test_two_apis_of_one_table_have_two_names(stack: Stack, worker: ReceiverSettings) -> None:
    table = IdempotencyTable(stack, "Shared", IdempotencyTableProps(requests=True))
    api(stack, worker, table=table)

    with pytest.raises(InvalidPropsError, match="Others/Gateway: name must be another one than that of"):
        api(stack, worker, "Others", table=table)


@pytest.mark.parametrize("is_protected", [True, False])
def test_what_holds_data_is_kept_unless_told(stack: Stack, worker: ReceiverSettings, *, is_protected: bool) -> None:
    api(stack, worker, protect=is_protected, account_log_role=False, subscribers={"Desk": "mailto:desk@example.com"})
    kinds = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::KMS::Key"}
    template = Template.from_stack(stack).to_json()["Resources"]

    kept = {each["DeletionPolicy"] for each in template.values() if each["Type"] in kinds}
    assert kept == {"Retain" if is_protected else "Delete"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"delivery": "email"}, "delivery must be one of queue, lambda_event, got 'email'"),
        ({"deadline": Duration.seconds(60)}, "deadline must be between 120 and"),
        ({"resend_after": Duration.seconds(30)}, "resend_after must be between 60 and"),
        ({"retries": 3}, "retries must be between 0 and 2"),
        ({"maximum_age": Duration.seconds(30)}, "maximum_age must be between 60 and"),
        ({"timeout": Duration.seconds(901)}, "timeout must be between 1 and 900"),
        ({"delivery": "lambda_event", "cancellable": True}, "cancellable must be left out"),
        ({"query_parameters": ["month"]}, "query_parameters must be left out"),
        ({"name": "a b"}, "name must be 1 to 64"),
    ],
)
def test_wrong_props_are_refused(worker: ReceiverSettings, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=message):
        props(worker, **settings)


def test_another_worker_than_settings_of_a_receiver_is_refused() -> None:
    worker: Any = "worker"

    with pytest.raises(InvalidPropsError, match="worker must be of type ReceiverSettings"):
        props(worker)


def test_a_table_without_an_index_of_requests_is_refused(stack: Stack, worker: ReceiverSettings) -> None:
    with pytest.raises(InvalidPropsError, match="table must have requests=True"):
        props(worker, table=IdempotencyTable(stack, "Table"))


def test_a_channel_of_another_time_out_or_delivery_is_refused(stack: Stack, worker: ReceiverSettings) -> None:
    channel = QueueChannel(stack, "Queue", QueueChannelProps(handler_timeout=Duration.seconds(5)))

    with pytest.raises(InvalidPropsError, match="timeout must be the 5 seconds of handler_timeout of the channel"):
        props(worker, channel=channel)
    with pytest.raises(InvalidPropsError, match="channel must be left out with the delivery lambda_event"):
        props(worker, channel=channel, delivery="lambda_event")


def test_a_short_window_of_events_is_refused(stack: Stack, worker: ReceiverSettings) -> None:
    with pytest.raises(InvalidPropsError, match="Reports: idempotency_window must be at least"):
        api(stack, worker, delivery="lambda_event", idempotency_window=Duration.days(3))


def test_worker_that_parks_groups_is_refused(worker: ReceiverSettings) -> None:
    parking = replace(worker, on_death="park_group")

    with pytest.raises(InvalidPropsError, match="on_death must be continue_group for the worker, because accepted"):
        AsyncRequestApiProps(name="reports", worker=parking, timeout=Duration.seconds(5))


@pytest.mark.parametrize("pack", [AwsSolutionsChecks, ServerlessChecks])
@pytest.mark.parametrize("delivery", ["queue", "lambda_event"])
def test_cdk_nag_finds_nothing_that_is_not_acknowledged(
    stack: Stack, worker: ReceiverSettings, delivery: str, pack: type[NagPack]
) -> None:
    api(stack, worker, delivery=delivery, request_model=Report, subscribers={"Desk": "mailto:desk@example.com"})

    report = pack(stack).validate_scope(stack)

    assert [(each.rule_name, each.violating_resources) for each in report.violations] == []


@pytest.mark.parametrize("delivery", ["queue", "lambda_event"])
def test_the_own_checks_find_nothing_that_is_not_acknowledged(
    stack: Stack, worker: ReceiverSettings, delivery: str
) -> None:
    built = api(stack, worker, delivery=delivery, subscribers={"Desk": "mailto:desk@example.com"})
    parsed = CheckedTemplate.parse(Template.from_stack(stack).to_json())
    found = {
        (rule.rule_id, each.resource.type) for rule in MessagingChecks(protect=True).rules for each in rule.find(parsed)
    }

    assert found == {("ScheduleDeadLetters", "AWS::Scheduler::Schedule")}
    acknowledged = [
        rule
        for entry in built.sweeper.schedule.node.metadata
        if entry.type == Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for rule in entry.data
    ]
    assert acknowledged == ["tsunagu::ScheduleDeadLetters"]
    assert all("*" not in action for action, _ in permissions(stack) if ":" in action)
