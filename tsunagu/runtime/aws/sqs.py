"""Adapters of SQS: send messages, and change the visibility of received ones."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH, is_fifo
from tsunagu.runtime.aws.entries import EntryCall, batch_entry, send_entries
from tsunagu.runtime.aws.sdk_errors import described_call, failed_call
from tsunagu.runtime.clock import Clock, SystemClock
from tsunagu.runtime.errors import LONGEST_DELAY_SECONDS, FailedCall
from tsunagu.runtime.sending.publish import EntryFailure, OutgoingMessage, SendResult, send_in_batches

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef


class SqsQueueSender:
    """Sends messages to one queue, ten per call, and retries failed entries.

    Args:
        client: Returns the SQS client; called at the first send, so that a start does not make it.
        queue_url: The queue.
        clock: Waits between retries. Default: the system's clock.
    """

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str, clock: Clock | None = None) -> None:
        self._client = client
        self._queue_url = queue_url
        self._is_fifo = is_fifo(queue_url)
        self._clock = clock or SystemClock()

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Send `messages` in order, and return the results in the same order. No failure is raised."""
        return send_in_batches(messages, self._send, self._clock, in_order=self._is_fifo)

    def _send(self, messages: Sequence[OutgoingMessage]) -> list[str | EntryFailure]:
        return send_entries(messages, EntryCall("sqs:SendMessage", self._queue_url, self._call), in_order=self._is_fifo)

    def _call(self, messages: Sequence[OutgoingMessage]) -> Any:
        entries = [_entry(index, message) for index, message in enumerate(messages)]
        return self._client().send_message_batch(QueueUrl=self._queue_url, Entries=entries)


class SqsVisibility:
    """Changes the visibility time-out of received messages of one queue.

    Args:
        client: Returns the SQS client.
        queue_url: The queue.
    """

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def change(self, delays: Sequence[tuple[str, int]]) -> FailedCall | None:
        """Hide messages for some seconds from now.

        Args:
            delays: Receipt handle and delay in seconds of each message. A delay above 42,000 counts as 42,000.

        Returns:
            A call that failed for some messages, a configuration fault first; None if all were changed. A message that
            was not changed comes back when its present visibility time-out ends.
        """
        operation = "sqs:ChangeMessageVisibility"
        failed: list[FailedCall] = []
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
                failed += [
                    described_call(entry["Code"], entry.get("Message", ""), operation, self._queue_url)
                    for entry in answer.get("Failed", [])
                ]
            except (ClientError, BotoCoreError) as error:
                failed.append(failed_call(error, operation, self._queue_url))
        return next((call for call in failed if call.is_configuration_fault), failed[0] if failed else None)


def _entry(index: int, message: OutgoingMessage) -> Any:
    entry = {**batch_entry(index, message), "MessageBody": message.body}
    if message.trace_header is not None:
        header = {"DataType": "String", "StringValue": message.trace_header}
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    return entry
