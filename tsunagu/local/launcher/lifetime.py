"""Limits the life of the emulator: one emulator in each folder, and none without the process that started it."""

import fcntl
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

from .settings import ALREADY_RUNS_EXIT_CODE, DETACH

LOCK_TRIES = 5  # a process that checks whether an emulator runs holds the lock for a moment
LOCK_PAUSE_SECONDS = 0.05


def hold_lock(path: Path) -> IO[str]:
    """Lock `path` until this process ends. By the lock, others see whether the emulator of a folder runs.

    The kernel releases the lock even when the process is killed. A process id would not do: after the end of the
    process, another process may get it.
    """
    lock = path.open("a")
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return lock
    sys.exit(ALREADY_RUNS_EXIT_CODE)


def end_with_owner() -> None:
    """End this process group with its handlers when the other end of standard input is closed.

    The owner holds that end open, so it closes even when the owner is killed. `DETACH` on standard input lets the
    emulator run on without its owner.
    """
    threading.Thread(target=_watch_owner, daemon=True, name="owner-watch").start()


def _watch_owner() -> None:
    if os.read(sys.stdin.fileno(), len(DETACH)) != DETACH:
        os.killpg(0, signal.SIGKILL)
