"""Telemetry: log lines in Lambda's JSON format, and metrics.

* Only the keys of an allow-list are logged, and no message bodies.
* A log line has the request id and the trace id of the message that was in hand when the line was written. Without a
  message, it has the trace id of the invocation.
* Of an exception, type and place are logged. Its text is not, because it may quote the message.
"""

import json
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TextIO

from tsunagu.contracts.telemetry import FUNCTION_DIMENSION, SERVICE_DIMENSION, LogKey, Metric
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import FailedCall, error_type
from tsunagu.runtime.tracing import invocation_header, trace_fields

_logger = logging.getLogger(__name__)

# Frames of a traceback that are logged, and parts of the path of each file.
OUTER_FRAMES, INNER_FRAMES, PATH_PARTS = 8, 16, 3

_in_hand: ContextVar[Mapping[str, str] | None] = ContextVar("_in_hand", default=None)

_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "taskName", "aws_request_id", "tenant_id", "color_message",
}  # fmt: skip
_ALLOWED_KEYS: frozenset[str] = frozenset(LogKey)


class AllowListFilter(logging.Filter):
    """Removes log keys that are not in `LogKey` and texts of exceptions; adds the ids of the message in hand."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite `record`, and let every record through."""
        for name in set(vars(record)) - _STANDARD_ATTRIBUTES - _ALLOWED_KEYS:
            delattr(record, name)
        vars(record).update({**trace_fields(invocation_header()), **(_in_hand.get() or {})})
        setattr(record, LogKey.SERVICE, self._service)
        if record.exc_info and record.exc_info[1] is not None:
            vars(record).update(error_fields(record.exc_info[1]))
            if record.name == "asyncio":  # of an exception that nobody asked for, it logs the text in the message
                record.msg, record.args = "exception that no code of the event loop took", ()
        record.exc_info = None
        record.exc_text = None
        return True


class HandlerCode:
    """Where the handler's own code is, and how much is logged of a traceback; set by `configure` for the process.

    Attributes:
        folder: Folder of the handler's top package; or the folder of its module, if it is in no package. Dependencies
            may lie beside both. Empty: unknown.
        is_package: Whether what is below the folder is own code too.
        log_tracebacks: Whether tracebacks are logged.
    """

    folder = ""
    is_package = False
    log_tracebacks = False

    @classmethod
    def is_own(cls, path: str) -> bool:
        """Whether a file is the handler's own code."""
        folder = path.rpartition("/")[0]
        return bool(cls.folder) and (folder == cls.folder or (cls.is_package and folder.startswith(f"{cls.folder}/")))


def configure(service: str, function: object = None, *, log_tracebacks: bool = False) -> None:
    """Add the allow-list to every handler of the root logger, which Lambda's runtime has set up.

    An exception that ends a thread, or that Python ignores, is logged as any other: Python would print its text.

    Args:
        service: Name of the service in each log line.
        function: The business function. The place of an error is that of the innermost frame in its top package, or
            beside its module if it is in no package. Default: of the innermost frame of all.
        log_tracebacks: Whether a log line of an error has its traceback, without values.
    """
    HandlerCode.folder, HandlerCode.is_package = _folder_of(function)
    HandlerCode.log_tracebacks = log_tracebacks
    root = logging.getLogger()
    if not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):  # set where the function's configuration names a level
        root.setLevel(logging.INFO)
    logging.getLogger("botocore").setLevel(logging.WARNING)  # at INFO it logs where the credentials come from
    for handler in root.handlers:
        if not any(isinstance(known, AllowListFilter) for known in handler.filters):
            handler.addFilter(AllowListFilter(service))
    threading.excepthook = _thread_ended
    sys.unraisablehook = _exception_ignored


def _folder_of(function: object) -> tuple[str, bool]:
    """Return the folder of a function's top package, and True; or of its module, and False, if it is in no package."""
    while hasattr(function, "func"):  # a `functools.partial`
        function = function.func
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    path = getattr(module, "__file__", None) or ""
    levels = len(module.__name__.split(".")) if module is not None else 0
    ups = levels if path.endswith("/__init__.py") else levels - 1  # from the file to the top package
    for _ in range(max(1, ups)):
        path = path.rpartition("/")[0]
    return path, ups > 0


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not issubclass(ended.exc_type, SystemExit):
        _logger.error("thread ended by an exception", extra=error_fields(ended.exc_value))


def _exception_ignored(ignored: "sys.UnraisableHookArgs") -> None:
    if ignored.exc_value is not None:
        _logger.error("exception ignored", extra=error_fields(ignored.exc_value))


@contextmanager
def in_hand(fields: Mapping[str, str]) -> Iterator[None]:
    """Add fields to every log line of the block.

    Args:
        fields: Identifiers of the message in hand, by log key.
    """
    token = _in_hand.set(fields)
    try:
        yield
    finally:
        _in_hand.reset(token)


def error_fields(error: BaseException) -> dict[str, str]:
    """Return the type and the place of `error`, but not its text. Nothing is raised, whatever class the error has.

    With `log_tracebacks`, they have its traceback too: file, line and function of each frame.
    """
    frames = _frames(error)
    own = [frame for frame in frames if HandlerCode.is_own(frame.tb_frame.f_code.co_filename)] or frames
    place = _place(own[-1]) if own else "unknown"
    fields: dict[str, str] = {LogKey.ERROR_TYPE: error_type(error), LogKey.ERROR_LOCATION: place}
    if HandlerCode.log_tracebacks and frames:
        fields[LogKey.ERROR_TRACEBACK] = _traceback(frames)
    return fields


def _traceback(frames: Sequence[TracebackType]) -> str:
    """Return the frames of a traceback as text, outermost first. Of a long one, the middle is left out."""
    left_out = len(frames) - OUTER_FRAMES - INNER_FRAMES
    if left_out <= 0:
        return " > ".join(map(_step, frames))
    shown = [*map(_step, frames[:OUTER_FRAMES]), f"{left_out} frames", *map(_step, frames[-INNER_FRAMES:])]
    return " > ".join(shown)


def _step(step: TracebackType) -> str:
    code = step.tb_frame.f_code
    place = "/".join(code.co_filename.split("/")[-PATH_PARTS:])
    return f"{place}:{step.tb_lineno} {code.co_name}"


def _frames(error: BaseException) -> list[TracebackType]:
    """Return the frames of an error's traceback, innermost last."""
    step: TracebackType | None = BaseException.__dict__["__traceback__"].__get__(error)  # a class may hide its own
    frames = []
    while step is not None:
        frames.append(step)
        step = step.tb_next
    return frames


def _place(step: TracebackType) -> str:
    return f"{step.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{step.tb_lineno}"


def call_fields(call: FailedCall | None) -> dict[str, str]:
    """Return the operation, the resource and the error code of a call that failed, by log key."""
    if call is None:
        return {}
    return {LogKey.OPERATION: call.operation, LogKey.RESOURCE: call.resource, LogKey.ERROR_CODE: call.code}


class Metrics:
    """Counts metrics, and writes them as one line of CloudWatch's embedded metric format.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html

    Args:
        namespace: CloudWatch namespace.
        service: Dimension of all metrics.
        clock: The time.
        stream: Where the lines are written. Default: standard output.
        function_name: Second dimension of all metrics, by which two stages differ. Default: the service only.
    """

    def __init__(
        self, namespace: str, service: str, clock: Clock, stream: TextIO | None = None, *, function_name: str = ""
    ) -> None:
        self._namespace = namespace
        self._service = service
        self._clock = clock
        self._stream = stream
        self._function_name = function_name
        self._counts: Counter[Metric] = Counter()

    def count(self, metric: Metric, number: int = 1) -> None:
        """Add `number` to `metric`."""
        self._counts[metric] += number

    def count_failed_call(self, call: FailedCall | None, number: int = 1) -> None:
        """Count `number` failed calls; and a configuration fault, if no retry mends the call."""
        self.count(Metric.CALLS_FAILED, number)
        self.count_fault(call)

    def count_fault(self, call: FailedCall | None) -> None:
        """Count a configuration fault, if no retry mends the call."""
        if call is not None and call.is_configuration_fault:
            self.count(Metric.CONFIGURATION_FAULTS)

    def flush(self) -> None:
        """Write the counts since the last flush, if there are any."""
        if not self._counts:
            return
        dimensions = {SERVICE_DIMENSION: self._service}
        if self._function_name:
            dimensions[FUNCTION_DIMENSION] = self._function_name
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [[name] for name in dimensions],
            "Metrics": [{"Name": metric, "Unit": "Count"} for metric in self._counts],
        }
        line = {
            "_aws": {"Timestamp": self._clock.now_ms(), "CloudWatchMetrics": [directive]},
            **dimensions,
            **{str(metric): number for metric, number in self._counts.items()},
        }
        print(json.dumps(line, separators=(",", ":")), file=self._stream or sys.stdout, flush=True)
        self._counts.clear()
