"""Topics that deliver to queues: filters, raw messages, permissions, sizes, and what cannot be delivered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tsunagu.local.embedded_cloud import EmbeddedCloud

LET_TOPIC_IN = {
    "Effect": "Allow",
    "Principal": {"Service": "sns.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}},
}
# A topic without a policy of its own lets every principal of the account publish.
TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sns:Publish",
    "Resource": {"Ref": "Topic"},
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fanout:
    """A topic with the subscriber `x`, whose dead letters go to a queue of their own."""

    topic_arn: str
    queue_url: str
    dead_letter_queue_url: str


def queue_policy(queue: str) -> dict[str, Any]:
    statement = {**LET_TOPIC_IN, "Resource": {"Fn::GetAtt": [queue, "Arn"]}}
    properties = {"Queues": [{"Ref": queue}], "PolicyDocument": document(statement)}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": properties}


def document(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture
def fanout(deploy: Callable[..., Any]) -> Fanout:
    return fanout_of(deploy)


def fanout_of(deploy: Callable[..., Any], **topic: Any) -> Fanout:
    subscription = {
        "TopicArn": {"Ref": "Topic"},
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
        "RawMessageDelivery": True,
        "FilterPolicy": {"service": [{"exists": False}, "x"]},
        "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}},
    }
    topic_policy = {"Topics": [{"Ref": "Topic"}], "PolicyDocument": document(TLS_ONLY)}
    ids = deploy(
        {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": topic},
            "TopicPolicy": {"Type": "AWS::SNS::TopicPolicy", "Properties": topic_policy},
            "Queue": {"Type": "AWS::SQS::Queue"},
            "QueuePolicy": queue_policy("Queue"),
            "DeadLetterQueue": {"Type": "AWS::SQS::Queue"},
            "DeadLetterQueuePolicy": queue_policy("DeadLetterQueue"),
            "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
        }
    )
    return Fanout(topic_arn=ids["Topic"], queue_url=ids["Queue"], dead_letter_queue_url=ids["DeadLetterQueue"])


def attributes(**values: str) -> dict[str, Any]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


# Without any attribute, a message does not pass a filter on the absence of one.
SOME = attributes(request_id="r")


def received(cloud: EmbeddedCloud, queue_url: str) -> dict[str, dict[str, str]]:
    """Take every message out of a queue: its attributes by its body."""
    sqs, found = cloud.client("sqs"), {}
    while messages := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            sent = message.get("MessageAttributes", {})
            found[message["Body"]] = {name: value["StringValue"] for name, value in sent.items()}
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_subscriber_gets_raw_what_names_it_and_what_names_none(cloud: EmbeddedCloud, fanout: Fanout) -> None:
    sns = cloud.client("sns")
    for body, named in {"for-all": {}, "for-x": {"service": "x"}, "for-y": {"service": "y"}}.items():
        sns.publish(TopicArn=fanout.topic_arn, Message=body, MessageAttributes=attributes(request_id="r", **named))

    assert received(cloud, fanout.queue_url) == {
        "for-all": {"request_id": "r"},
        "for-x": {"request_id": "r", "service": "x"},
    }


def test_message_without_attributes_passes_no_filter_on_attributes(cloud: EmbeddedCloud, fanout: Fanout) -> None:
    cloud.client("sns").publish(TopicArn=fanout.topic_arn, Message="bare")

    assert received(cloud, fanout.queue_url) == {}


def test_publishing_is_allowed_by_publish_on_the_topic(
    cloud: EmbeddedCloud, client_of: Callable[..., Any], fanout: Fanout
) -> None:
    def client(action: str) -> Any:
        return client_of("sns", [{"Effect": "Allow", "Action": action, "Resource": fanout.topic_arn}])

    entries = [{"Id": "1", "Message": "in a batch", "MessageAttributes": SOME}]
    publisher, other = client("sns:Publish"), client("sns:Subscribe")
    publisher.publish(TopicArn=fanout.topic_arn, Message="alone", MessageAttributes=SOME)
    publisher.publish_batch(TopicArn=fanout.topic_arn, PublishBatchRequestEntries=entries)

    with pytest.raises(ClientError, match="AuthorizationError"):
        other.publish(TopicArn=fanout.topic_arn, Message="refused", MessageAttributes=SOME)
    with pytest.raises(ClientError, match="AuthorizationError"):
        other.publish_batch(TopicArn=fanout.topic_arn, PublishBatchRequestEntries=entries)
    assert received(cloud, fanout.queue_url).keys() == {"alone", "in a batch"}


def test_message_that_the_queue_refuses_goes_to_the_dead_letter_queue_of_the_subscription(
    cloud: EmbeddedCloud, fanout: Fanout
) -> None:
    cloud.client("sqs").set_queue_attributes(QueueUrl=fanout.queue_url, Attributes={"Policy": ""})

    cloud.client("sns").publish(TopicArn=fanout.topic_arn, Message="refused", MessageAttributes=SOME)

    assert received(cloud, fanout.dead_letter_queue_url) == {"refused": {"request_id": "r"}}
    assert received(cloud, fanout.queue_url) == {}


def test_message_whose_queue_is_gone_goes_to_the_dead_letter_queue_of_the_subscription(
    cloud: EmbeddedCloud, fanout: Fanout
) -> None:
    cloud.client("sqs").delete_queue(QueueUrl=fanout.queue_url)

    cloud.client("sns").publish(TopicArn=fanout.topic_arn, Message="homeless", MessageAttributes=SOME)

    assert received(cloud, fanout.dead_letter_queue_url).keys() == {"homeless"}


def test_dead_letter_queue_that_does_not_let_the_topic_in_gets_nothing(cloud: EmbeddedCloud, fanout: Fanout) -> None:
    for url in (fanout.queue_url, fanout.dead_letter_queue_url):
        cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})

    cloud.client("sns").publish(TopicArn=fanout.topic_arn, Message="lost", MessageAttributes=SOME)

    assert received(cloud, fanout.dead_letter_queue_url) == {}


def test_raw_message_with_more_attributes_than_sqs_takes_is_a_dead_letter(cloud: EmbeddedCloud, fanout: Fanout) -> None:
    eleven = attributes(**{f"attribute-{number}": "1" for number in range(11)})

    cloud.client("sns").publish(TopicArn=fanout.topic_arn, Message="eleven", MessageAttributes=eleven)

    assert received(cloud, fanout.dead_letter_queue_url).keys() == {"eleven"}


def test_message_of_more_than_256_kib_needs_a_topic_that_allows_it(
    cloud: EmbeddedCloud, deploy: Callable[..., Any]
) -> None:
    sns, body = cloud.client("sns"), "x" * 300_000
    default, large = fanout_of(deploy), fanout_of(deploy, MaximumMessageSize=1_048_576)

    with pytest.raises(ClientError, match="InvalidParameter"):
        sns.publish(TopicArn=default.topic_arn, Message=body)
    entry = {"Id": "1", "Message": f"batch {body}", "MessageAttributes": SOME}
    sns.publish(TopicArn=large.topic_arn, Message=body, MessageAttributes=SOME)
    sns.publish_batch(TopicArn=large.topic_arn, PublishBatchRequestEntries=[entry])

    assert received(cloud, large.queue_url).keys() == {body, f"batch {body}"}


def test_entries_of_a_batch_share_the_limit_of_one_message(cloud: EmbeddedCloud, fanout: Fanout) -> None:
    entries = [{"Id": str(number), "Message": "x" * 200_000, "MessageAttributes": SOME} for number in range(2)]

    with pytest.raises(ClientError, match="BatchRequestTooLong"):
        cloud.client("sns").publish_batch(TopicArn=fanout.topic_arn, PublishBatchRequestEntries=entries)

    assert received(cloud, fanout.queue_url) == {}


def test_queue_takes_up_to_one_mebibyte(cloud: EmbeddedCloud, fanout: Fanout) -> None:
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=fanout.queue_url, MessageBody="x" * 1_048_576)

    with pytest.raises(ClientError, match="InvalidParameterValue"):
        sqs.send_message(QueueUrl=fanout.queue_url, MessageBody="x" * 1_048_577)


def test_key_of_a_queue_is_kept_as_its_attribute(cloud: EmbeddedCloud, deploy: Callable[..., Any]) -> None:
    properties = {"KmsMasterKeyId": "alias/probe", "KmsDataKeyReusePeriodSeconds": 300}

    url = deploy({"Queue": {"Type": "AWS::SQS::Queue", "Properties": properties}})["Queue"]

    kept = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert kept["KmsMasterKeyId"] == "alias/probe"
