"""SNS behind the runtime's protocols."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.runtime.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

SUBJECT_CHARACTERS = 100  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html


class SnsNotifier:
    """Publishes notifications to one topic.

    Args:
        client: Gives the SNS client; called at the first notification.
        topic_arn: The topic.
    """

    def __init__(self, client: "Callable[[], SNSClient]", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def notify(self, subject: str, message: str) -> None:
        """Publish one notification.

        Raises:
            UnavailableError: It was not published.
        """
        try:
            self._client().publish(TopicArn=self._topic_arn, Subject=subject[:SUBJECT_CHARACTERS], Message=message)
        except (ClientError, BotoCoreError) as error:
            msg = f"the notification was not published: {error}"
            raise UnavailableError(msg) from error
