"""SQS and SNS behind the runtime's protocols, against moto."""

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from tsunagu.contracts.items import Status
from tsunagu.contracts.messages import SNS_MESSAGE_BYTES
from tsunagu.runtime.aws.clients import client_config
from tsunagu.runtime.aws.outbox import AwsOutboxSender
from tsunagu.runtime.aws.sns import SnsNotificationSender, SnsTopicSender
from tsunagu.runtime.aws.sqs import SqsQueueSender, SqsVisibility
from tsunagu.runtime.aws.tasks import StepFunctionsTasks
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.runtime.sending.outbox import Channel, OutboxMessage
from tsunagu.runtime.sending.publish import OutgoingMessage
from tsunagu.testing.fakes import FakeClock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def sqs() -> "SQSClient":
    return boto3.client("sqs")


def subscribe(sqs: "SQSClient", topic_arn: str, queue_url: str) -> None:
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
    boto3.client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=attributes["QueueArn"],
        Attributes={"RawMessageDelivery": "true"},
    )


@pytest.fixture
def queue_url(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName="orders")["QueueUrl"]


def test_messages_arrive_with_their_attributes_of_every_type(sqs: "SQSClient", queue_url: str) -> None:
    attributes: dict[str, Attribute | str] = {
        "text": "t",
        "number": Attribute("Number", "7"),
        "bytes": Attribute("Binary.x", b"\x00"),
    }

    results = SqsQueueSender(lambda: sqs, queue_url).send([OutgoingMessage(body="b", attributes=attributes)])

    (message,) = sqs.receive_message(QueueUrl=queue_url, MessageAttributeNames=["All"])["Messages"]
    assert results[0].message_id == message["MessageId"]
    assert message["MessageAttributes"]["text"] == {"StringValue": "t", "DataType": "String"}
    assert message["MessageAttributes"]["number"] == {"StringValue": "7", "DataType": "Number"}
    assert message["MessageAttributes"]["bytes"] == {"BinaryValue": b"\x00", "DataType": "Binary.x"}


def test_trace_header_is_carried_on(sqs: "SQSClient", queue_url: str) -> None:
    header = {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"}
    entry = {"Id": "0", "MessageBody": "b", "MessageSystemAttributes": {"AWSTraceHeader": header}}
    answer = {"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}], "Failed": []}
    with Stubber(sqs) as stub:  # moto drops the header
        stub.add_response("send_message_batch", answer, {"QueueUrl": queue_url, "Entries": [entry]})

        SqsQueueSender(lambda: sqs, queue_url).send([OutgoingMessage(body="b", trace_header=header["StringValue"])])

        stub.assert_no_pending_responses()


def test_fifo_messages_keep_group_and_deduplication_id(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    SqsQueueSender(lambda: sqs, url).send(
        [OutgoingMessage(body=f"b-{n}", group_id="g", deduplication_id=f"d-{n // 2}") for n in range(4)]
    )

    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == ["b-0", "b-2"]


def test_more_than_ten_messages_arrive_in_several_calls(sqs: "SQSClient", queue_url: str) -> None:
    results = SqsQueueSender(lambda: sqs, queue_url).send([OutgoingMessage(body=f"b-{n}") for n in range(25)])

    assert all(result.error is None for result in results)
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "25"


def test_queue_that_does_not_exist_is_an_error_of_each_message(sqs: "SQSClient", queue_url: str) -> None:
    results = SqsQueueSender(lambda: sqs, f"{queue_url}-gone", FakeClock()).send([OutgoingMessage(body="b")] * 2)

    assert [result.message_id for result in results] == [None, None]
    assert "NonExistentQueue" in str(results[0].error)


def test_visibility_changes_for_each_message(sqs: "SQSClient", queue_url: str) -> None:
    SqsQueueSender(lambda: sqs, queue_url).send([OutgoingMessage(body=f"b-{n}") for n in range(12)])
    handles = []
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        handles += [message["ReceiptHandle"] for message in messages]

    assert SqsVisibility(lambda: sqs, queue_url).change([(handle, 0) for handle in handles]) is None
    assert len(sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)["Messages"]) == 10


def test_visibility_that_cannot_be_changed_says_why(sqs: "SQSClient", queue_url: str) -> None:
    assert SqsVisibility(lambda: sqs, queue_url).change([("no-handle", 1)])


def test_configuration_fault_of_one_visibility_call_is_told_before_other_failures(
    sqs: "SQSClient", queue_url: str
) -> None:
    with Stubber(sqs) as stub:
        busy = {"Id": "0", "Code": "InternalError", "SenderFault": False}
        stub.add_response("change_message_visibility_batch", {"Successful": [], "Failed": [busy]})
        stub.add_client_error("change_message_visibility_batch", "AccessDenied")

        call = SqsVisibility(lambda: sqs, queue_url).change([(f"handle-{n}", 1) for n in range(11)])

    assert call == FailedCall("sqs:ChangeMessageVisibility", "orders", "AccessDenied", is_configuration_fault=True)


def test_send_that_fails_says_which_call_on_which_target(sqs: "SQSClient", queue_url: str) -> None:
    (to_queue,) = SqsQueueSender(lambda: sqs, f"{queue_url}-gone", FakeClock()).send([OutgoingMessage(body="b")])
    sns, topic_arn = boto3.client("sns"), "arn:aws:sns:eu-central-1:123456789012:gone"
    (to_topic,) = SnsTopicSender(lambda: sns, topic_arn, FakeClock()).send([OutgoingMessage(body="b")])

    calls = [call for call in (to_queue.call, to_topic.call) if call is not None]
    assert [*map(str, calls)] == [
        "sqs:SendMessage on orders-gone: AWS.SimpleQueueService.NonExistentQueue",
        "sns:Publish on gone: NotFound",
    ]
    assert all(call.is_configuration_fault and call.is_missing for call in calls)


def test_entry_whose_key_is_disabled_is_not_refused_for_good(sqs: "SQSClient", queue_url: str) -> None:
    with Stubber(sqs) as stub:
        entry = {"Id": "0", "Code": "KMS.DisabledException", "SenderFault": True}
        stub.add_response("send_message_batch", {"Successful": [], "Failed": [entry]})

        (result,) = SqsQueueSender(lambda: sqs, queue_url, FakeClock()).send([OutgoingMessage(body="b")])

    assert (result.is_permanent, result.call is not None and result.call.is_configuration_fault) == (False, True)


def test_message_behind_a_denied_one_of_its_group_is_denied_too(sqs: "SQSClient", queue_url: str) -> None:
    with Stubber(sqs) as stub:
        for _ in range(2):
            stub.add_client_error("send_message_batch", "AccessDenied", http_status_code=403)

        results = SqsQueueSender(lambda: sqs, f"{queue_url}.fifo", FakeClock()).send(
            [OutgoingMessage(body="b", group_id="g", deduplication_id=str(n)) for n in range(11)]
        )

    assert all(result.call is not None and result.call.is_configuration_fault for result in results)


def test_notification_reaches_a_subscriber(sqs: "SQSClient", queue_url: str) -> None:
    sns = boto3.client("sns")
    topic_arn = sns.create_topic(Name="dead-letters")["TopicArn"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn)

    SnsNotificationSender(lambda: sns, topic_arn).notify("s" * 200, "what happened")

    (message,) = sqs.receive_message(QueueUrl=queue_url)["Messages"]
    envelope = json.loads(message["Body"])
    assert (envelope["Message"], len(envelope["Subject"])) == ("what happened", 100)


def test_published_messages_arrive_with_their_attributes(sqs: "SQSClient", queue_url: str) -> None:
    sns = boto3.client("sns")
    topic_arn = sns.create_topic(Name="done")["TopicArn"]
    subscribe(sqs, topic_arn, queue_url)

    (result,) = SnsTopicSender(lambda: sns, topic_arn, FakeClock()).send(
        [OutgoingMessage(body="b", attributes={"tsunagu_request_id": "r-1"})]
    )

    (message,) = sqs.receive_message(QueueUrl=queue_url, MessageAttributeNames=["All"])["Messages"]
    assert (message["Body"], result.error) == ("b", None)
    assert message["MessageAttributes"]["tsunagu_request_id"]["StringValue"] == "r-1"


HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"


def relayed(sqs: "SQSClient", queue_url: str, **settings: Any) -> dict[str, Any]:
    """Send a message of an outbox to a topic; return the attributes with which it arrives in a queue."""
    sns = boto3.client("sns")
    topic_arn = sns.create_topic(Name="next")["TopicArn"]
    subscribe(sqs, topic_arn, queue_url)
    tasks = StepFunctionsTasks(lambda: boto3.client("stepfunctions"))
    sender = AwsOutboxSender(lambda: sqs, lambda: sns, tasks, FakeClock())
    message = OutboxMessage(**{"channel": Channel.TOPIC, "target": topic_arn, "body": "b", **settings})
    item = Item(id="i", status=Status.COMMITTED, owner="", fence=1, lease=0, request_id="r")

    (result,) = sender.send([AddressedMessage(message, "d", item)])

    assert result.error is None
    (arrived,) = sqs.receive_message(QueueUrl=queue_url, MessageAttributeNames=["All"])["Messages"]
    attributes: dict[str, Any] = arrived.get("MessageAttributes", {})
    return {name: each["StringValue"] for name, each in attributes.items()}


def test_trace_goes_through_a_topic_as_an_attribute(sqs: "SQSClient", queue_url: str) -> None:
    assert relayed(sqs, queue_url, trace_header=HEADER) == {"tsunagu_trace_context": HEADER}


def test_trace_that_a_pipeline_gives_its_message_stays(sqs: "SQSClient", queue_url: str) -> None:
    own = {"tsunagu_trace_context": "Root=of-the-start"}

    assert relayed(sqs, queue_url, trace_header=HEADER, attributes=own) == own


@pytest.mark.parametrize(
    ("count", "body"), [(10, "b"), (1, "b" * (SNS_MESSAGE_BYTES - 50))], ids=["attributes", "bytes"]
)
def test_message_to_a_topic_without_room_goes_without_its_trace(
    sqs: "SQSClient", queue_url: str, count: int, body: str
) -> None:
    full = {f"a{number}": "1" for number in range(count)}

    assert relayed(sqs, queue_url, trace_header=HEADER, attributes=full, body=body) == full


def test_messages_of_a_fifo_topic_keep_group_and_deduplication_id(sqs: "SQSClient") -> None:
    sns = boto3.client("sns")
    topic_arn = sns.create_topic(Name="done.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    queue_url = sqs.create_queue(QueueName="next.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    subscribe(sqs, topic_arn, queue_url)

    SnsTopicSender(lambda: sns, topic_arn, FakeClock()).send(
        [OutgoingMessage(body=f"b-{n}", group_id="g", deduplication_id=f"d-{n // 2}") for n in range(4)]
    )

    messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in messages] == ["b-0", "b-2"]
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"g"}


def test_topic_that_does_not_exist_is_unavailable() -> None:
    sns = boto3.client("sns")

    with pytest.raises(UnavailableError, match="was not published: sns:Publish on gone: NotFound") as raised:
        SnsNotificationSender(lambda: sns, "arn:aws:sns:eu-central-1:123456789012:gone").notify("s", "m")

    assert raised.value.call is not None
    assert raised.value.call.is_configuration_fault


@pytest.mark.parametrize("timeout_seconds", [1, 5, 30, 900])
def test_a_call_and_its_retries_end_before_the_function(timeout_seconds: int) -> None:
    config = client_config(timeout_seconds)

    tries = config.retries["total_max_attempts"]  # type: ignore[attr-defined]
    assert tries * (config.connect_timeout + config.read_timeout) < timeout_seconds  # type: ignore[attr-defined]
    assert config.read_timeout <= 2  # type: ignore[attr-defined]
