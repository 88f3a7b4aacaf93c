"""Redrive over real queues, against moto."""

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tsunagu.operations.dead_letters import SqsDeadLetterSource
from tsunagu.operations.redrive import QueueTarget, redrive
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import SystemClock


def test_letters_of_a_fifo_queue_go_back_with_their_attributes() -> None:
    sqs = boto3.client("sqs")
    urls = [
        sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
        for name in ("orders.fifo", "dead.fifo")
    ]
    for number in range(12):
        sqs.send_message(
            QueueUrl=urls[1],
            MessageBody=f"b-{number}",
            MessageGroupId="g",
            MessageDeduplicationId=f"dead-{number}",
            MessageAttributes={
                "tsunagu_request_id": {"DataType": "String", "StringValue": f"r-{number}"},
                "tsunagu_dead_letter_reason": {"DataType": "String", "StringValue": "because"},
            },
        )

    report = redrive(
        SqsDeadLetterSource(lambda: sqs, urls[1]),
        QueueTarget(SqsQueueSender(lambda: sqs, urls[0])),
        SystemClock(),
        rate_per_second=500,
    )

    assert (report.moved, report.problems) == (12, [])
    messages = sqs.receive_message(QueueUrl=urls[0], MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in messages] == [f"b-{number}" for number in range(10)]
    assert set(messages[0]["MessageAttributes"]) == {"tsunagu_request_id", "tsunagu_redriven"}
    assert "Messages" not in sqs.receive_message(QueueUrl=urls[1])


def test_letters_of_a_fair_queue_go_back_with_their_group() -> None:
    sqs = boto3.client("sqs")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("orders", "dead")]
    sqs.send_message(QueueUrl=urls[1], MessageBody="b", MessageGroupId="tenant")

    redrive(SqsDeadLetterSource(lambda: sqs, urls[1]), QueueTarget(SqsQueueSender(lambda: sqs, urls[0])), SystemClock())

    (message,) = sqs.receive_message(QueueUrl=urls[0], MessageSystemAttributeNames=["All"])["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "tenant"
    assert "MessageDeduplicationId" not in message["Attributes"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ClientError({"Error": {"Code": "RequestThrottled"}}, "DeleteMessageBatch"), "RequestThrottled"),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1"), "ReadTimeoutError"),
    ],
)
def test_letters_that_went_back_are_reported_when_deleting_them_fails(error: Exception, code: str) -> None:
    sqs = boto3.client("sqs")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("orders", "dead")]
    ids = {sqs.send_message(QueueUrl=urls[1], MessageBody=f"b-{number}")["MessageId"] for number in range(2)}

    def fail(**_: object) -> None:
        raise error

    sqs.meta.events.register("before-call.sqs.DeleteMessageBatch", fail)

    report = redrive(
        SqsDeadLetterSource(lambda: sqs, urls[1]), QueueTarget(SqsQueueSender(lambda: sqs, urls[0])), SystemClock()
    )

    assert report.moved == 2
    assert {*report.problems} == {f"{each}: not deleted here: {code}, but sent back" for each in ids}
    assert len(sqs.receive_message(QueueUrl=urls[0], MaxNumberOfMessages=10)["Messages"]) == 2
