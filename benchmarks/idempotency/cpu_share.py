"""A small function's share of a processor, for a process that runs already.

Lambda gives a function a whole processor at 1,769 MB, and less in proportion, in slices of 20 ms
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
"""

import contextlib
import functools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

WHOLE_PROCESSOR_MB = 1_769
PERIOD_MICROSECONDS = 20_000

_CGROUPS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))

Limit = Callable[[int], AbstractContextManager[None]]


def limit_of(memory_mb: int) -> tuple[Limit, str]:
    """Return what limits a process to the share of `memory_mb`, and in words how it does so.

    It is a quota of the kernel's where this user may set one; else the process is stopped and continued in turn, which
    is coarser: it also stops while it waits.
    """
    share_microseconds = round(PERIOD_MICROSECONDS * memory_mb / WHOLE_PROCESSOR_MB)
    words = f"{share_microseconds / 1_000:.2f} ms of each {PERIOD_MICROSECONDS // 1_000} ms"
    for root in _CGROUPS:
        with contextlib.suppress(OSError), _quota(root, share_microseconds):
            return functools.partial(_in_group, root, share_microseconds), f"{words}, by a cgroup's quota"
    return functools.partial(_stopped_in_turn, share_microseconds), f"{words}, by SIGSTOP and SIGCONT"


@contextmanager
def _in_group(root: Path, share_microseconds: int, process_id: int) -> Iterator[None]:
    with _quota(root, share_microseconds) as group:
        (group / "cgroup.procs").write_text(str(process_id))
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):  # a group can be removed once nobody is in it
                (root / "cgroup.procs").write_text(str(process_id))


@contextmanager
def _quota(root: Path, share_microseconds: int) -> Iterator[Path]:
    group = root / f"tsunagu-benchmark-{os.getpid()}"
    group.mkdir()
    try:
        if (group / "cpu.cfs_quota_us").exists():
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
            (group / "cpu.cfs_quota_us").write_text(str(share_microseconds))
        else:
            (group / "cpu.max").write_text(f"{share_microseconds} {PERIOD_MICROSECONDS}")
        yield group
    finally:
        group.rmdir()


@contextmanager
def _stopped_in_turn(share_microseconds: int, process_id: int) -> Iterator[None]:
    over = threading.Event()

    def take_turns() -> None:
        with contextlib.suppress(ProcessLookupError):
            while not over.is_set():
                os.kill(process_id, signal.SIGCONT)
                time.sleep(share_microseconds / 1_000_000)
                os.kill(process_id, signal.SIGSTOP)
                time.sleep((PERIOD_MICROSECONDS - share_microseconds) / 1_000_000)

    turns = threading.Thread(target=take_turns)
    turns.start()
    try:
        yield
    finally:
        over.set()
        turns.join()
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGCONT)
