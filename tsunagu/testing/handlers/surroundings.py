"""What is around a handler while it runs: environment variables, and logging as Lambda's runtime sets it up."""

import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tsunagu.contracts.telemetry import LogKey

_KEYS = frozenset(LogKey)


@contextmanager
def variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables in the block, and put back afterwards what was there."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def captured_logs(lines: list[dict[str, Any]]) -> Iterator[None]:
    """Collect the log lines of the block as dictionaries; what a start of the handler changes is put back afterwards.

    Lambda's own handler of the root logger is missing here, so this one takes its place.
    """
    root = logging.getLogger()
    handlers, filters = [*root.handlers], {handler: [*handler.filters] for handler in root.handlers}
    levels = {name: logging.getLogger(name).level for name in ("", "botocore")}
    hooks = threading.excepthook, sys.unraisablehook
    root.handlers = [_Lines(lines)]
    try:
        yield
    finally:
        root.handlers = handlers
        for handler, kept in filters.items():
            handler.filters = kept
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        threading.excepthook, sys.unraisablehook = hooks


@contextmanager
def silence() -> Iterator[None]:
    """Log nothing in the block: thousands of schedules would."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


class _Lines(logging.Handler):
    def __init__(self, lines: list[dict[str, Any]]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Collect a line: level, logger, message, and the keys that `LogKey` allows."""
        own = {str(name): value for name, value in vars(record).items() if name in _KEYS}
        self._lines.append({"level": record.levelname, "logger": record.name, "message": record.getMessage(), **own})
