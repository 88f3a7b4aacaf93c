"""Measures the invocations of a receiver from its log: how many messages each had, and how long it took.

The runtime logs `batch settled` with the number of messages, and Lambda reports the duration, both with the id of the
invocation. CloudWatch's metrics of a function have no messages, so that they do not say how large the batches were.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tsunagu.contracts.telemetry import LogKey
from tsunagu.operations.evidence.log_search import log_line
from tsunagu.operations.reader import Reader

SETTLED, REPORTED = "batch settled", "platform.report"
# An answer has up to 10,000 lines, or 1 MB of them; it may be empty while CloudWatch searches.
PAGES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """An invocation that processed all of its messages.

    Attributes:
        messages: Its messages.
        milliseconds: Its duration, without the start of a new sandbox.
    """

    messages: int
    milliseconds: float


def read_invocations(reader: Reader, log_group: str, since_ms: int) -> list[Invocation]:
    """Return the invocations of a receiver that processed all of their messages; none where the log has none.

    One that gave messages back is left out: what failed took another time than what succeeds.

    Args:
        reader: Reads from AWS.
        log_group: Log group of the function, in Lambda's JSON format.
        since_ms: How old an invocation may be, in milliseconds since the epoch.
    """
    messages = {
        str(line.get("requestId", "")): int(line.get(LogKey.RECORD_COUNT, 0))
        for line in _lines(reader, log_group, SETTLED, since_ms)
        if line.get("message") == SETTLED and not line.get(LogKey.RETURNED_COUNT)
    }
    reports = (line.get("record", {}) for line in _lines(reader, log_group, REPORTED, since_ms))
    return [
        Invocation(messages=messages[report["requestId"]], milliseconds=float(report["metrics"]["durationMs"]))
        for report in reports
        if _is_success(report) and messages.get(report.get("requestId", ""))
    ]


def _is_success(report: object) -> bool:
    return isinstance(report, Mapping) and report.get("status") == "success" and "durationMs" in report["metrics"]


def _lines(reader: Reader, log_group: str, phrase: str, since_ms: int) -> Iterator[Mapping[str, Any]]:
    def read() -> list[Mapping[str, Any]]:
        pages = reader.aws.logs.get_paginator("filter_log_events").paginate(
            logGroupName=log_group, filterPattern=json.dumps(phrase), startTime=since_ms
        )
        events = (event for page in itertools.islice(pages, PAGES) for event in page["events"])
        return [log_line(log_group, event).fields for event in events]

    nothing: list[Mapping[str, Any]] = []
    yield from reader.read(read, nothing)
