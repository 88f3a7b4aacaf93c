from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.cdk.constructs.synthesized import permissions, resources
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.errors import InvalidPropsError

QUEUE = "AWS::SQS::Queue"
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/5a0d6f1e-9c3b-4a38-8d7c-2f0a2b6c1d11"


def props(timeout: int = 5, **settings: Any) -> QueueChannelProps:
    return QueueChannelProps(handler_timeout=Duration.seconds(timeout), **settings)


def queues(stack: Stack, **settings: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The queue and the dead-letter queue of a channel."""
    QueueChannel(stack, "Orders", props(**settings))
    found = {resource["Properties"].get("RedrivePolicy") is None: resource for resource in _all(stack)}
    return found[False], found[True]


def _all(stack: Stack) -> list[dict[str, Any]]:
    return list(resources(stack, QUEUE).values())


def role(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def customer_managed_key(stack: Stack) -> kms.IKey:
    return CustomerManagedKey(stack, "Secret", CustomerManagedKeyProps(description="Orders")).key


def test_visibility_timeout_is_six_handler_timeouts_and_the_batching_window(stack: Stack) -> None:
    queue, _ = queues(stack, timeout=30, batching_window=Duration.seconds(20))

    assert queue["Properties"]["VisibilityTimeout"] == 200


@pytest.mark.parametrize(
    ("timeout", "retention", "count"),
    [
        (5, Duration.days(4), 1000),  # 5,760 fit half the retention, but SQS counts to 1,000
        (60, Duration.days(4), 480),
        (900, Duration.days(4), 32),
        (900, Duration.hours(2), 1),  # not even one fits
    ],
)
def test_receive_count_fits_half_the_retention(stack: Stack, timeout: int, retention: Duration, count: int) -> None:
    queue, _ = queues(stack, timeout=timeout, retention=retention)

    assert queue["Properties"]["RedrivePolicy"]["maxReceiveCount"] == count


@given(timeout=st.integers(1, 900), window=st.integers(0, 300), retention=st.integers(5_700, 1_209_599))
def test_receive_count_never_outlasts_half_the_retention(timeout: int, window: int, retention: int) -> None:
    channel = props(timeout, batching_window=Duration.seconds(window), retention=Duration.seconds(retention))
    visibility = timeout * 6 + window

    assert 1 <= channel.receive_count <= 1000
    assert channel.receive_count == 1 or channel.receive_count * visibility <= retention / 2


def test_given_receive_count_is_taken_as_it_is(stack: Stack) -> None:
    queue, _ = queues(stack, max_receive_count=7)

    assert queue["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 7


def test_messages_wait_four_days_and_dead_letters_fourteen(stack: Stack) -> None:
    queue, dead_letter_queue = queues(stack)

    assert queue["Properties"]["MessageRetentionPeriod"] == 4 * 86_400
    assert dead_letter_queue["Properties"]["MessageRetentionPeriod"] == 14 * 86_400


def test_longest_stay_is_a_wait_dead_letters_and_a_wait_after_the_redrive() -> None:
    channel = props(retention=Duration.days(3), dead_letter_retention=Duration.days(9))

    assert channel.longest_stay.to_days() == 3 + 9 + 3


def test_dead_letter_queue_is_of_the_same_type(stack: Stack) -> None:
    queue, dead_letter_queue = queues(stack, fifo=True)

    assert queue["Properties"]["FifoQueue"] is True
    assert dead_letter_queue["Properties"]["FifoQueue"] is True


def test_standard_queues_say_nothing_about_order(stack: Stack) -> None:
    for queue in queues(stack):
        assert "FifoQueue" not in queue["Properties"]


def test_high_throughput_gives_each_group_its_own_quota(stack: Stack) -> None:
    queue, _ = queues(stack, fifo=True, high_throughput=True)

    assert queue["Properties"]["DeduplicationScope"] == "messageGroup"
    assert queue["Properties"]["FifoThroughputLimit"] == "perMessageGroupId"


def test_queue_is_nobody_elses_dead_letter_queue(stack: Stack) -> None:
    queue, _ = queues(stack)

    assert queue["Properties"]["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"}


def test_both_queues_are_encrypted_by_sqs_by_default(stack: Stack) -> None:
    for queue in queues(stack):
        assert queue["Properties"]["SqsManagedSseEnabled"] is True


def test_both_queues_use_a_given_key_and_ask_it_every_five_minutes(stack: Stack) -> None:
    for queue in queues(stack, key=customer_managed_key(stack)):
        assert queue["Properties"]["KmsMasterKeyId"]["Fn::GetAtt"][0].startswith("SecretKey")
        assert queue["Properties"]["KmsDataKeyReusePeriodSeconds"] == 300


def test_both_queues_refuse_what_comes_without_tls(stack: Stack) -> None:
    QueueChannel(stack, "Orders", props())

    refusal = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sqs:*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    statements = {"PolicyDocument": {"Statement": Match.array_with([Match.object_like(refusal)])}}
    Template.from_stack(stack).resource_properties_count_is("AWS::SQS::QueuePolicy", statements, 2)


@pytest.mark.parametrize(("protect", "policy"), [(True, "Retain"), (False, "Delete")])
def test_protection_decides_what_becomes_of_the_queues(stack: Stack, protect: bool, policy: str) -> None:
    for queue in queues(stack, protect=protect):
        assert queue["DeletionPolicy"] == queue["UpdateReplacePolicy"] == policy


@pytest.mark.parametrize(
    ("grant", "actions"),
    [
        ("grant_send", {("sqs:SendMessage", "OrdersQueue")}),
        (
            "grant_consume",
            {
                ("sqs:ReceiveMessage", "OrdersQueue"),
                ("sqs:DeleteMessage", "OrdersQueue"),
                ("sqs:GetQueueAttributes", "OrdersQueue"),
            },
        ),
        ("grant_change_visibility", {("sqs:ChangeMessageVisibility", "OrdersQueue")}),
        ("grant_dead_letter", {("sqs:SendMessage", "OrdersDeadLetterQueue")}),
    ],
)
def test_grant_gives_its_actions_and_no_more(stack: Stack, grant: str, actions: set[tuple[str, str]]) -> None:
    channel = QueueChannel(stack, "Orders", props())

    getattr(channel, grant)(role(stack))

    assert permissions(stack) == actions


@pytest.mark.parametrize(
    ("grant", "key_actions"),
    [
        ("grant_send", {"kms:Decrypt", "kms:GenerateDataKey"}),
        ("grant_consume", {"kms:Decrypt"}),
        ("grant_change_visibility", set()),
        ("grant_dead_letter", {"kms:Decrypt", "kms:GenerateDataKey"}),
    ],
)
def test_grant_includes_what_the_key_asks_for(stack: Stack, grant: str, key_actions: set[str]) -> None:
    channel = QueueChannel(stack, "Orders", props(key=customer_managed_key(stack)))

    getattr(channel, grant)(role(stack))

    assert {action for action, target in permissions(stack) if target == "SecretKey"} == key_actions


def test_imported_key_is_granted_to_the_role_and_its_policy_is_left_alone(stack: Stack) -> None:
    channel = QueueChannel(stack, "Orders", props(key=kms.Key.from_key_arn(stack, "Imported", KEY_ARN)))

    channel.grant_consume(role(stack))

    assert ("kms:Decrypt", KEY_ARN) in permissions(stack)
    assert not resources(stack, "AWS::KMS::Key")


def test_metrics_are_those_of_the_right_queue(stack: Stack) -> None:
    channel = QueueChannel(stack, "Orders", props())

    names = [
        channel.metric_messages_visible().metric_name,
        channel.metric_oldest_message_age().metric_name,
        channel.metric_dead_letters_visible().metric_name,
    ]
    dimensions = channel.metric_dead_letters_visible(period=Duration.minutes(1)).dimensions

    assert names == [
        "ApproximateNumberOfMessagesVisible",
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesVisible",
    ]
    assert dimensions == {"QueueName": channel.dead_letter_queue.queue_name}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"timeout": 0}, "handler_timeout must be between 1 and 900 seconds, got 0"),
        ({"timeout": 901}, "handler_timeout must be between 1 and 900 seconds, got 901"),
        (
            {"batching_window": Duration.minutes(6)},
            "batching_window must be between 0 and 300 seconds, got 360",
        ),
        (
            {"batching_window": Duration.millis(1500)},
            "batching_window must be a whole number of seconds, got 1.5",
        ),
        ({"retention": Duration.seconds(59)}, "retention must be between 60 and 1,209,600 seconds, got 59"),
        (
            {"dead_letter_retention": Duration.days(15)},
            "dead_letter_retention must be between 60 and 1,209,600 seconds, got 1,296,000",
        ),
        ({"max_receive_count": 0}, "max_receive_count must be between 1 and 1,000, got 0"),
        ({"max_receive_count": 1001}, "max_receive_count must be between 1 and 1,000, got 1,001"),
        (
            {"high_throughput": True},
            "high_throughput must be left out without fifo, because only FIFO queues have it, got True",
        ),
        (
            {"fifo": True, "batching_window": Duration.seconds(1)},
            "batching_window must be 0 seconds on a FIFO queue, got 1",
        ),
        (
            {"dead_letter_retention": Duration.days(4)},
            "dead_letter_retention must be longer than the 345,600 seconds of retention, got 345,600",
        ),
        (
            {"timeout": 900, "retention": Duration.hours(1)},
            "retention must be at least the visibility time-out of 5,400 seconds, got 3,600",
        ),
    ],
)
def test_prop_out_of_its_range_is_refused_with_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        props(**settings)

    assert str(refusal.value) == sentence


def test_key_that_aws_manages_is_refused(stack: Stack) -> None:
    key = kms.Alias.from_alias_name(stack, "Managed", "alias/aws/sqs")

    with pytest.raises(InvalidPropsError, match="key must be a customer-managed key, got alias/aws/sqs"):
        props(key=key)


def test_duration_that_only_the_deployment_knows_is_refused(stack: Stack) -> None:
    parameter = CfnParameter(stack, "Timeout", type="Number")

    with pytest.raises(InvalidPropsError, match="handler_timeout must be known when the app is synthesized"):
        QueueChannelProps(handler_timeout=Duration.seconds(parameter.value_as_number))
