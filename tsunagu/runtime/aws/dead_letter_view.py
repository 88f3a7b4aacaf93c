"""Looks into a dead-letter queue of SQS, and leaves the letters there."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts.messages import (
    DEAD_LETTER_REASON_ATTRIBUTE,
    DEAD_LETTER_SOURCE_ATTRIBUTE,
    SQS_ENTRIES_PER_BATCH,
)
from tsunagu.runtime.aws.sdk_errors import failed_call
from tsunagu.runtime.aws.sqs import SqsVisibility
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.requests.settler import Letter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HIDDEN_SECONDS = 60  # longer than a run, so that no letter is looked at twice in it
WAIT_SECONDS = 1  # a long poll asks all servers of SQS


class SqsDeadLetterView:
    """The letters of one dead-letter queue.

    Args:
        client: Returns the SQS client.
        queue_url: The dead-letter queue.
    """

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._visibility = SqsVisibility(client, queue_url)

    def receive(self) -> list[Letter]:
        """Return up to ten letters, and hide them from others for a minute. An empty list: there are no others.

        Raises:
            UnavailableError: SQS did not answer.
        """
        try:
            answer = self._client().receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=SQS_ENTRIES_PER_BATCH,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp"],
                MessageAttributeNames=[DEAD_LETTER_REASON_ATTRIBUTE, DEAD_LETTER_SOURCE_ATTRIBUTE],
            )
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, "sqs:ReceiveMessage", self._queue_url)
            msg = f"the dead-letter queue did not answer: {call}"
            raise UnavailableError(msg, call=call) from error
        return [_letter(message) for message in answer.get("Messages", [])]

    def give_back(self, letters: Sequence[Letter]) -> FailedCall | None:
        """Make letters visible to others again. Return a call that failed; its letters become visible by themselves."""
        return self._visibility.change([(letter.receipt_handle, 0) for letter in letters])


def _letter(message: Any) -> Letter:
    return Letter(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        has_reason=bool(message.get("MessageAttributes")),
        sent_ms=int(message["Attributes"]["SentTimestamp"]),
    )
