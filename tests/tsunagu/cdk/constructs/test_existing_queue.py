"""Queues that a team has already, their names, and their deduplication."""

from typing import Any

import pytest
from aws_cdk import Duration, Fn, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from tests.tsunagu.cdk.constructs.synthesized import properties, resources
from tsunagu.cdk import (
    DeadLetterNotifier,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    InvalidPropsError,
    QueueChannel,
    QueueChannelProps,
    TopicChannel,
    TopicChannelProps,
)

ARN = "arn:aws:sqs:eu-west-1:123456789012"


def props(**settings: Any) -> QueueChannelProps:
    return QueueChannelProps(**{"handler_timeout": Duration.seconds(5), **settings})


def own(stack: Stack, **settings: Any) -> sqs.Queue:
    dead_letters = sqs.DeadLetterQueue(queue=sqs.Queue(stack, "Dead"), max_receive_count=50)
    return sqs.Queue(
        stack, "Own", **{"dead_letter_queue": dead_letters, "visibility_timeout": Duration.seconds(30), **settings}
    )


def imported(stack: Stack, name: str = "orders") -> sqs.IQueue:
    return sqs.Queue.from_queue_arn(stack, f"Imported{name[:5]}", f"{ARN}:{name}")


def test_a_queue_of_the_app_has_a_receiver_alarms_and_a_subscription(stack: Stack, package: HandlerPackage) -> None:
    key = kms.Key(stack, "Key")
    queue = own(stack, encryption=sqs.QueueEncryption.KMS, encryption_master_key=key)
    channel = QueueChannel(stack, "Orders", props(existing=queue, max_receive_count=50))
    TopicChannel(stack, "Topic").subscribe(channel)
    notifier = DeadLetterNotifier(stack, "Notifier")
    receiver_props = IdempotentReceiverProps(
        package=package, channel=channel, dead_letter_notifier=notifier, batch_size=1
    )
    IdempotentReceiver(stack, "Receiver", receiver_props)

    assert [name[:-8] for name in resources(stack, "AWS::SQS::Queue")] == [
        "Dead",
        "Own",
        "OrdersSubscriptionDeadLetterQueue",
    ]
    source = properties(stack, "AWS::Lambda::EventSourceMapping")["EventSourceArn"]["Fn::GetAtt"][0]
    assert source.startswith("Own")
    assert channel.props.key is key


def test_an_imported_queue_needs_its_dead_letter_queue(stack: Stack) -> None:
    queue, dead_letters = imported(stack), imported(stack, "dead")
    channel = QueueChannel(stack, "Orders", props(existing=queue, dead_letter_queue=dead_letters))

    assert (channel.queue, channel.dead_letter_queue) == (queue, dead_letters)
    with pytest.raises(InvalidPropsError, match="dead_letter_queue must be given with existing"):
        props(existing=queue)
    with pytest.raises(InvalidPropsError, match="dead_letter_queue must be left out without existing"):
        props(dead_letter_queue=dead_letters)


@pytest.mark.parametrize(
    ("of_queue", "settings", "words"),
    [
        (
            {"visibility_timeout": Duration.seconds(29)},
            {},
            "visibility time-out of at least 30 seconds, .* got 29",
        ),
        ({"visibility_timeout": None}, {"batching_window": Duration.seconds(1)}, "at least 31 seconds, .* got 30 of"),
        (
            {"retention_period": Duration.days(1)},
            {},
            "retention must be the 86,400 seconds .* got 345,600",
        ),
        ({}, {"max_receive_count": 9}, "max_receive_count must be the 50 deliveries of the existing queue, got 9"),
        ({}, {"fifo": True}, "fifo must be False, as it is of the existing queue Stack/Own, got True"),
        ({}, {"queue_name": "orders"}, "queue_name must be left out with existing"),
        ({}, {"fifo": True, "high_throughput": True}, "high_throughput must be left out with existing"),
    ],
)
def test_a_queue_that_is_not_as_the_props_say_is_refused(
    stack: Stack, of_queue: dict[str, Any], settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidPropsError, match=words):
        props(**{"existing": own(stack, **of_queue), "max_receive_count": 50, **settings})


def test_the_kind_of_an_imported_queue_is_that_of_its_arn_or_of_the_props(stack: Stack) -> None:
    both = {"existing": imported(stack, "orders.fifo"), "dead_letter_queue": imported(stack, "dead.fifo")}
    unknown = sqs.Queue.from_queue_arn(stack, "Unknown", Fn.import_value("Queue"))

    with pytest.raises(InvalidPropsError, match="fifo must be True, as it is of the existing queue, got False"):
        props(**both)
    props(**both, fifo=True)
    props(existing=unknown, dead_letter_queue=unknown, fifo=True)


def test_two_channels_of_one_existing_queue_have_one_receiver(stack: Stack) -> None:
    both = {"existing": imported(stack), "dead_letter_queue": imported(stack, "dead")}
    one, other = (QueueChannel(stack, name, props(**both)) for name in ("One", "Other"))
    one.attach_receiver(Construct(stack, "First"))

    with pytest.raises(InvalidPropsError, match=r"^Stack/Other: a channel must have one receiver, .* Stack/First and"):
        other.attach_receiver(Construct(stack, "Second"))


def test_queues_have_the_names_that_are_given(stack: Stack) -> None:
    for fifo in (False, True):
        settings = {"queue_name": f"orders-{fifo}", "dead_letter_queue_name": f"dead-{fifo}"}
        QueueChannel(stack, f"Orders{fifo}", props(fifo=fifo, **settings))

    names = [each["Properties"]["QueueName"] for each in resources(stack, "AWS::SQS::Queue").values()]
    assert names == ["dead-False", "orders-False", "dead-True.fifo", "orders-True.fifo"]
    with pytest.raises(InvalidPropsError, match="queue_name must be 1 to 75 letters, digits, hyphens and underscores"):
        props(queue_name="orders.fifo")


def test_a_producer_that_gives_no_id_can_have_the_hash_of_the_body(stack: Stack) -> None:
    QueueChannel(stack, "Orders", props(fifo=True, content_based_deduplication=True))
    TopicChannel(stack, "Topic", TopicChannelProps(fifo=True, content_based_deduplication=True))

    queues = [each["Properties"] for each in resources(stack, "AWS::SQS::Queue").values()]
    assert [each.get("ContentBasedDeduplication") for each in queues] == [None, True]
    assert properties(stack, "AWS::SNS::Topic")["ContentBasedDeduplication"] is True
    for refused in (QueueChannelProps, TopicChannelProps):
        needed: Any = {"handler_timeout": Duration.seconds(5)} if refused is QueueChannelProps else {}
        with pytest.raises(InvalidPropsError, match="content_based_deduplication must be left out without fifo"):
            refused(**needed, content_based_deduplication=True)
