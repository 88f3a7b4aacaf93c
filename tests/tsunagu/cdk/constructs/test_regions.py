"""A queue that gets the messages of a topic in another region."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Environment, Fn, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import properties, resources
from tsunagu.cdk import (
    Connector,
    ConnectorProps,
    DeadLetterNotifier,
    HandlerFunctionProps,
    HandlerPackage,
    InvalidPropsError,
    QueueChannel,
    QueueChannelProps,
    Service,
    ServicePipeline,
    ServicePipelineProps,
    Step,
    TopicChannel,
    TopicChannelProps,
)

ACCOUNT = "123456789012"


def stack_in(region: str | None, context: dict[str, Any]) -> Stack:
    app = new_app(context=context, analytics_reporting=False)
    return Stack(app, "Stack", env=Environment(account=ACCOUNT, region=region) if region else None)


def imported(stack: Stack, arn: str) -> TopicChannel:
    topic = sns.Topic.from_topic_arn(stack, "Topic", arn)
    return TopicChannel(stack, "Reserve", TopicChannelProps(existing=topic))


def subscribed(stack: Stack, region: str, *, dead_letters: bool = True) -> Any:
    channel = QueueChannel(
        stack, "Orders", QueueChannelProps(handler_timeout=Duration.seconds(5), key=kms.Key(stack, "Key"))
    )
    queue = sqs.Queue.from_queue_arn(stack, "Dead", f"arn:aws:sqs:{region}:{ACCOUNT}:dead") if dead_letters else None
    topic = imported(stack, f"arn:aws:sns:{region}:{ACCOUNT}:orders")
    return topic.subscribe(channel, dead_letter_queue=queue)


def principals(stack: Stack) -> set[str]:
    text = json.dumps(Template.from_stack(stack).to_json())
    return {
        f"sns.{part}.amazonaws.com" for part in ("eu-west-1", "ap-east-1", "me-south-1") if f"sns.{part}." in text
    } | ({"sns.amazonaws.com"} if "sns.amazonaws.com" in text else set())


@pytest.mark.parametrize(
    ("topic", "queue", "region", "principal"),
    [
        ("us-east-1", "eu-west-1", "us-east-1", "sns.amazonaws.com"),
        ("ap-east-1", "eu-west-1", "ap-east-1", "sns.ap-east-1.amazonaws.com"),
        ("eu-west-1", "ap-east-1", "eu-west-1", "sns.ap-east-1.amazonaws.com"),
        ("ap-east-1", "me-south-1", "ap-east-1", "sns.me-south-1.amazonaws.com"),
        ("ap-east-1", "ap-east-1", None, "sns.amazonaws.com"),
        ("eu-west-1", None, "eu-west-1", "sns.amazonaws.com"),
    ],
)
def test_the_subscription_is_made_in_the_region_of_the_topic_for_the_principal_of_both(
    app_context: dict[str, Any], topic: str, queue: str | None, region: str | None, principal: str
) -> None:
    stack = stack_in(queue, app_context)
    subscribed(stack, topic)

    assert properties(stack, "AWS::SNS::Subscription").get("Region") == region
    assert principals(stack) == {principal}
    assert len(resources(stack, "AWS::SQS::Queue")) == 2  # of the channel: the dead letters of SNS are not here


def test_a_region_that_only_the_deployment_knows_is_that_of_the_arn(app_context: dict[str, Any]) -> None:
    stack = stack_in("eu-west-1", app_context)
    channel = QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=Duration.seconds(5)))
    imported(stack, Fn.import_value("Topic")).subscribe(channel)

    region = properties(stack, "AWS::SNS::Subscription")["Region"]
    assert region == {"Fn::Select": [3, {"Fn::Split": [":", {"Fn::ImportValue": "Topic"}]}]}


def test_a_topic_of_the_same_stack_needs_no_region(app_context: dict[str, Any]) -> None:
    for region in (None, "eu-west-1"):
        stack = stack_in(region, app_context)
        channel = QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=Duration.seconds(5)))
        TopicChannel(stack, "Topic").subscribe(channel)

        assert "Region" not in properties(stack, "AWS::SNS::Subscription")


def test_dead_letters_in_the_wrong_region_are_refused(app_context: dict[str, Any]) -> None:
    with pytest.raises(
        InvalidPropsError,
        match=r"^Stack/Orders/Subscription: dead_letter_queue must be a queue in us-east-1, .* in eu-west-1$",
    ):
        subscribed(stack_in("eu-west-1", app_context), "us-east-1", dead_letters=False)


def test_an_alarm_on_dead_letters_of_another_region_is_refused(app_context: dict[str, Any]) -> None:
    stack = stack_in("eu-west-1", app_context)
    subscription = subscribed(stack, "us-east-1")

    with pytest.raises(InvalidPropsError, match=r"in eu-west-1, where the alarm on it is, got us-east-1$"):
        DeadLetterNotifier(stack, "Notifier").watch_subscription(subscription)


def _handler(folder: Path) -> HandlerPackage:
    (folder / "pack").mkdir()
    (folder / "pack" / "handler.py").write_text("def handler(event, context):\n    return {}\n")
    return HandlerPackage(path=folder / "pack")


def test_a_connector_refuses_a_topic_of_another_region_with_the_way_out(
    app_context: dict[str, Any], tmp_path: Path
) -> None:
    stack = stack_in("eu-west-1", app_context)
    services = [Service(name="billing", package=_handler(tmp_path))]
    topic = imported(stack, f"arn:aws:sns:us-east-1:{ACCOUNT}:orders")

    expected = r"Stack/Orders: topic must be a topic in eu-west-1, .* got one in us-east-1: subscribe a channel by"
    with pytest.raises(InvalidPropsError, match=expected):
        Connector(stack, "Orders", ConnectorProps(services=services, topic=topic))


def test_a_pipeline_subscribes_nobody_to_a_completion_topic_of_another_region(
    app_context: dict[str, Any], tmp_path: Path
) -> None:
    stack = stack_in("eu-west-1", app_context)
    package = _handler(tmp_path)
    props = ServicePipelineProps(
        name="orders",
        preprocessor=HandlerFunctionProps(package=package, timeout=Duration.seconds(5)),
        steps=[Step(name="reserve", services=[Service(name="billing", package=package)])],
        completion_topic=imported(stack, f"arn:aws:sns:us-east-1:{ACCOUNT}:done"),
        subscribers={"Web": "https://shop.example.com/done"},
    )

    expected = r"Stack/Orders: completion_topic must be a topic in eu-west-1, .* got one in us-east-1"
    with pytest.raises(InvalidPropsError, match=expected):
        ServicePipeline(stack, "Orders", props)
    assert ServicePipeline(stack, "Silent", replace(props, subscribers={})).completion_topic is props.completion_topic
