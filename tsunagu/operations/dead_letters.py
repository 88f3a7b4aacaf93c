"""A dead-letter queue as the redrive reads it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH
from tsunagu.operations.redrive import DeadLetter
from tsunagu.runtime.aws.sdk_errors import error_code
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.publish import Attribute

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HIDDEN_SECONDS = 60
WAIT_SECONDS = 1  # a long poll asks all of SQS's servers, so that an empty answer is an empty queue


class SqsDeadLetterSource:
    """Reads a dead-letter queue.

    Args:
        client: Gives the SQS client.
        queue_url: The dead-letter queue.
    """

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def receive(self) -> list[DeadLetter]:
        """Return up to ten letters, hidden from others for a minute; none when there are none."""
        answer = self._client().receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=SQS_ENTRIES_PER_BATCH,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [_letter(message) for message in answer.get("Messages", [])]

    def delete(self, letters: Sequence[DeadLetter]) -> list[str]:
        """Delete `letters`; return a phrase for each that may stay, and is a duplicate when it is redriven again."""
        entries: list[Any] = [
            {"Id": str(number), "ReceiptHandle": letter.delivery.receipt_handle}
            for number, letter in enumerate(letters)
        ]
        if not entries:
            return []
        try:
            failed = self._client().delete_message_batch(QueueUrl=self._queue_url, Entries=entries).get("Failed", [])
        except (ClientError, BotoCoreError) as error:
            return [_not_deleted(letter, error_code(error)) for letter in letters]
        return [_not_deleted(letters[int(entry["Id"])], entry["Code"]) for entry in failed]

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Show `letters` to others again, at once."""
        entries: list[Any] = [
            {"Id": str(number), "ReceiptHandle": letter.delivery.receipt_handle, "VisibilityTimeout": 0}
            for number, letter in enumerate(letters)
        ]
        if entries:
            self._client().change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)


def _not_deleted(letter: DeadLetter, code: str) -> str:
    return f"{letter.delivery.message_id}: sent back, but not deleted here: {code}"


def _letter(message: Any) -> DeadLetter:
    system = message["Attributes"]
    delivery = Delivery(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        attributes={name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        group_id=system.get("MessageGroupId") if "SequenceNumber" in system else None,
        trace_header=system.get("AWSTraceHeader"),
    )
    return DeadLetter(delivery, int(system["SentTimestamp"]))


def _attribute(value: Any) -> Attribute:
    return Attribute(value["DataType"], value["BinaryValue"] if "BinaryValue" in value else value["StringValue"])
