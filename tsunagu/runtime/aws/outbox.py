"""Sends the messages of outboxes to SQS, SNS and Step Functions."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tsunagu.contracts.messages import SNS_MESSAGE_BYTES, TRACE_CONTEXT_ATTRIBUTE, is_fifo
from tsunagu.runtime.aws.sns import SnsTopicSender
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.aws.tasks import StepFunctionsTasks
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.outbox import Channel
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult, with_attribute

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


class AwsOutboxSender:
    """Sends messages, grouped by target.

    Args:
        sqs: Returns the SQS client; called at the first send to a queue.
        sns: Returns the SNS client; called at the first send to a topic.
        tasks: Reports the outcomes of tasks.
        clock: Waits between retries.
    """

    def __init__(
        self,
        sqs: "Callable[[], SQSClient]",
        sns: "Callable[[], SNSClient]",
        tasks: StepFunctionsTasks,
        clock: Clock,
    ) -> None:
        self._sqs = sqs
        self._sns = sns
        self._tasks = tasks
        self._clock = clock

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        """Send `messages`, and return the results in the same order. No failure is raised."""
        by_target: dict[tuple[Channel, str], list[int]] = {}
        for index, message in enumerate(messages):
            by_target.setdefault((message.outbox_message.channel, message.outbox_message.target), []).append(index)
        results: dict[int, SendResult] = {}
        for (channel, target), indexes in by_target.items():
            sent = self._send(channel, target, [messages[index] for index in indexes])
            results.update(zip(indexes, sent, strict=True))
        return [results[index] for index in range(len(messages))]

    def _send(self, channel: Channel, target: str, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        if channel is Channel.QUEUE:
            return SqsQueueSender(self._sqs, target, self._clock).send([*map(_message, messages)])
        if channel is Channel.TOPIC:
            return SnsTopicSender(self._sns, target, self._clock).send([*map(_notification, messages)])
        if channel is Channel.OBJECT:
            text = "an object must be sent by a function of accepted requests, got another one"
            return [SendResult(None, text, is_permanent=True)] * len(messages)
        return [self._tasks.report(message.outbox_message, message.deduplication_id) for message in messages]


def _notification(message: AddressedMessage) -> OutgoingMessage:
    """Return a message for a topic. SNS takes no X-Ray header for a single message, so an attribute carries it."""
    notification = _message(message)
    header = notification.trace_header
    if header is None or TRACE_CONTEXT_ATTRIBUTE in notification.attributes:
        return notification
    return with_attribute(notification, TRACE_CONTEXT_ATTRIBUTE, header, largest_bytes=SNS_MESSAGE_BYTES)


def _message(message: AddressedMessage) -> OutgoingMessage:
    content = message.outbox_message
    return OutgoingMessage(
        body=content.body,
        attributes=content.attributes,
        group_id=content.group_id,
        deduplication_id=message.deduplication_id if is_fifo(content.target) else None,
        trace_header=content.trace_header,
    )
