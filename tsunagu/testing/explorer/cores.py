"""One core for fibers: only one of them runs, and a change of fibers costs half as much within a core."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and those that it starts, on one core in the block.

    Each worker of pytest-xdist takes a core of its own while there are enough. Only Linux lets a process choose.
    """
    if sys.platform != "linux":
        yield
        return
    cores = os.sched_getaffinity(0)
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
    os.sched_setaffinity(0, {sorted(cores)[worker % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
