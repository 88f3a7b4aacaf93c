"""Publishes the metrics of queues, which the alarms on dead-letter queues need. ministack has none.

AWS publishes them once a minute. Here it is once a second, so that alarms fire within seconds. Maximum, minimum and
average are as on AWS; the sum over a period is not.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import logging
import threading
import time
from typing import Any

from . import alarms
from .ministack_modules import cloudwatch, responses, sqs

INTERVAL_SECONDS = 1.0
KEPT_POINTS = 3600  # an hour of points for each metric

logger = logging.getLogger(__name__)


def install() -> None:
    """Publish the metrics of every queue, and evaluate every alarm, every `INTERVAL_SECONDS`."""
    threading.Thread(target=_tick, daemon=True, name="queue-metrics").start()


def _tick() -> None:
    while True:
        time.sleep(INTERVAL_SECONDS)
        try:
            for (account, region, _url), queue in list(sqs._queues._data.items()):
                _enter_scope(account, region)
                _publish(queue)
            for (account, region, _name), alarm in list(cloudwatch._alarms._data.items()):
                _enter_scope(account, region)
                alarms.evaluate(alarm)
        except Exception:
            # A queue may be deleted while it is read. The next round publishes again.
            logger.exception("queue metrics were not published")


def _enter_scope(account: str, region: str) -> None:
    responses.set_request_account_id(account)
    responses.set_request_region(region)


def _publish(queue: dict[str, Any]) -> None:
    now = time.time()
    messages = list(queue["messages"])
    visible = sum(message["visible_at"] <= now for message in messages)
    oldest = min((message["sent_at"] for message in messages), default=now)
    _record(queue, "ApproximateNumberOfMessagesVisible", visible, "Count")
    _record(queue, "ApproximateNumberOfMessagesNotVisible", len(messages) - visible, "Count")
    _record(queue, "ApproximateAgeOfOldestMessage", now - oldest, "Seconds")


def _record(queue: dict[str, Any], metric: str, value: float, unit: str) -> None:
    dimensions = {"QueueName": queue["attributes"]["QueueArn"].rsplit(":", 1)[1]}
    cloudwatch.record_metric("AWS/SQS", metric, value, unit, dimensions)
    points = cloudwatch._metric_bucket(("AWS/SQS", metric, cloudwatch._dims_key(dimensions)))
    del points[:-KEPT_POINTS]
