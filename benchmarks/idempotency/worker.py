"""One contender in a process of its own: `python -m benchmarks.idempotency.worker MODULE:FUNCTION SIZE BATCHES`.

It says `ready` once it has settled a first batch, and waits for a line; then it measures, and prints what it measured.
"""

import importlib
import json
import logging
import os
import resource
import sys
import time

from awslambdaric.lambda_runtime_log_utils import JsonFormatter  # type: ignore[import-not-found]

from benchmarks.events import WARM_UP_MESSAGES, Event, payment_event
from benchmarks.idempotency.contenders.handler import Handler, InvocationContext


def main(contender: str, size: int, batches: int) -> None:
    """Measure `batches` batches of `size` new messages."""
    report, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115 - lines of metrics, as Lambda's log
    _log_as_lambda_does()
    module, function = contender.split(":")
    handler: Handler = getattr(importlib.import_module(module), function)()
    _settle(handler, payment_event(0, WARM_UP_MESSAGES))
    print("ready", file=report, flush=True)
    sys.stdin.readline()
    events = [payment_event(WARM_UP_MESSAGES + number * size, size) for number in range(batches)]
    measured = [_measured(handler, event) for event in events]
    print(json.dumps(measured), file=report, flush=True)


def _measured(handler: Handler, event: Event) -> tuple[float, float]:
    """Return the seconds of wall clock and of this process's CPU that a batch takes."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    _settle(handler, event)
    return time.perf_counter() - wall, _cpu_seconds() - cpu


def _settle(handler: Handler, event: Event) -> None:
    failures = handler(event, InvocationContext())["batchItemFailures"]
    if failures:
        msg = f"a handler must settle every message, got {len(failures)} of {len(event['Records'])} back"
        raise RuntimeError(msg)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _log_as_lambda_does() -> None:
    log = logging.StreamHandler(open(os.devnull, "w"))  # noqa: PTH123, SIM115 - open as long as the process lives
    log.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(log)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
