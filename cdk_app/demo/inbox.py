"""A queue of the demonstration that receives the notifications of a topic."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tsunagu.local.embedded_cloud import EmbeddedCloud

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef


@dataclass(frozen=True, slots=True)
class Inbox:
    """The notifications of a topic since the subscription.

    Attributes:
        sqs: SQS client.
        url: The queue.
    """

    sqs: "SQSClient"
    url: str

    @classmethod
    def subscribe(cls, cloud: EmbeddedCloud, topic_arn: str, name: str) -> Self:
        """Make a queue called `name`, and subscribe it to a topic with raw delivery."""
        sqs = cloud.client("sqs")
        url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        cloud.client("sns").subscribe(
            TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )
        return cls(sqs, url)

    def read(self) -> list[dict[str, Any]]:
        """Return the notifications that were not read yet, in no order, and delete them from the queue."""
        notifications: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
            "Messages"
        ):
            notifications += [json.loads(message["Body"]) for message in messages]
            entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return notifications
