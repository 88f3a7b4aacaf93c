"""FIFO topics that deliver to FIFO queues: the queue numbers and deduplicates what they deliver."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.tsunagu.local.test_topics import queue_policy
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.dead_letters import SqsDeadLetterSource

NUMBERS = """
def handler(event, context):
    for record in event["Records"]:
        system = record["attributes"]
        print("received", record["body"], system["MessageGroupId"], int(system["SequenceNumber"]))
"""
FIFO = {"FifoQueue": True}


def ordered(**queue: Any) -> dict[str, Any]:
    """Describe a topic, and a queue that it delivers to, with a dead-letter queue of the subscription."""
    subscription = {
        "TopicArn": {"Ref": "Topic"},
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
        "RawMessageDelivery": True,
        "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
    }
    topic = {"TopicName": f"probe-{uuid.uuid4().hex[:8]}.fifo", "FifoTopic": True}
    return {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": topic},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": FIFO | queue},
        "QueuePolicy": queue_policy("Queue"),
        "Undelivered": {"Type": "AWS::SQS::Queue", "Properties": FIFO},
        "UndeliveredPolicy": queue_policy("Undelivered"),
        "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
    }


def publish(cloud: EmbeddedCloud, topic_arn: str, body: str, *, group: str = "g", deduplication: str = "") -> None:
    cloud.client("sns").publish(
        TopicArn=topic_arn, Message=body, MessageGroupId=group, MessageDeduplicationId=deduplication or body
    )


def send(cloud: EmbeddedCloud, url: str, body: str, *, group: str = "g", deduplication: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = cloud.client("sqs").send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=deduplication or body
    )
    return answer


def waiting(cloud: EmbeddedCloud, url: str) -> list[dict[str, Any]]:
    """Messages of a queue, which stay there."""
    answer = cloud.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageSystemAttributeNames=["All"]
    )
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def test_queue_numbers_what_is_published_and_what_is_sent_in_one_row(
    cloud: EmbeddedCloud, deploy: Callable[..., Any]
) -> None:
    ids = deploy(ordered())
    entry = {"Id": "1", "Message": "b", "MessageGroupId": "g", "MessageDeduplicationId": "b"}

    publish(cloud, ids["Topic"], "a")
    cloud.client("sns").publish_batch(TopicArn=ids["Topic"], PublishBatchRequestEntries=[entry])
    last = send(cloud, ids["Queue"], "c")

    numbers = {message["Body"]: message["Attributes"]["SequenceNumber"] for message in waiting(cloud, ids["Queue"])}
    assert list(numbers) == ["a", "b", "c"]
    assert numbers["a"] < numbers["b"] < numbers["c"] == last["SequenceNumber"]


def test_queue_does_not_take_a_deduplication_id_twice_from_whomever_it_comes(
    cloud: EmbeddedCloud, deploy: Callable[..., Any]
) -> None:
    ids = deploy(ordered())

    send(cloud, ids["Queue"], "sent", deduplication="1")
    publish(cloud, ids["Topic"], "published, too late", deduplication="1")
    publish(cloud, ids["Topic"], "published", deduplication="2")
    late = send(cloud, ids["Queue"], "sent, too late", deduplication="2")

    found = waiting(cloud, ids["Queue"])
    assert [message["Body"] for message in found] == ["sent", "published"]
    assert late["MessageId"] == found[1]["MessageId"]


def test_deduplication_within_a_group_lets_other_groups_use_the_same_id(
    cloud: EmbeddedCloud, deploy: Callable[..., Any]
) -> None:
    ids = deploy(ordered(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId"))

    send(cloud, ids["Queue"], "sent", group="a", deduplication="1")
    publish(cloud, ids["Topic"], "published", group="b", deduplication="1")

    assert sorted(message["Body"] for message in waiting(cloud, ids["Queue"])) == ["published", "sent"]


@pytest.mark.parametrize("place", ["Queue", "Undelivered"])
def test_message_of_a_topic_is_a_dead_letter_of_a_fifo_queue(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], place: str
) -> None:
    ids = deploy(ordered())
    if place == "Undelivered":
        cloud.client("sqs").set_queue_attributes(QueueUrl=ids["Queue"], Attributes={"Policy": ""})

    publish(cloud, ids["Topic"], "a")

    [letter] = SqsDeadLetterSource(lambda: cloud.client("sqs"), ids[place]).receive()
    assert (letter.delivery.is_fifo, letter.delivery.group_id) == (True, "g")


def test_record_of_a_fifo_topic_has_its_sequence_number(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    mapping = {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": {"Ref": "Function"}}
    ids = deploy(
        {
            **ordered(),
            **function(NUMBERS),
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        }
    )

    publish(cloud, ids["Topic"], "a", group="tenant")

    def lines() -> list[str]:
        logs = cloud.client("logs")
        try:
            found = logs.filter_log_events(logGroupName=f"/aws/lambda/{ids['Function']}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"].strip() for event in found if event["message"].startswith("received")]

    assert eventually(lines) == ["received a tenant 1"]
