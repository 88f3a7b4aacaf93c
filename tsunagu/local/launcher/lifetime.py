"""How long the emulator lives: one for each folder, and not without the process that it was started for."""

import fcntl
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

from .settings import ALREADY_RUNS_EXIT_CODE, DETACH

LOCK_TRIES = 5  # whoever asks whether the emulator lives holds the lock for an instant
LOCK_PAUSE_SECONDS = 0.05


def hold_lock(path: Path) -> IO[str]:
    """Lock `path` until this process ends, so that others can tell whether the emulator of a folder lives.

    The kernel gives the lock back however the process ends; a process id alone may be another's by then.
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
    """End this process group, handlers included, as soon as the other end of standard input is closed.

    The owner holds it open, so it closes however the owner ends. `DETACH` on it lets the emulator live on alone.
    """
    threading.Thread(target=_watch_owner, daemon=True, name="owner-watch").start()


def _watch_owner() -> None:
    if os.read(sys.stdin.fileno(), len(DETACH)) != DETACH:
        os.killpg(0, signal.SIGKILL)
