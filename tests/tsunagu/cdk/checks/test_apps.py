"""The checks on apps whose parts are in several stacks, in nested stacks, and in stages."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Duration, NestedStack, Stack, Stage
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.conftest import package
from tsunagu.cdk import (
    DeadLetterNotifier,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    QueueChannel,
    QueueChannelProps,
    TopicChannel,
    TopicChannelProps,
    add_checks,
)
from tsunagu.cdk.constructs.acknowledgement import acknowledge

__all__ = ["package"]

STRONG = {"@aws-cdk/core:defaultCrossStackReferences": "strong"}  # exports and imports


@pytest.fixture(params=["weak", "strong"])
def app(app_context: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest) -> App:
    """An app whose stacks refer to each other by outputs, or by exports."""
    context = app_context | (STRONG if request.param == "strong" else {})
    return new_app(context=context, analytics_reporting=False, outdir=str(tmp_path / "cdk.out"))


def violations(app: App) -> list[tuple[str, str]]:
    """Rules that the app breaks, with the paths of the constructs that break them."""
    add_checks(app)
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    else:
        return []
    document = json.loads((Path(app.outdir) / "validation-report.json").read_text())
    [found] = [plugin for plugin in document["pluginReports"] if plugin["pluginName"] == "tsunagu"]
    return [
        (violation["ruleName"], construct["constructPath"])
        for violation in found["violations"]
        for construct in violation["violatingConstructs"]
    ]


def channel(stack: Stack, *, fifo: bool = False) -> QueueChannel:
    return QueueChannel(stack, "Channel", QueueChannelProps(handler_timeout=Duration.seconds(10), fifo=fifo))


def receiver(stack: Stack, package: HandlerPackage, source: QueueChannel, **props: Any) -> IdempotentReceiver:
    return IdempotentReceiver(stack, "Receiver", IdempotentReceiverProps(package=package, channel=source, **props))


def test_channel_and_receiver_may_be_in_two_stacks(app: App, package: HandlerPackage) -> None:
    source = channel(Stack(app, "Queues"))
    receiver(Stack(app, "Receivers"), package, source)

    assert violations(app) == []


def test_each_part_of_a_receiver_may_be_in_a_stack_of_its_own(app: App, package: HandlerPackage) -> None:
    topic = TopicChannel(Stack(app, "Topics"), "Topic", TopicChannelProps())
    source = channel(Stack(app, "Queues"))
    notifier = DeadLetterNotifier(Stack(app, "Operations"), "Notifier")
    notifier.watch_subscription(topic.subscribe(source))
    receiver(Stack(app, "Receivers"), package, source, dead_letter_notifier=notifier)

    assert violations(app) == []


@pytest.mark.parametrize("nested", ["channel", "receiver", "both"])
def test_parts_of_a_receiver_may_be_in_nested_stacks(app: App, package: HandlerPackage, nested: str) -> None:
    parent = Stack(app, "Parent")
    queues = parent if nested == "receiver" else NestedStack(parent, "Queues")
    receivers = parent if nested == "channel" else NestedStack(parent, "Receivers")

    receiver(receivers, package, channel(queues))

    assert violations(app) == []


def test_stages_of_one_app_do_not_mix(app: App, package: HandlerPackage) -> None:
    for name in ("Dev", "Prod"):
        stage = Stage(app, name)
        receiver(Stack(stage, "Receivers"), package, channel(Stack(stage, "Queues")))
    sqs.CfnQueue(Stack(app, "Other"), "Queue", queue_name="other")

    assert violations(app) == [("FixedName", "Other/Queue")]


def test_rule_that_a_nested_stack_breaks_names_its_construct(app: App) -> None:
    nested = NestedStack(NestedStack(Stack(app, "Parent"), "Child"), "Grandchild")
    sqs.Queue(nested, "Orders", queue_name="orders")

    assert violations(app) == [("FixedName", "Parent/Child/Grandchild/Orders/Resource")]


def test_finding_in_a_nested_stack_can_be_acknowledged(app: App) -> None:
    queue = sqs.Queue(NestedStack(Stack(app, "Parent"), "Child"), "Orders", queue_name="orders")
    acknowledge(queue, "tsunagu::FixedName", "the warehouse sends to it by this name")

    assert violations(app) == []


def test_dead_letters_that_no_stack_watches_are_found(app: App) -> None:
    channel(Stack(app, "Queues"))
    Stack(app, "Other")

    assert violations(app) == [("DeadLetterAlarm", "Queues/Channel/DeadLetterQueue/Resource")]


@pytest.mark.parametrize("imported", ["queue", "arn", "name"])
def test_alarm_by_metric_math_may_be_in_another_stack(app: App, imported: str) -> None:
    queues, alarms = Stack(app, "Queues"), Stack(app, "Alarms")
    dead_letters = sqs.Queue(
        queues, "Dead", queue_name="dead" if imported == "name" else None, retention_period=Duration.days(14)
    )
    acknowledge(dead_letters, "tsunagu::FixedName", "another team watches it by this name")
    sqs.Queue(queues, "Orders", dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=10))
    arn = alarms.format_arn(service="sqs", resource="dead") if imported == "name" else dead_letters.queue_arn
    watched = dead_letters if imported == "queue" else sqs.Queue.from_queue_arn(alarms, "Dead", arn)
    expression = cloudwatch.MathExpression(
        expression="FILL(visible, 0)",
        using_metrics={"visible": watched.metric_approximate_number_of_messages_visible()},
    )
    alarm = cloudwatch.Alarm(alarms, "Alarm", metric=expression, threshold=1, evaluation_periods=1)
    alarm.add_alarm_action(actions.SnsAction(sns.Topic(alarms, "Topic")))

    assert violations(app) == []
