"""Reads dead-letter queues of SQS: to redrive the letters, or only to look at them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH
from tsunagu.operations.redrive import DeadLetter, DeadLetterSource
from tsunagu.runtime.aws.sdk_errors import error_code
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.publish import Attribute

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HIDDEN_SECONDS = 60
WAIT_SECONDS = 1  # a long poll asks all servers of SQS, so that an empty answer means an empty queue


class SqsDeadLetterSource:
    """The dead letters of one queue; see `DeadLetterSource`.

    Args:
        client: Gives the SQS client.
        queue_url: The dead-letter queue.
    """

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def receive(self) -> list[DeadLetter]:
        """Return up to ten letters, and hide them from others for a minute. An empty list means an empty queue."""
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
        """Delete up to ten letters, and return id and error of each that may not be deleted."""
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
        """Make `letters` visible to others again, at once."""
        for start in range(0, len(letters), SQS_ENTRIES_PER_BATCH):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": letter.delivery.receipt_handle, "VisibilityTimeout": 0}
                for number, letter in enumerate(letters[start : start + SQS_ENTRIES_PER_BATCH])
            ]
            self._client().change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)


def read_dead_letters(source: DeadLetterSource) -> list[DeadLetter]:
    """Return the dead letters of a queue, and leave them there.

    A FIFO queue shows at most ten letters of a message group, because it gives no more of a group while these are read.
    """
    letters: list[DeadLetter] = []
    while received := source.receive():
        letters += received
    source.give_back(letters)
    return letters


def _not_deleted(letter: DeadLetter, code: str) -> str:
    return f"{letter.delivery.message_id}: sent back, but not deleted here: {code}"


def _letter(message: Any) -> DeadLetter:
    system = message["Attributes"]
    delivery = Delivery(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        attributes={name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        group_id=system.get("MessageGroupId"),
        is_fifo="SequenceNumber" in system,
        trace_header=system.get("AWSTraceHeader"),
    )
    return DeadLetter(delivery, int(system["SentTimestamp"]))


def _attribute(value: Any) -> Attribute:
    return Attribute(value["DataType"], value["BinaryValue"] if "BinaryValue" in value else value["StringValue"])
