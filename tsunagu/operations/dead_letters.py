"""Reads dead-letter queues of SQS: to redrive the letters, or only to look at them."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH
from tsunagu.operations.letters.letter import DeadLetter, DeadLetterSource
from tsunagu.runtime.aws.sdk_errors import error_code
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.attribute import Attribute

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HIDDEN_SECONDS = 60
WAIT_SECONDS = 1  # a long poll asks all servers of SQS, so that an empty answer means an empty queue


class SqsDeadLetterSource:
    """The dead letters of one queue; see `DeadLetterSource`.

    Args:
        client: Gives the SQS client.
        queue_url: The dead-letter queue.
        hidden_seconds: How long a letter that was received is hidden from others at most. Default: a minute.
    """

    def __init__(
        self, client: "Callable[[], SQSClient]", queue_url: str, *, hidden_seconds: int = HIDDEN_SECONDS
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._hidden_seconds = hidden_seconds

    def receive(self) -> list[DeadLetter]:
        """Return up to ten letters, and hide them from others. An empty list means an empty queue."""
        answer = self._client().receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=SQS_ENTRIES_PER_BATCH,
            VisibilityTimeout=self._hidden_seconds,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [_letter(message) for message in answer.get("Messages", [])]

    def delete(self, letters: Sequence[DeadLetter]) -> list[str]:
        """Delete letters, and return id and error of each that may not be deleted."""
        return [problem for batch in _batches(letters) for problem in self._delete(batch)]

    def _delete(self, letters: Sequence[DeadLetter]) -> list[str]:
        entries: list[Any] = [
            {"Id": str(number), "ReceiptHandle": letter.delivery.receipt_handle}
            for number, letter in enumerate(letters)
        ]
        try:
            failed = self._client().delete_message_batch(QueueUrl=self._queue_url, Entries=entries).get("Failed", [])
        except (ClientError, BotoCoreError) as error:
            return [_not_deleted(letter, error_code(error)) for letter in letters]
        return [_not_deleted(letters[int(entry["Id"])], entry["Code"]) for entry in failed]

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Make `letters` visible to others again, at once. Where that fails, they come back by themselves."""
        for batch in _batches(letters):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": letter.delivery.receipt_handle, "VisibilityTimeout": 0}
                for number, letter in enumerate(batch)
            ]
            try:
                self._client().change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)
            except (ClientError, BotoCoreError):
                return  # the connection is gone, or a permission is missing: the others would fail too


def read_dead_letters(source: DeadLetterSource) -> list[DeadLetter]:
    """Return the dead letters of a queue, and leave them there.

    A FIFO queue shows at most ten letters of a message group, because it gives no more of a group while these are read.
    """
    return [*look_at(source)]


def look_at(source: DeadLetterSource) -> Generator[DeadLetter, None, None]:
    """Yield the dead letters of a queue, each once, and give all back at the end, however it ends.

    They are hidden from others until then. Close the generator to end early. See `read_dead_letters` for FIFO queues.
    """
    seen: dict[str, DeadLetter] = {}
    try:
        while received := source.receive():
            new = [letter for letter in received if letter.id not in seen]
            seen |= {letter.id: letter for letter in received}
            if not new:  # those that were received first are visible again
                break
            yield from new
    finally:
        source.give_back([*seen.values()])


def _batches(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    for start in range(0, len(letters), SQS_ENTRIES_PER_BATCH):
        yield letters[start : start + SQS_ENTRIES_PER_BATCH]


def _not_deleted(letter: DeadLetter, code: str) -> str:
    return f"{letter.id}: not deleted here: {code}"


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
        deduplication_id=system.get("MessageDeduplicationId", ""),
    )
    return DeadLetter(delivery, int(system["SentTimestamp"]), system.get("DeadLetterQueueSourceArn", ""))


def _attribute(value: Any) -> Attribute:
    return Attribute(value["DataType"], value["BinaryValue"] if "BinaryValue" in value else value["StringValue"])
