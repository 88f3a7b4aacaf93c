import json
from typing import Any

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk.assertions import Template as Synthesized
from cdk_nag import AwsSolutionsChecks, NagPack, ServerlessChecks
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from tests.tsunagu.cdk.constructs.request_stacks import Parts
from tests.tsunagu.cdk.constructs.synthesized import permissions, properties, resources
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
from tsunagu.cdk.checks import MessagingChecks
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.request_sweeper import PACKAGE, RequestSweeper, WebRequests
from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
from tsunagu.contracts.request_sweeper import RequestSweeperEnvironment
from tsunagu.errors import InvalidPropsError
from tsunagu.templates.template import Template

FUNCTION, SCHEDULE, ALARM = "AWS::Lambda::Function", "AWS::Scheduler::Schedule", "AWS::CloudWatch::Alarm"
OWN = {
    ("dynamodb:BatchGetItem", "ItemsTable"),
    ("dynamodb:UpdateItem", "ItemsTable"),
    ("logs:CreateLogStream", "SweeperHandlerLogGroup"),
    ("logs:PutLogEvents", "SweeperHandlerLogGroup"),
    ("xray:PutTelemetryRecords", "*"),
    ("xray:PutTraceSegments", "*"),
    ("lambda:InvokeFunction", "SweeperHandlerFunction"),
}
OF_THE_QUEUE = {
    ("sqs:SendMessage", "ChannelQueue"),
    ("sqs:ReceiveMessage", "ChannelDeadLetterQueue"),
    ("sqs:ChangeMessageVisibility", "ChannelDeadLetterQueue"),
    ("cloudwatch:GetMetricStatistics", "*"),
}
OF_EVENTS = {
    ("sqs:ReceiveMessage", "EventsDeadLetterQueue"),
    ("sqs:ChangeMessageVisibility", "EventsDeadLetterQueue"),
    ("sqs:SendMessage", "EventsDeadLetterQueue"),  # of the worker's role, for Lambda
}


def without_index(stack: Stack) -> set[tuple[str, str]]:
    return {(action, target) for action, target in permissions(stack) if action != "dynamodb:Query"}


def test_schedule_invokes_the_function_each_minute_and_an_old_tick_is_dropped(stack: Stack) -> None:
    Parts.of(stack).sweeper()

    schedule = properties(stack, SCHEDULE)
    assert (schedule["ScheduleExpression"], schedule["FlexibleTimeWindow"]) == ("rate(1 minute)", {"Mode": "OFF"})
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    invocations = properties(stack, "AWS::Lambda::EventInvokeConfig")
    assert (invocations["MaximumRetryAttempts"], invocations["MaximumEventAgeInSeconds"]) == (0, 60)


def test_grants_give_what_the_sweeper_calls_and_no_more(stack: Stack) -> None:
    Parts.of(stack).sweeper()

    assert without_index(stack) == OWN | OF_THE_QUEUE
    [index] = [target for action, target in permissions(stack) if action == "dynamodb:Query"]
    assert "/index/OpenIndex" in index


def test_without_a_queue_it_may_look_at_the_events_that_lambda_gave_up(stack: Stack) -> None:
    parts = Parts.of(stack)

    parts.sweeper(channel=None, events=parts.events())

    assert without_index(stack) == OWN | OF_EVENTS


def test_completion_topic_and_the_keys_are_granted_too(stack: Stack) -> None:
    key = CustomerManagedKey(stack, "Secret", CustomerManagedKeyProps(description="Reports")).key
    topic = TopicChannel(stack, "Done")

    Parts.of(stack, key=key).sweeper(completion_topic=topic)

    added = permissions(stack) - OWN - OF_THE_QUEUE
    assert {("sns:Publish", "DoneTopic"), ("kms:Decrypt", "SecretKey"), ("kms:GenerateDataKey", "SecretKey")} <= added


def test_function_reads_the_environment_that_the_construct_writes(stack: Stack) -> None:
    topic = TopicChannel(stack, "Done")

    Parts.of(stack).sweeper(completion_topic=topic, resend_after=Duration.minutes(2))

    [function] = resources(stack, FUNCTION).values()
    variables = function["Properties"]["Environment"]["Variables"]
    texts = {name: value if isinstance(value, str) else "at deployment" for name, value in variables.items()}
    assert RequestSweeperEnvironment.from_environment(texts) == RequestSweeperEnvironment(
        request_scope="reports",
        idempotency_table_name="at deployment",
        idempotency_window_seconds=23 * 86_400,
        dead_letter_queue_url="at deployment",
        deadline_seconds=3_600,
        resend_after_seconds=120,
        function_timeout_seconds=50,
        metrics_namespace="Tsunagu",
        queue_url="at deployment",
        visibility_timeout_seconds=180,
        max_receive_count=960,
        completion_topic_arn="at deployment",
    )


def test_runs_that_fail_or_are_missing_and_configuration_faults_raise_alarms(stack: Stack) -> None:
    Parts.of(stack).sweeper()

    alarms = {alarm["Properties"]["MetricName"]: alarm["Properties"] for alarm in resources(stack, ALARM).values()}
    assert alarms.keys() == {"Errors", "Invocations", "ConfigurationFaults"}
    missing = alarms["Invocations"]
    assert (missing["ComparisonOperator"], missing["Threshold"]) == ("LessThanThreshold", 1)
    assert missing["TreatMissingData"] == "breaching"
    assert all(alarm["AlarmActions"] for alarm in alarms.values())


def web_sweeper(stack: Stack) -> RequestSweeper:
    """A sweeper of HTTP requests, whose application may send to a queue and a topic."""
    parts = Parts.of(stack)
    targets = [QueueChannel(stack, "Next", QueueChannelProps(handler_timeout=Duration.seconds(5)))]
    web = WebRequests(place="here", targets=targets)
    sweeper = parts.sweeper(web=web, channel=None, deadline=None)
    sweeper.add_target(TopicChannel(stack, "News"))
    sweeper.add_target(targets[0])
    return sweeper


def test_sweeper_of_http_requests_may_send_where_the_application_may_and_nowhere_else(stack: Stack) -> None:
    web_sweeper(stack)

    sends = {("sqs:SendMessage", "NextQueue"), ("sns:Publish", "NewsTopic")}
    assert sends <= without_index(stack)
    assert {each for each in without_index(stack) if each[0].startswith(("sqs", "sns", "cloudwatch"))} == sends


def test_sweeper_of_http_requests_needs_no_queue_and_no_deadline(stack: Stack) -> None:
    sweeper = web_sweeper(stack)

    [function] = resources(stack, FUNCTION).values()
    variables = function["Properties"]["Environment"]["Variables"]
    texts = {name: value if isinstance(value, str) else "at deployment" for name, value in variables.items()}
    assert RequestSweeperEnvironment.from_environment(texts) == RequestSweeperEnvironment(
        request_scope="reports",
        idempotency_table_name="at deployment",
        idempotency_window_seconds=23 * 86_400,
        function_timeout_seconds=50,
        metrics_namespace="Tsunagu",
        sends_outboxes=True,
        web_place="here",
    )
    assert sweeper.outbox_alarm is not None


def test_handler_package_is_one_file_beside_the_runtime() -> None:
    asset = build_asset(HandlerPackage(path=PACKAGE), Platform(python="3.13", architecture="arm64"))

    assert asset.handler == "request_sweeper.handler.handler"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channel": None}, "channel or events must be given, because requests reach .* ways, got neither"),
        ({"deadline": None}, "deadline must be given without web, because an accepted request must end, got None"),
        (
            {"web": WebRequests(place="here")},
            "channel must be left out with web, because only accepted requests have one, got one",
        ),
        ({"deadline": Duration.minutes(5)}, "deadline must be longer than the 300 seconds of resend_after, got 300"),
        ({"deadline": Duration.seconds(60)}, "deadline must be between 120 and 1,209,600 seconds, got 60"),
        ({"resend_after": Duration.seconds(59)}, "resend_after must be between 60 and 86,400 seconds, got 59"),
        ({"key_scope": "a:b"}, "key_scope must be 1 to 64 letters, digits, hyphens and underscores, got 'a:b'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(stack: Stack, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=f"^{message}$"):
        Parts.of(stack).sweeper_props(**settings)


def test_channel_and_events_exclude_each_other(stack: Stack) -> None:
    parts = Parts.of(stack)

    with pytest.raises(InvalidPropsError, match=r"got both$"):
        parts.sweeper_props(events=parts.events())


def test_fifo_topic_of_completions_is_refused(stack: Stack) -> None:
    topic = TopicChannel(stack, "Done", TopicChannelProps(fifo=True))

    with pytest.raises(InvalidPropsError, match=r"^completion_topic must be a standard topic, because completions"):
        Parts.of(stack).sweeper_props(completion_topic=topic)


@pytest.fixture
def whole(stack: Stack) -> Stack:
    """A stack with all of them, by queue."""
    parts = Parts.of(stack)
    parts.notifier.watch_channel(stack, parts.channel)
    parts.pipe(dead_letter_notifier=parts.notifier)
    parts.sweeper(completion_topic=TopicChannel(stack, "Done"))
    return stack


@pytest.fixture
def with_events(stack: Stack) -> Stack:
    """A stack with a sweeper of events."""
    parts = Parts.of(stack)
    parts.notifier.watch_channel(stack, parts.channel)
    parts.sweeper(channel=None, events=parts.events(dead_letter_notifier=parts.notifier))
    return stack


@pytest.fixture
def with_web(stack: Stack) -> Stack:
    """A stack with a sweeper of HTTP requests."""
    web_sweeper(stack)
    for channel in stack.node.children:
        if isinstance(channel, QueueChannel):
            DeadLetterNotifier(stack, f"Notifier{channel.node.id}").watch_channel(channel, channel)
    return stack


@pytest.mark.parametrize("pack", [AwsSolutionsChecks, ServerlessChecks])
@pytest.mark.parametrize("name", ["whole", "with_events", "with_web"])
def test_cdk_nag_finds_nothing(name: str, pack: type[NagPack], request: pytest.FixtureRequest) -> None:
    app = request.getfixturevalue(name).node.root
    assert isinstance(app, App)

    report = pack(app).validate_scope(app)

    found = {(violation.rule_name, str(violation.violating_resources)) for violation in report.violations}
    assert {each for each in found if "Worker" not in each[1]} == set()  # the worker of this test is none of ours


@pytest.mark.parametrize("name", ["whole", "with_events", "with_web"])
def test_own_checks_and_cfn_lint_find_what_is_acknowledged_and_nothing_else(
    name: str, request: pytest.FixtureRequest
) -> None:
    stack = request.getfixturevalue(name)
    document = Synthesized.from_stack(stack).to_json()
    template = Template.parse(document)

    found = {rule.rule_id for rule in MessagingChecks(protect=True).rules for _ in rule.find(template)}
    matches = lint(json.dumps(document), regions=["eu-west-1"], config=ManualArgs(ignore_checks=["W3005"]))

    schedule = stack.node.find_child("Sweeper").node.find_child("Schedule")
    accepted = {rule for entry in schedule.node.metadata if isinstance(entry.data, dict) for rule in entry.data}
    assert (found, matches) == ({"ScheduleDeadLetters"}, [])
    assert any(rule.endswith("tsunagu::ScheduleDeadLetters") for rule in accepted)
