"""Adapters of SNS: publish notifications and messages."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts.messages import SNS_MESSAGE_BYTES, is_fifo
from tsunagu.runtime.aws.entries import EntryCall, batch_entry, send_entries
from tsunagu.runtime.aws.sdk_errors import failed_call
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.sending.publish import EntryFailure, OutgoingMessage, SendResult, send_in_batches

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

SUBJECT_CHARACTERS = 100  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html


class SnsNotificationSender:
    """Publishes notifications to one topic.

    Args:
        client: Returns the SNS client; called at the first notification.
        topic_arn: The topic.
    """

    def __init__(self, client: "Callable[[], SNSClient]", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def notify(self, subject: str, message: str) -> None:
        """Publish one notification.

        Raises:
            UnavailableError: SNS did not publish it.
        """
        try:
            self._client().publish(TopicArn=self._topic_arn, Subject=subject[:SUBJECT_CHARACTERS], Message=message)
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, "sns:Publish", self._topic_arn)
            msg = f"the notification was not published: {call}"
            raise UnavailableError(msg, call=call) from error


class SnsTopicSender:
    """Publishes messages to one topic, ten per call, and retries failed entries.

    Args:
        client: Returns the SNS client; called at the first send.
        topic_arn: The topic.
        clock: Waits between retries.
    """

    def __init__(self, client: "Callable[[], SNSClient]", topic_arn: str, clock: Clock) -> None:
        self._client = client
        self._topic_arn = topic_arn
        self._is_fifo = is_fifo(topic_arn)
        self._clock = clock

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        """Publish `messages` in order, and return the results in the same order. No failure is raised."""
        return send_in_batches(messages, self._send, self._clock, batch_bytes=SNS_MESSAGE_BYTES, in_order=self._is_fifo)

    def _send(self, messages: Sequence[OutgoingMessage]) -> list[str | EntryFailure]:
        return send_entries(messages, EntryCall("sns:Publish", self._topic_arn, self._call), in_order=self._is_fifo)

    def _call(self, messages: Sequence[OutgoingMessage]) -> Any:
        entries: list[Any] = [
            {**batch_entry(index, message), "Message": message.body} for index, message in enumerate(messages)
        ]
        return self._client().publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=entries)
