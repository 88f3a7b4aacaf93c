import io
import json
from typing import Any

import pytest
from aws_cdk import App, Duration, Stack

from tests.tsunagu.cdk.constructs.synthesized import permissions, properties, resources
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps
from tsunagu.cdk.patterns.receiver_settings import ProvisionedPollers
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.telemetry import METRICS_NAMESPACE
from tsunagu.errors import InvalidPropsError
from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.fakes import FakeClock

MAPPING = "AWS::Lambda::EventSourceMapping"
FUNCTION = "AWS::Lambda::Function"
DAY_SECONDS = 86_400


def channel(stack: Stack, timeout: int = 5, **settings: Any) -> QueueChannel:
    return QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=Duration.seconds(timeout), **settings))


def receiver(stack: Stack, package: HandlerPackage, source: QueueChannel, **settings: Any) -> IdempotentReceiver:
    props = IdempotentReceiverProps(package=package, channel=source, **settings)
    return IdempotentReceiver(stack, "Receiver", props)


def fault_alarm(stack: Stack) -> dict[str, Any]:
    alarms = [alarm["Properties"] for alarm in resources(stack, "AWS::CloudWatch::Alarm").values()]
    [alarm] = [alarm for alarm in alarms if alarm["MetricName"] == "ConfigurationFaults"]
    found: dict[str, Any] = alarm
    return found


def test_failed_messages_come_back_alone(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack))

    assert properties(stack, MAPPING)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_mapping_counts_events_and_has_no_filters(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack))

    mapping = properties(stack, MAPPING)
    assert mapping["MetricsConfig"] == {"Metrics": ["EventCount"]}
    assert "FilterCriteria" not in mapping


def test_mapping_leaves_scaling_to_lambda_by_default(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack))

    mapping = properties(stack, MAPPING)
    assert mapping["BatchSize"] == 10
    assert not {"ScalingConfig", "ProvisionedPollerConfig", "MaximumBatchingWindowInSeconds"} & set(mapping)


def test_concurrency_can_be_limited(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack), max_concurrency=2)

    assert properties(stack, MAPPING)["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_pollers_can_be_provisioned(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack), pollers=ProvisionedPollers(minimum=2, maximum=20))

    assert properties(stack, MAPPING)["ProvisionedPollerConfig"] == {"MinimumPollers": 2, "MaximumPollers": 20}


def test_large_batches_wait_for_the_window_of_the_channel(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack, batching_window=Duration.seconds(30)), batch_size=100)

    mapping = properties(stack, MAPPING)
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (100, 30)


def test_timeout_of_the_function_is_that_of_the_channel(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack, timeout=7))

    assert properties(stack, FUNCTION)["Timeout"] == 7


@pytest.mark.parametrize("setting", ["log_tracebacks", "publish_error_text"])
@pytest.mark.parametrize("chosen", [True, False, None])
def test_handler_says_more_of_errors_only_where_a_prop_says_so(
    stack: Stack, package: HandlerPackage, setting: str, chosen: bool | None
) -> None:
    receiver(stack, package, channel(stack), **({} if chosen is None else {setting: chosen}))

    variables = properties(stack, FUNCTION)["Environment"]["Variables"]
    assert variables[setting.upper()] == str(bool(chosen)).lower()


def test_handler_finds_in_its_environment_what_the_contract_names(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack), max_attempts=3, metrics_namespace="Shop")

    variables = properties(stack, FUNCTION)["Environment"]["Variables"]
    assert set(variables) == set(ReceiverEnvironment.variable_names())
    assert variables["MAX_ATTEMPTS"] == "3"
    assert variables["FUNCTION_TIMEOUT_SECONDS"] == "5"
    assert variables["METRICS_NAMESPACE"] == "Shop"
    assert variables["QUEUE_URL"]["Ref"].startswith("OrdersQueue")
    assert variables["DEAD_LETTER_QUEUE_URL"]["Ref"].startswith("OrdersDeadLetterQueue")


def test_items_outlive_the_last_redelivery_after_a_redrive_by_a_day(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack))

    variables = properties(stack, FUNCTION)["Environment"]["Variables"]
    assert variables["IDEMPOTENCY_WINDOW_SECONDS"] == str((4 + 14 + 4 + 1) * DAY_SECONDS)


def test_items_can_be_kept_longer(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack), idempotency_window=Duration.days(60))

    variables = properties(stack, FUNCTION)["Environment"]["Variables"]
    assert variables["IDEMPOTENCY_WINDOW_SECONDS"] == str(60 * DAY_SECONDS)


def test_function_has_the_permissions_that_the_flow_needs_and_no_more(stack: Stack, package: HandlerPackage) -> None:
    key = CustomerManagedKey(stack, "Secret", CustomerManagedKeyProps(description="Orders")).key

    receiver(stack, package, channel(stack, key=key))

    assert permissions(stack) == {
        ("logs:CreateLogStream", "ReceiverHandlerLogGroup"),
        ("logs:PutLogEvents", "ReceiverHandlerLogGroup"),
        ("xray:PutTelemetryRecords", "*"),
        ("xray:PutTraceSegments", "*"),
        ("sqs:ReceiveMessage", "OrdersQueue"),
        ("sqs:DeleteMessage", "OrdersQueue"),
        ("sqs:GetQueueAttributes", "OrdersQueue"),
        ("sqs:ChangeMessageVisibility", "OrdersQueue"),
        ("sqs:SendMessage", "OrdersDeadLetterQueue"),
        ("kms:Decrypt", "SecretKey"),
        ("kms:GenerateDataKey", "SecretKey"),
        ("sns:Publish", "ReceiverDeadLetterNotifierTopic"),
        ("kms:Decrypt", "ReceiverDeadLetterNotifierTopicKey"),
        ("kms:GenerateDataKey", "ReceiverDeadLetterNotifierTopicKey"),
        ("dynamodb:PartiQLInsert", "ReceiverIdempotencyTable"),
        ("dynamodb:PartiQLUpdate", "ReceiverIdempotencyTable"),
        ("dynamodb:BatchGetItem", "ReceiverIdempotencyTable"),
        ("dynamodb:UpdateItem", "ReceiverIdempotencyTable"),
    }


def test_dead_letters_of_the_channel_raise_an_alarm(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack))

    alarms = [alarm["Properties"] for alarm in resources(stack, "AWS::CloudWatch::Alarm").values()]
    watched = [alarm["Dimensions"] for alarm in alarms if alarm["Namespace"] == "AWS/SQS"]
    queues = [dimension["Value"]["Fn::GetAtt"][0][:-8] for [dimension] in watched]
    assert sorted(queues) == ["OrdersDeadLetterQueue", "OrdersQueue"]


@pytest.mark.parametrize(
    ("timeout", "minutes"), [(5, 20), (149, 20), (600, 65)], ids=["short pause", "pause of 15 minutes", "long pause"]
)
def test_configuration_fault_raises_an_alarm_at_once_until_the_longest_pause_has_passed_without_one(
    stack: Stack, package: HandlerPackage, timeout: int, minutes: int
) -> None:
    made = receiver(stack, package, channel(stack, timeout), batch_size=1, metrics_namespace="Shop")

    alarm = fault_alarm(stack)
    [function] = resources(stack, FUNCTION)
    assert (alarm["Namespace"], alarm["MetricName"]) == ("Shop", "ConfigurationFaults")
    assert alarm["Dimensions"] == [{"Name": "function_name", "Value": {"Ref": function}}]
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Sum", 60, 1)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (1, minutes)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert made.configuration_fault_alarm is not None
    assert made.failure_after_commit_alarm is not None
    assert made.configuration_fault_alarm.node.path == "Stack/Receiver/ConfigurationFaultAlarm"
    assert made.failure_after_commit_alarm.node.path == "Stack/Receiver/FailureAfterCommitAlarm"


def test_alarm_watches_the_metric_that_the_runtime_writes(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack))
    lines = io.StringIO()
    metrics = Metrics(METRICS_NAMESPACE, "orders", FakeClock(), lines, function_name="f")
    metrics.count_failed_call(FailedCall("sns:Publish", "dead", "NotFound", is_configuration_fault=True))
    metrics.flush()

    alarm, line = fault_alarm(stack), json.loads(lines.getvalue())
    [dimension] = alarm["Dimensions"]
    assert any(
        directive["Namespace"] == alarm["Namespace"]
        and [dimension["Name"]] in directive["Dimensions"]
        and alarm["MetricName"] in [metric["Name"] for metric in directive["Metrics"]]
        for directive in line["_aws"]["CloudWatchMetrics"]
    )


def test_configuration_fault_reaches_a_topic_whose_key_is_not_that_of_the_notifications(
    stack: Stack, package: HandlerPackage
) -> None:
    receiver(stack, package, channel(stack))

    topics = resources(stack, "AWS::SNS::Topic")
    keys = {str(topics[action["Ref"]]["Properties"]["KmsMasterKeyId"]) for action in fault_alarm(stack)["AlarmActions"]}
    assert (len(topics), len(keys)) == (2, 2)


def test_channel_has_one_receiver(stack: Stack, package: HandlerPackage) -> None:
    orders = channel(stack)
    receiver(stack, package, orders)

    with pytest.raises(
        InvalidPropsError,
        match=r"^Stack/Orders: a channel must have one receiver, .*, got Stack/Receiver and Stack/Second$",
    ):
        IdempotentReceiver(stack, "Second", IdempotentReceiverProps(package=package, channel=orders, protect=False))


def test_props_of_another_kind_are_refused_with_a_sentence(stack: Stack, package: HandlerPackage) -> None:
    wrong: Any = "orders"

    with pytest.raises(
        InvalidPropsError, match="package must be of type HandlerPackage or ImagePackage or EcrImage, got 'orders'"
    ):
        IdempotentReceiverProps(package=wrong, channel=channel(stack))
    with pytest.raises(InvalidPropsError, match="channel must be of type QueueChannel, got 'orders'"):
        IdempotentReceiverProps(package=package, channel=wrong)


def test_single_writes_need_no_partiql(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack), single_writes=True)

    actions = {action for action, _ in permissions(stack) if action.startswith("dynamodb:")}
    assert actions == {"dynamodb:PutItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"}


def test_lease_needs_a_handler_that_may_take_as_long(stack: Stack, package: HandlerPackage) -> None:
    with pytest.raises(InvalidPropsError, match="handler_timeout of the channel must be at least 5 seconds, got 4"):
        receiver(stack, package, channel(stack, 4), lease=Duration.seconds(5), batch_size=1)


def test_lease_reaches_the_handler(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack, 60), lease=Duration.seconds(20), batch_size=1)

    assert properties(stack, "AWS::Lambda::Function")["Environment"]["Variables"]["LEASE_SECONDS"] == "20"


def test_table_and_dead_letter_notifier_can_be_shared(stack: Stack, package: HandlerPackage) -> None:
    table, notifier = IdempotencyTable(stack, "Items"), DeadLetterNotifier(stack, "Notifier")

    receiver(stack, package, channel(stack), table=table, dead_letter_notifier=notifier)

    assert [logical_id[:-8] for logical_id in resources(stack, "AWS::DynamoDB::Table")] == ["ItemsTable"]
    topics = [logical_id[:-8] for logical_id in resources(stack, "AWS::SNS::Topic")]
    assert topics == ["NotifierTopic", "NotifierAlarmTopic"]


def test_receiver_that_parks_groups_says_so_to_its_function_and_needs_no_other_permission(
    app_context: dict[str, Any], package: HandlerPackage
) -> None:
    app = App(context=app_context)
    stacks = [Stack(app, name) for name in ("Continues", "Parks")]
    receiver(stacks[0], package, channel(stacks[0], fifo=True))
    receiver(stacks[1], package, channel(stacks[1], fifo=True), on_death="park_group")

    continuing, parking = [properties(stack, FUNCTION)["Environment"]["Variables"].keys() for stack in stacks]
    assert parking - continuing == {"PARKS_GROUPS"}
    assert actions(stacks[0]) == actions(stacks[1])


def actions(stack: Stack) -> list[list[str]]:
    policies = resources(stack, "AWS::IAM::Policy").values()
    found = [each["Action"] for policy in policies for each in policy["Properties"]["PolicyDocument"]["Statement"]]
    return [[each] if isinstance(each, str) else each for each in found]


def test_what_is_not_protected_goes_with_its_stack(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package, channel(stack, protect=False), protect=False)

    for resource_type in ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::SQS::Queue"):
        assert {found["DeletionPolicy"] for found in resources(stack, resource_type).values()} == {"Delete"}


@pytest.mark.parametrize(
    ("source", "settings", "sentence"),
    [
        ({}, {"batch_size": 0}, "batch_size must be between 1 and 10,000 messages, got 0"),
        ({}, {"batch_size": 11}, "batch_size must be at most 10 on a channel without a batching_window, got 11"),
        ({"fifo": True}, {"batch_size": 11}, "batch_size must be at most 10 on a FIFO channel, got 11"),
        (
            {},
            {"on_death": "park_group"},
            (
                "on_death must be continue_group on a standard channel, because its messages have no order to keep, "
                "got park_group"
            ),
        ),
        (
            {"fifo": True},
            {"on_death": "park_group", "transactions": False},
            (
                "on_death must be continue_group without transactions, because a message and its group are marked in "
                "one, got park_group"
            ),
        ),
        ({"fifo": True}, {"on_death": "stop"}, "on_death must be one of continue_group, park_group, got 'stop'"),
        ({}, {"lease": Duration.seconds(4), "batch_size": 1}, "lease must be between 5 and 5 seconds, got 4"),
        ({}, {"lease": Duration.seconds(6), "batch_size": 1}, "lease must be between 5 and 5 seconds, got 6"),
        (
            {},
            {"lease": Duration.seconds(5)},
            "batch_size must be 1 with a lease, because heartbeats extend one message, got 10",
        ),
        ({}, {"max_concurrency": "2"}, "max_concurrency must be of type int, got '2'"),
        ({}, {"idempotency_window": 3600}, "idempotency_window must be of type Duration, got 3600"),
        ({}, {"environment": {"A": "b"}}, "environment must be of type Sequence, got a dict"),
        ({}, {"environment": ["A"]}, "environment must be of type EnvironmentContract, got 'A'"),
        ({}, {"max_concurrency": 1}, "max_concurrency must be between 2 and 1,000, got 1"),
        ({}, {"max_concurrency": 1001}, "max_concurrency must be between 2 and 1,000, got 1,001"),
        (
            {},
            {"max_concurrency": 5, "pollers": ProvisionedPollers(minimum=2, maximum=5)},
            "max_concurrency must be left out with pollers, because Lambda accepts one of the two, got both",
        ),
        (
            {},
            {"reserved_concurrency": 1},
            (
                "reserved_concurrency must be at least 2, because a throttled mapping uses up receives of its "
                "messages, got 1"
            ),
        ),
        (
            {},
            {"reserved_concurrency": 9, "max_concurrency": 10},
            (
                "reserved_concurrency must be at least 10, because a throttled mapping uses up receives of its "
                "messages, got 9"
            ),
        ),
        ({}, {"max_attempts": 0}, "max_attempts must be between 1 and 100, got 0"),
        (
            {"timeout": 900},
            {},
            (
                "batch_size must be at most 5, so that 5 attempts at each message fit the 32 receives of the channel, "
                "got 10"
            ),
        ),
        (
            {"max_receive_count": 5},
            {},
            (
                "channel must allow at least 6 receives for 5 attempts, got 5: give it a longer retention or a shorter "
                "handler_timeout"
            ),
        ),
        (
            {},
            {"idempotency_window": Duration.days(22)},
            (
                "idempotency_window must be at least 1,987,200 seconds, because a message that is redriven "
                "later would take effect twice, got 1,900,800"
            ),
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_a_sentence(
    stack: Stack, package: HandlerPackage, source: dict[str, Any], settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        IdempotentReceiverProps(package=package, channel=channel(stack, **source), **settings)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("minimum", "maximum", "sentence"),
    [
        (1, 5, "minimum must be between 2 and 200 pollers, got 1"),
        (2, 2001, "maximum must be between 2 and 2,000 pollers, got 2,001"),
        (5, 4, "minimum must be at most the maximum of 4 pollers, got 5"),
    ],
)
def test_pollers_that_do_not_fit_are_refused_with_a_sentence(minimum: int, maximum: int, sentence: str) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        ProvisionedPollers(minimum=minimum, maximum=maximum)

    assert str(refusal.value) == sentence
