"""What the handlers logged, read from CloudWatch Logs."""

import json
from collections.abc import Iterator

from cdk_app.local.embedded_cloud import EmbeddedCloud

DEFERRED = "message deferred"


def count_deferrals(cloud: EmbeddedCloud, function_name: str) -> int:
    """Return how many deferrals the handlers of a function logged."""
    return sum(line.get("message") == DEFERRED for line in json_lines(cloud, function_name))


def json_lines(cloud: EmbeddedCloud, function_name: str) -> Iterator[dict[str, object]]:
    """Yield the log lines of a function that are JSON objects; what else the service writes is left out."""
    for text in log_lines(cloud, function_name):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line


def log_lines(cloud: EmbeddedCloud, function_name: str) -> Iterator[str]:
    """Yield the text of every log event of a function."""
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=function_name)
    group = configuration["LoggingConfig"]["LogGroup"]
    for page in cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
        for event in page["events"]:
            yield event["message"]
