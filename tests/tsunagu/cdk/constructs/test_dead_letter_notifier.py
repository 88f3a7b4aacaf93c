from typing import Any

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from tests.tsunagu.cdk.constructs.synthesized import only, permissions, properties, resources
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
from tsunagu.errors import InvalidPropsError

TOPIC_ARN = "arn:aws:sns:eu-west-1:111122223333:Operations"
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/5a0d6f1e-9c3b-4a38-8d7c-2f0a2b6c1d11"
CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}


def role(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def channel(stack: Stack, name: str = "Orders") -> QueueChannel:
    return QueueChannel(stack, name, QueueChannelProps(handler_timeout=Duration.seconds(5)))


def function(stack: Stack, name: str) -> lambda_.IFunction:
    return lambda_.Function.from_function_name(stack, f"{name}Function", name)


def imported_topic(stack: Stack) -> sns.ITopic:
    return sns.Topic.from_topic_attributes(stack, "Existing", topic_arn=TOPIC_ARN, key_arn=KEY_ARN)


def alarm_on(stack: Stack, metric_name: str) -> dict[str, Any]:
    alarms = [alarm["Properties"] for alarm in resources(stack, "AWS::CloudWatch::Alarm").values()]
    [alarm] = [alarm for alarm in alarms if alarm["MetricName"] == metric_name]
    found: dict[str, Any] = alarm
    return found


def from_cloudwatch(statements: list[dict[str, Any]]) -> dict[str, Any]:
    [statement] = [statement for statement in statements if statement["Principal"] == CLOUDWATCH]
    return statement


def test_topic_is_encrypted_with_a_key_of_its_own(stack: Stack) -> None:
    DeadLetterNotifier(stack, "Notifier")

    [key] = resources(stack, "AWS::KMS::Key")
    assert properties(stack, "AWS::SNS::Topic") == {"KmsMasterKeyId": {"Fn::GetAtt": [key, "Arn"]}}


def test_topic_refuses_what_comes_without_tls(stack: Stack) -> None:
    DeadLetterNotifier(stack, "Notifier")

    [refusal, _] = properties(stack, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert refusal["Effect"] == "Deny"
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(
    ("resource_type", "document", "actions"),
    [
        ("AWS::KMS::Key", "KeyPolicy", ["kms:Decrypt", "kms:GenerateDataKey"]),
        ("AWS::SNS::TopicPolicy", "PolicyDocument", "sns:Publish"),
    ],
)
def test_alarms_of_this_account_pass_the_policies_of_key_and_topic(
    stack: Stack, resource_type: str, document: str, actions: str | list[str]
) -> None:
    DeadLetterNotifier(stack, "Notifier")

    statement = from_cloudwatch(properties(stack, resource_type)[document]["Statement"])
    assert statement["Action"] == actions
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1][-1] == ":alarm:*"


def test_alarm_is_raised_by_the_first_dead_letter(stack: Stack) -> None:
    DeadLetterNotifier(stack, "Notifier").watch_channel(stack, channel(stack))

    alarm = alarm_on(stack, "ApproximateNumberOfMessagesVisible")
    [topic] = resources(stack, "AWS::SNS::Topic")
    [dimension] = alarm["Dimensions"]
    assert dimension["Value"]["Fn::GetAtt"][0].startswith("OrdersDeadLetterQueue")
    assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Maximum", 60, 1)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmActions"] == [{"Ref": topic}]


def test_one_dead_letter_notifier_serves_many_channels(stack: Stack) -> None:
    notifier = DeadLetterNotifier(stack, "Notifier")

    for name in ("Orders", "Refunds"):
        notifier.watch_channel(Construct(stack, f"{name}Receiver"), channel(stack, name))

    assert len(resources(stack, "AWS::CloudWatch::Alarm")) == 4


def test_alarm_is_raised_when_messages_wait_for_a_quarter_of_their_retention(stack: Stack) -> None:
    DeadLetterNotifier(stack, "Notifier").watch_channel(stack, channel(stack))

    alarm = alarm_on(stack, "ApproximateAgeOfOldestMessage")
    assert alarm["Threshold"] == 86_400
    assert alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0].startswith("OrdersQueue")


def test_alarm_is_raised_by_the_first_message_that_sns_could_not_deliver(stack: Stack) -> None:
    subscription = TopicChannel(stack, "Reserve").subscribe(channel(stack))

    DeadLetterNotifier(stack, "Notifier").watch_subscription(subscription)

    alarm = alarm_on(stack, "ApproximateNumberOfMessagesVisible")
    [dimension] = alarm["Dimensions"]
    assert dimension["Value"]["Fn::GetAtt"][0].startswith("OrdersSubscriptionDeadLetterQueue")
    assert alarm["Threshold"] == 1
    assert len(alarm["AlarmActions"]) == 1


def test_one_key_for_everything_is_no_cycle(stack: Stack) -> None:
    key = kms.Key(stack, "Key")
    orders = QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=Duration.seconds(5), key=key))
    subscription = TopicChannel(stack, "Reserve", TopicChannelProps(key=key)).subscribe(orders)
    notifier = DeadLetterNotifier(stack, "Notifier", DeadLetterNotifierProps(key=key))
    notifier.watch_subscription(subscription)
    notifier.watch_channel(stack, orders)

    assert len(resources(stack, "AWS::KMS::Key")) == 1  # `Template` refuses a cycle
    assert len(resources(stack, "AWS::CloudWatch::Alarm")) == 3


@pytest.mark.parametrize("prop", ["existing", "alarm_topic"])
def test_a_topic_to_which_no_alarm_can_publish_is_refused(stack: Stack, prop: str) -> None:
    managed = kms.Alias.from_alias_name(stack, "Managed", "alias/aws/sns")
    topic: Any = sns.Topic(stack, "Alarms", master_key=managed)

    with pytest.raises(InvalidPropsError, match=f"^the key of {prop} must be a customer-managed key, got"):
        DeadLetterNotifierProps(**{prop: topic})


def test_notifier_channel_and_receiver_may_live_in_stacks_of_their_own() -> None:
    app = App()
    shared, queues, receivers = (Stack(app, name) for name in ("Shared", "Queues", "Receivers"))

    DeadLetterNotifier(shared, "Notifier").watch_channel(receivers, channel(queues))

    assert len(resources(receivers, "AWS::CloudWatch::Alarm")) == 2


def test_grant_gives_publishing_with_the_key_and_no_more(stack: Stack) -> None:
    DeadLetterNotifier(stack, "Notifier").grant_notify(role(stack))

    assert permissions(stack) == {
        ("sns:Publish", "NotifierTopic"),
        ("kms:Decrypt", "NotifierTopicKey"),
        ("kms:GenerateDataKey", "NotifierTopicKey"),
    }


def test_imported_topic_and_its_key_keep_their_policies(stack: Stack) -> None:
    notifier = DeadLetterNotifier(stack, "Notifier", DeadLetterNotifierProps(existing=imported_topic(stack)))

    notifier.watch_channel(stack, channel(stack))
    notifier.grant_notify(role(stack))

    made = ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::KMS::Key")
    assert not any(resources(stack, resource_type) for resource_type in made)
    assert alarm_on(stack, "ApproximateNumberOfMessagesVisible")["AlarmActions"] == [TOPIC_ARN]
    assert permissions(stack) == {
        ("sns:Publish", TOPIC_ARN),
        ("kms:Decrypt", KEY_ARN),
        ("kms:GenerateDataKey", KEY_ARN),
    }


def test_own_topic_of_the_app_is_opened_to_alarms(stack: Stack) -> None:
    topic = sns.Topic(stack, "Operations", master_key=kms.Key(stack, "OperationsKey"))

    DeadLetterNotifier(stack, "Notifier", DeadLetterNotifierProps(existing=topic))

    assert from_cloudwatch(properties(stack, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"])
    assert from_cloudwatch(properties(stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"])


@pytest.mark.parametrize(("protect", "policy"), [(True, "Retain"), (False, "Delete")])
def test_protection_decides_what_becomes_of_the_key(stack: Stack, protect: bool, policy: str) -> None:
    DeadLetterNotifier(stack, "Notifier", DeadLetterNotifierProps(protect=protect))

    assert only(stack, "AWS::KMS::Key")["DeletionPolicy"] == policy


@pytest.mark.parametrize("prop", ["existing", "alarm_topic"])
def test_fifo_topic_is_refused(stack: Stack, prop: str) -> None:
    topic: Any = sns.Topic(stack, "Ordered", fifo=True)

    with pytest.raises(InvalidPropsError, match=f"{prop} must be a standard topic"):
        DeadLetterNotifierProps(**{prop: topic})


def test_configuration_faults_reach_both_topics_and_alarms_may_publish_to_them(stack: Stack) -> None:
    notifier = DeadLetterNotifier(stack, "Notifier")

    for name in ("Orders", "Refunds"):
        notifier.watch_function(Construct(stack, f"{name}Receiver"), function(stack, name))

    topics = resources(stack, "AWS::SNS::Topic")
    alarms = [alarm["Properties"] for alarm in resources(stack, "AWS::CloudWatch::Alarm").values()]
    assert [alarm["AlarmActions"] for alarm in alarms] == [[{"Ref": topic} for topic in topics]] * 2
    assert [topic[:-8] for topic in topics] == ["NotifierTopic", "NotifierAlarmTopic"]
    policies = [policy["Properties"]["PolicyDocument"] for policy in resources(stack, "AWS::SNS::TopicPolicy").values()]
    keys = [key["Properties"]["KeyPolicy"] for key in resources(stack, "AWS::KMS::Key").values()]
    assert len(policies) == len(keys) == 2
    assert all(from_cloudwatch(document["Statement"]) for document in (*policies, *keys))


def test_topic_of_alarms_may_be_given(stack: Stack) -> None:
    topic = sns.Topic(stack, "Alarms", master_key=kms.Key(stack, "AlarmsKey"))
    notifier = DeadLetterNotifier(
        stack, "Notifier", DeadLetterNotifierProps(existing=imported_topic(stack), alarm_topic=topic)
    )

    notifier.watch_function(stack, function(stack, "Orders"))

    [logical_id] = resources(stack, "AWS::SNS::Topic")
    assert alarm_on(stack, "ConfigurationFaults")["AlarmActions"] == [TOPIC_ARN, {"Ref": logical_id}]
    assert from_cloudwatch(properties(stack, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"])
    assert from_cloudwatch(properties(stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"])


def test_one_topic_for_everything_is_an_action_once(stack: Stack) -> None:
    topic = imported_topic(stack)
    notifier = DeadLetterNotifier(stack, "Notifier", DeadLetterNotifierProps(existing=topic, alarm_topic=topic))

    notifier.watch_function(stack, function(stack, "Orders"))

    assert alarm_on(stack, "ConfigurationFaults")["AlarmActions"] == [TOPIC_ARN]


def test_failures_after_the_commit_raise_an_alarm(stack: Stack) -> None:
    notifier = DeadLetterNotifier(stack, "Notifier", DeadLetterNotifierProps(existing=imported_topic(stack)))

    notifier.watch_commits(stack, function(stack, "Orders"))

    alarm = alarm_on(stack, "FailuresAfterCommit")
    assert (alarm["AlarmActions"], alarm["Threshold"], alarm["Period"]) == ([TOPIC_ARN], 1, 60)
    assert [dimension["Name"] for dimension in alarm["Dimensions"]] == ["function_name"]


def test_notifier_without_functions_has_one_topic(stack: Stack) -> None:
    DeadLetterNotifier(stack, "Notifier").watch_channel(stack, channel(stack))

    assert len(resources(stack, "AWS::SNS::Topic")) == 1


def test_key_that_aws_manages_is_refused(stack: Stack) -> None:
    key = kms.Alias.from_alias_name(stack, "Managed", "alias/aws/sns")

    with pytest.raises(InvalidPropsError, match="key must be a customer-managed key, got alias/aws/sns"):
        DeadLetterNotifierProps(key=key)
