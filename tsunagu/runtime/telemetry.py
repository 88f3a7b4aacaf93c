"""Log lines and metrics: JSON by Lambda's own log format, an allow-list of keys, and no bodies.

A log line carries the request id of the message that was in hand when it was written. An exception is logged by its
type and place, because its text may quote the message.
"""

import json
import logging
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

from tsunagu.contracts.telemetry import SERVICE_DIMENSION, LogKey, Metric
from tsunagu.runtime.clock import Clock

_in_hand: ContextVar[Mapping[str, str] | None] = ContextVar("_in_hand", default=None)

_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "taskName", "aws_request_id", "tenant_id", "color_message",
}  # fmt: skip
_ALLOWED_KEYS: frozenset[str] = frozenset(LogKey)


class AllowListFilter(logging.Filter):
    """Lets through the log keys of the contract alone, adds those of the message in hand, and strips exceptions."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite `record`; every record passes."""
        for name in set(vars(record)) - _STANDARD_ATTRIBUTES - _ALLOWED_KEYS:
            delattr(record, name)
        vars(record).update(_in_hand.get() or {})
        setattr(record, LogKey.SERVICE, self._service)
        if record.exc_info and record.exc_info[1] is not None:
            vars(record).update(error_fields(record.exc_info[1]))
        record.exc_info = None
        record.exc_text = None
        return True


def configure(service: str) -> None:
    """Put the allow-list on every handler of the root logger, as Lambda's runtime has set them up."""
    root = logging.getLogger()
    if not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):  # set where the function's configuration names a level
        root.setLevel(logging.INFO)
    logging.getLogger("botocore").setLevel(logging.WARNING)  # it tells at INFO where credentials come from
    for handler in root.handlers:
        if not any(isinstance(known, AllowListFilter) for known in handler.filters):
            handler.addFilter(AllowListFilter(service))


@contextmanager
def in_hand(fields: Mapping[str, str]) -> Iterator[None]:
    """Give every log line of the block these fields.

    Args:
        fields: Ids of the message in hand, by log key.
    """
    token = _in_hand.set(fields)
    try:
        yield
    finally:
        _in_hand.reset(token)


def error_fields(error: BaseException) -> dict[str, str]:
    """Return the type and the place of `error`, never its text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "unknown"
    return {LogKey.ERROR_TYPE: type(error).__name__, LogKey.ERROR_LOCATION: place}


class Metrics:
    """Counts of one invocation, written as one line of CloudWatch's embedded metric format.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
    """

    def __init__(self, namespace: str, service: str, clock: Clock, stream: TextIO | None = None) -> None:
        self._namespace = namespace
        self._service = service
        self._clock = clock
        self._stream = stream
        self._counts: Counter[Metric] = Counter()

    def count(self, metric: Metric, number: int = 1) -> None:
        """Add `number` to `metric`."""
        self._counts[metric] += number

    def flush(self) -> None:
        """Write what was counted since the last flush, if anything."""
        if not self._counts:
            return
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [[SERVICE_DIMENSION]],
            "Metrics": [{"Name": metric, "Unit": "Count"} for metric in self._counts],
        }
        line = {
            "_aws": {"Timestamp": self._clock.now_ms(), "CloudWatchMetrics": [directive]},
            SERVICE_DIMENSION: self._service,
            **{str(metric): number for metric, number in self._counts.items()},
        }
        print(json.dumps(line, separators=(",", ":")), file=self._stream or sys.stdout, flush=True)
        self._counts.clear()
