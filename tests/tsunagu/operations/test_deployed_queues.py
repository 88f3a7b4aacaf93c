"""The queues, functions and dead letters of a deployed stack, as AWS says."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.tsunagu.operations.shop import STACK, Shop
from tsunagu.operations.channels import read_channels
from tsunagu.operations.dead_letter_origins import redrive_target
from tsunagu.operations.denials import Denial
from tsunagu.operations.deployed_queues import StackQueues, read_queues
from tsunagu.operations.inventory import read_inventory
from tsunagu.operations.reader import Reader


@pytest.fixture
def shop(aws: None) -> Shop:
    return Shop()


def queues_of(shop: Shop) -> StackQueues:
    return read_queues(Reader(shop.aws()), read_inventory(shop.cloudformation.client, STACK))


def test_channels_and_dead_letter_queues_are_told_apart_with_and_without_metadata(shop: Shop) -> None:
    found = queues_of(shop)

    assert [queue.name for queue in found.channels] == ["Orders", "Legacy/Queue"]
    assert [(queue.name, [origin.name for origin in queue.origins]) for queue in found.dead_letter_queues] == [
        ("Orders", ["Orders"]),
        ("Legacy/Dead", ["Legacy/Queue"]),
    ]


def test_a_queue_has_the_depth_that_sqs_counts(shop: Shop) -> None:
    for _ in range(3):
        shop.send("Orders")
    boto3.client("sqs").receive_message(QueueUrl=shop.queues["Orders"], MaxNumberOfMessages=1)

    orders = queues_of(shop).channels[0]

    counted = boto3.client("sqs").get_queue_attributes(QueueUrl=orders.url, AttributeNames=["All"])["Attributes"]
    assert orders.depth == (2, 1, 0)
    assert int(counted["ApproximateNumberOfMessages"]) == 2
    assert (orders.dead_letter_arn, orders.max_receive_count) == (shop.arn("OrdersDead"), 4)


def test_a_queue_has_its_consumer_with_its_limit(shop: Shop) -> None:
    orders, legacy = queues_of(shop).channels

    (consumer,) = orders.consumers
    assert (consumer.function_name, consumer.state, consumer.maximum_concurrency) == ("shop-Receiver", "Enabled", 5)
    assert [function.label for function in orders.receivers] == ["Orders"]
    assert (legacy.consumers, legacy.receivers) == ([], [])


def test_a_consumer_in_another_stack_is_found_by_the_queue(shop: Shop) -> None:
    boto3.client("lambda").create_event_source_mapping(FunctionName="shop-Worker", EventSourceArn=shop.arn("Legacy"))

    legacy = queues_of(shop).channels[1]

    assert [consumer.function_name for consumer in legacy.consumers] == ["shop-Worker"]


def test_a_queue_outside_the_stack_that_its_receiver_consumes_is_read_too(shop: Shop) -> None:
    theirs = boto3.client("sqs").create_queue(QueueName="theirs")["QueueUrl"]
    dead = boto3.client("sqs").create_queue(QueueName="theirs-dead")["QueueUrl"]
    variables = {"QUEUE_ARN": "arn:aws:sqs:eu-central-1:123456789012:theirs"}
    variables |= {"QUEUE_URL": theirs, "DEAD_LETTER_QUEUE_URL": dead}
    boto3.client("lambda").update_function_configuration(
        FunctionName="shop-Worker", Environment={"Variables": variables}
    )

    found = queues_of(shop)

    assert [(queue.name, queue.url) for queue in found.channels][-1] == ("Nightly", theirs)
    letters = found.dead_letter_queues[-1]
    assert (letters.url, [origin.url for origin in letters.origins]) == (dead, [theirs])


def test_failed_events_of_a_function_and_of_a_schedule_have_their_queue(shop: Shop) -> None:
    boto3.client("lambda").put_function_event_invoke_config(
        FunctionName="shop-Worker", DestinationConfig={"OnFailure": {"Destination": shop.arn("LegacyDead")}}
    )
    tick = boto3.client("scheduler").get_schedule(Name="shop-Tick")
    boto3.client("scheduler").update_schedule(
        Name="shop-Tick",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={**tick["Target"], "DeadLetterConfig": {"Arn": shop.arn("LegacyDead")}},
    )

    origins = queues_of(shop).dead_letter_queues[1].origins

    assert [(origin.kind, origin.name) for origin in origins] == [
        ("queue", "Legacy/Queue"),
        ("function", "Nightly"),
        ("schedule", "Nightly/Schedule"),
    ]


def test_what_may_not_be_read_is_named_and_the_rest_is_there(shop: Shop) -> None:
    aws = shop.aws()
    message = "User: arn:aws:iam::1:user/jo is not authorized to perform: sqs:getqueueattributes on resource: arn:x"

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "GetQueueAttributes")

    aws.sqs.meta.events.register("before-call.sqs.GetQueueAttributes", refuse)
    reader = Reader(aws)

    found = read_queues(reader, read_inventory(shop.cloudformation.client, STACK))

    assert reader.denials() == [Denial("sqs:GetQueueAttributes", "arn:x", "arn:aws:iam::1:user/jo")]
    assert [queue.depth for queue in found.queues] == [None] * 4
    assert [queue.name for queue in found.channels] == ["Orders", "Legacy/Dead", "Legacy/Queue"]  # redrive is unknown
    assert [[origin.name for origin in queue.origins] for queue in found.dead_letter_queues] == [["Orders"]]
    assert [[each.function_name for each in queue.consumers] for queue in found.channels] == [["shop-Receiver"], [], []]
    assert [function.label for function in found.functions] == ["Orders", "Nightly", "Api/Sweeper"]


def test_channels_are_found_by_metadata_ids_and_outputs(shop: Shop) -> None:
    channels = read_channels(Reader(shop.aws()), read_inventory(shop.cloudformation.client, STACK))

    names = {channel.name: channel for channel in channels}
    assert [*names] == ["Legacy/Queue", "Orders"]
    assert names["Orders"].is_named("shop-Orders")
    assert not names["Orders"].is_named("OrdersDead")


@pytest.mark.parametrize("policy", ["", "no json", json.dumps([1]), json.dumps({})])
def test_redrive_policy_of_another_form_is_none(policy: str) -> None:
    assert redrive_target(policy) == ("", None)
