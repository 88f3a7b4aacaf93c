"""Reads the logs of handlers from CloudWatch Logs."""

import json
from collections.abc import Iterator

from tsunagu.contracts.telemetry import Metric
from tsunagu.local.embedded_cloud import EmbeddedCloud


def count_deferrals(cloud: EmbeddedCloud, function_name: str) -> int:
    """Return how many messages the handlers of a function returned to the queue, by the metrics that they logged."""
    return sum(_deferrals(text) for text in log_lines(cloud, function_name))


def log_lines(cloud: EmbeddedCloud, function_name: str) -> Iterator[str]:
    """Yield the text of every log event of a function."""
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=function_name)
    group = configuration["LoggingConfig"]["LogGroup"]
    for page in cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
        for event in page["events"]:
            yield event["message"]


def _deferrals(text: str) -> int:
    try:
        line = json.loads(text)
    except ValueError:  # the Python interpreter itself writes text
        return 0
    return int(line.get(Metric.MESSAGES_RETURNED, 0)) if isinstance(line, dict) else 0
