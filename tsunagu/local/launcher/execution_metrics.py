"""Publishes the metrics of state machines, which alarms on executions need. ministack has none."""

# ruff: noqa: SLF001 - the package's docstring says why

import time
from datetime import datetime
from typing import Any

from .ministack_modules import cloudwatch, stepfunctions

_COUNTS = {
    "ABORTED": "ExecutionsAborted",
    "FAILED": "ExecutionsFailed",
    "SUCCEEDED": "ExecutionsSucceeded",
    "TIMED_OUT": "ExecutionsTimedOut",
}


def install() -> None:
    """Count each end of an execution, and publish how long it took."""
    emit = stepfunctions._emit_execution_status_event

    def emit_and_count(execution: dict[str, Any]) -> None:
        if (name := _COUNTS.get(execution["status"])) is not None:
            dimensions = {"StateMachineArn": execution["stateMachineArn"]}
            cloudwatch.record_metric("AWS/States", name, 1, "Count", dimensions)
            cloudwatch.record_metric(
                "AWS/States", "ExecutionTime", _milliseconds(execution), "Milliseconds", dimensions
            )
        emit(execution)

    stepfunctions._emit_execution_status_event = emit_and_count


def _milliseconds(execution: dict[str, Any]) -> float:
    began = datetime.fromisoformat(execution["startDate"])
    return max(0.0, time.time() - began.timestamp()) * 1_000
