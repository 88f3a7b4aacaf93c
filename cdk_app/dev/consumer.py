"""`python -m cdk_app.dev.consumer`: hands the messages of the queue to the handler, as Lambda's mapping does."""

import os
from collections.abc import Mapping
from typing import Any

import boto3

from cdk_app.entry_points import entry_point
from tsunagu.contracts.environment import ReceiverEnvironment

HANDLER = "lambdas.order_api.handler:handler"
_BATCH = 10
_WAIT_SECONDS = 5


class Context:
    """The context of an invocation, which has the time of the function."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that is left. Each invocation counts as begun now."""
        return self._seconds * 1_000


def event_of(messages: list[Mapping[str, Any]], queue_arn: str) -> dict[str, Any]:
    """Return the event of a batch of messages, as Lambda makes it."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def _record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    attributes = {
        name: {"stringValue": value.get("StringValue"), "dataType": value["DataType"]}
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
    }


def receive_once(sqs: Any, environment: ReceiverEnvironment, handler: Any) -> None:
    """Receive a batch, hand it to the handler, and delete what the handler did not report as failed."""
    answer = sqs.receive_message(
        QueueUrl=environment.queue_url,
        MaxNumberOfMessages=_BATCH,
        WaitTimeSeconds=_WAIT_SECONDS,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    )
    messages = answer.get("Messages", [])
    if not messages:
        return
    event = event_of(messages, environment.queue_arn)
    result = handler(event, Context(environment.function_timeout_seconds))
    failed = {each["itemIdentifier"] for each in result["batchItemFailures"]}
    for message in messages:
        if message["MessageId"] not in failed:
            sqs.delete_message(QueueUrl=environment.queue_url, ReceiptHandle=message["ReceiptHandle"])


def main() -> None:
    """Receive until the process is ended."""
    environment = ReceiverEnvironment.from_environment(os.environ)
    sqs, handler = boto3.client("sqs"), entry_point(HANDLER)
    while True:
        receive_once(sqs, environment, handler)


if __name__ == "__main__":
    main()
