"""Start once, and print what it cost: `python start.py ours` or `python start.py bare`, with the asset on the path.

A file of its own and not a module of a package, so that the process loads nothing of this project but the asset.
"""

import contextlib
import json
import sys
import time
from pathlib import Path


class Context:
    """The context of an invocation, as far as the runtime reads it."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that the invocation has left, in milliseconds."""
        return 30_000


def ours() -> object:
    """Import the payments handler, and build its receiver with its client.

    The first invocation builds the receiver. This one brings an event without records, which is refused after that.
    """
    from lambdas.payments.handler import handler  # noqa: PLC0415 - what is measured
    from tsunagu.runtime.errors import UnroutableEventError  # noqa: PLC0415

    with contextlib.suppress(UnroutableEventError):
        handler({}, Context())
    return handler


def bare() -> object:
    """Import boto3, and build a client."""
    import boto3  # noqa: PLC0415 - what is measured

    return boto3.client("dynamodb")


def resident_kib() -> int:
    """Return the memory that this process holds, in KiB; getrusage would tell of the parent's before the exec."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0])


if __name__ == "__main__":
    wall, cpu = time.perf_counter(), time.process_time()
    kept = {"ours": ours, "bare": bare}[sys.argv[1]]()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"wall": wall, "cpu": cpu, "resident_kib": resident_kib()}))  # noqa: T201 - how the parent learns
