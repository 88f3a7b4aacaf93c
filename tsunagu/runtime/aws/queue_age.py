"""The age of the oldest message in a queue, from the metrics that SQS writes to CloudWatch each minute."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.runtime.aws.sdk_errors import failed_call
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

PERIOD_SECONDS = 60
LOOK_BACK_SECONDS = 300  # the newest minute is often missing


class CloudWatchQueueAge:
    """Asks CloudWatch for the age of the oldest message in one queue.

    Args:
        client: Returns the CloudWatch client; called when the age is needed for the first time.
        queue_url: The queue.
        clock: The time.
    """

    def __init__(self, client: "Callable[[], CloudWatchClient]", queue_url: str, clock: Clock) -> None:
        self._client = client
        self._queue_name = queue_url.rpartition("/")[2]
        self._clock = clock

    def oldest_ms(self) -> int:
        """Return the age in milliseconds, in the newest minute that is known; 0 if none of the last five is.

        Raises:
            UnavailableError: CloudWatch did not answer.
        """
        now = self._clock.now_ms() / 1_000
        try:
            answer = self._client().get_metric_statistics(
                Namespace="AWS/SQS",
                MetricName="ApproximateAgeOfOldestMessage",
                Dimensions=[{"Name": "QueueName", "Value": self._queue_name}],
                StartTime=datetime.fromtimestamp(now - LOOK_BACK_SECONDS, UTC),
                EndTime=datetime.fromtimestamp(now, UTC),
                Period=PERIOD_SECONDS,
                Statistics=["Maximum"],
            )
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, "cloudwatch:GetMetricStatistics", self._queue_name)
            msg = f"the age of the oldest message is not known: {call}"
            raise UnavailableError(msg, call=call) from error
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        return int(points[-1]["Maximum"] * 1_000) if points else 0
