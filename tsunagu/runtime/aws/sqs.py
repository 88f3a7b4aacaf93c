"""SQS behind the runtime's protocols."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH
from tsunagu.runtime.aws.entries import batch_entry, send_entries
from tsunagu.runtime.clock import Clock, SystemClock
from tsunagu.runtime.errors import LONGEST_DELAY_SECONDS
from tsunagu.runtime.sending.publish import EntryFailure, OutgoingMessage, SendResult, send_in_batches

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef


class SqsQueueSender:
    """Sends messages to one queue, ten at a time, and sends failed entries again.

    Args:
        client: Gives the SQS client; called at the first send, so that a start pays nothing for it.
        queue_url: The queue.
        clock: What pauses are made of. Default: the machine's.
    """

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str, clock: Clock | None = None) -> None:
        self._client = client
        self._queue_url = queue_url
        self._clock = clock or SystemClock()

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Send `messages` in order; the results are in the same order, and no failure is raised."""
        return send_in_batches(messages, self._send, self._clock)

    def _send(self, messages: Sequence[OutgoingMessage]) -> list[str | EntryFailure]:
        return send_entries(messages, self._call)

    def _call(self, messages: Sequence[OutgoingMessage]) -> Any:
        entries = [_entry(index, message) for index, message in enumerate(messages)]
        return self._client().send_message_batch(QueueUrl=self._queue_url, Entries=entries)


class SqsVisibility:
    """Changes how long received messages of one queue stay hidden.

    Args:
        client: Gives the SQS client.
        queue_url: The queue.
    """

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def change(self, delays: Sequence[tuple[str, int]]) -> str | None:
        """Hide messages for a while from now.

        Args:
            delays: Receipt handle and seconds of each message; more than 42,000 count as that.

        Returns:
            Why some were not changed, None when all were. They then come back when their visibility time-out ends.
        """
        problems = []
        for start in range(0, len(delays), SQS_ENTRIES_PER_BATCH):
            entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
                {
                    "Id": str(index),
                    "ReceiptHandle": handle,
                    "VisibilityTimeout": min(seconds, LONGEST_DELAY_SECONDS),
                }
                for index, (handle, seconds) in enumerate(delays[start : start + SQS_ENTRIES_PER_BATCH])
            ]
            try:
                answer = self._client().change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)
                problems += [failed["Code"] for failed in answer.get("Failed", [])]
            except (ClientError, BotoCoreError) as error:
                problems.append(type(error).__name__)
        return ", ".join(problems) or None


def _entry(index: int, message: OutgoingMessage) -> Any:
    entry = {**batch_entry(index, message), "MessageBody": message.body}
    if message.trace_header is not None:
        header = {"DataType": "String", "StringValue": message.trace_header}
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    return entry
