"""The outbox's messages on their way to SQS, SNS and Step Functions."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.runtime.aws.sns import SnsTopicSender
from lambdas.runtime.aws.sqs import SqsQueueSender
from lambdas.runtime.clock import Clock
from lambdas.runtime.outbox import Addressed, Channel
from lambdas.runtime.publish import OutgoingMessage, SendResult

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
_SPENT_TOKEN = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken", "InvalidOutput", "ValidationException"})


class AwsOutboxSender:
    """Sends messages on, those for one target together.

    Args:
        sqs: Gives the SQS client; called when something is sent to a queue.
        sns: Gives the SNS client; called when something is published.
        sfn: Gives the Step Functions client; called when the outcome of a task is told.
        clock: What pauses are made of.
    """

    def __init__(
        self,
        sqs: "Callable[[], SQSClient]",
        sns: "Callable[[], SNSClient]",
        sfn: "Callable[[], SFNClient]",
        clock: Clock,
    ) -> None:
        self._sqs = sqs
        self._sns = sns
        self._sfn = sfn
        self._clock = clock

    def send(self, messages: Sequence[Addressed]) -> list[SendResult]:
        """Send `messages`; the results are in their order, and no failure is raised."""
        by_target: dict[tuple[Channel, str], list[int]] = {}
        for index, message in enumerate(messages):
            by_target.setdefault((message.outgoing.channel, message.outgoing.target), []).append(index)
        results: dict[int, SendResult] = {}
        for (channel, target), indexes in by_target.items():
            sent = self._send(channel, target, [messages[index] for index in indexes])
            results.update(zip(indexes, sent, strict=True))
        return [results[index] for index in range(len(messages))]

    def _send(self, channel: Channel, target: str, messages: Sequence[Addressed]) -> list[SendResult]:
        if channel is Channel.QUEUE:
            return SqsQueueSender(self._sqs, target, self._clock).send([*map(_message, messages)])
        if channel is Channel.TOPIC:
            return SnsTopicSender(self._sns, target, self._clock).send([*map(_message, messages)])
        return [self._tell(message) for message in messages]

    def _tell(self, message: Addressed) -> SendResult:
        outgoing = message.outgoing
        try:
            if outgoing.channel is Channel.TASK_SUCCESS:
                self._sfn().send_task_success(taskToken=outgoing.target, output=outgoing.body)
            else:
                self._sfn().send_task_failure(
                    taskToken=outgoing.target, error=outgoing.error or "", cause=outgoing.body
                )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            return SendResult(None, str(error), code in _SPENT_TOKEN)
        except BotoCoreError as error:
            return SendResult(None, str(error))
        return SendResult(message.deduplication_id)


def _message(message: Addressed) -> OutgoingMessage:
    outgoing = message.outgoing
    return OutgoingMessage(
        body=outgoing.body,
        attributes=outgoing.attributes,
        group_id=outgoing.group_id,
        deduplication_id=message.deduplication_id if outgoing.group_id is not None else None,
        trace_header=outgoing.trace_header,
    )
