"""Writes the logs of sandboxes: a log stream for each, each line at once, platform events in the function's log format.

ministack collects the output of a handler after each invocation. So it loses the output of killed handlers, and output
that comes after the invocation.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from .ministack_modules import cloudwatch_logs, lambda_runtime, responses
from .sandbox_environment import log_format_of, log_group_of

Status = Literal["success", "error", "timeout", "failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How an invocation ended.

    Attributes:
        request_id: Id of the invocation.
        status: Status as AWS reports it: `error` for an error of the handler, `failure` when its process ended.
        seconds: Duration without the start of a new sandbox.
        start_seconds: Duration of the start of a new sandbox; 0 when the sandbox had started before.
    """

    request_id: str
    status: Status
    seconds: float
    start_seconds: float


class FunctionLog:
    """The log stream of one sandbox."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._group = log_group_of(config)
        self._is_json = log_format_of(config) == "JSON"
        self._memory_mib = int(config.get("MemorySize", 128))
        self._version = config.get("Version", "$LATEST")
        self.stream_name = f"{datetime.now(UTC):%Y/%m/%d}/[{self._version}]{uuid.uuid4().hex}"

    def enter_scope(self) -> None:
        """Let this thread act for the account and region of the function. Threads of requests do so already."""
        account, region = lambda_runtime._account_region_from_function_config(self._config)
        responses.set_request_account_id(account)
        responses.set_request_region(region)

    def write(self, lines: Iterable[str]) -> None:
        """Append lines. As on AWS, the log group and the stream are made when they do not exist."""
        group = {"logGroupName": self._group}
        stream = {**group, "logStreamName": self.stream_name}
        if self._group not in cloudwatch_logs._log_groups:
            cloudwatch_logs._create_log_group(group)
        if self.stream_name not in cloudwatch_logs._log_groups[self._group]["streams"]:
            cloudwatch_logs._create_log_stream(stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines]
        cloudwatch_logs._put_log_events({**stream, "logEvents": events})

    def start(self, request_id: str) -> None:
        """Write that an invocation starts."""
        if self._is_json:
            self.write([_platform_event("platform.start", {"requestId": request_id, "version": self._version})])
        else:
            self.write([f"START RequestId: {request_id} Version: {self._version}"])

    def report(self, report: Report) -> None:
        """Write how an invocation ended."""
        self.write(self._json_report(report) if self._is_json else self._text_report(report))

    def _json_report(self, report: Report) -> list[str]:
        metrics = {"durationMs": round(report.seconds * 1000, 3), "memorySizeMB": self._memory_mib}
        if report.start_seconds:
            metrics["initDurationMs"] = round(report.start_seconds * 1000, 3)
        record = {"requestId": report.request_id, "status": report.status, "metrics": metrics}
        return [_platform_event("platform.report", record)]

    def _text_report(self, report: Report) -> list[str]:
        fields = [f"RequestId: {report.request_id}", f"Duration: {report.seconds * 1000:.2f} ms"]
        fields.append(f"Memory Size: {self._memory_mib} MB")
        if report.start_seconds:
            fields.append(f"Init Duration: {report.start_seconds * 1000:.2f} ms")
        return [f"END {fields[0]}", "\t".join([f"REPORT {fields[0]}", *fields[1:], f"Status: {report.status}"])]


def _platform_event(kind: str, record: dict[str, Any]) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": now, "type": kind, "record": record})
