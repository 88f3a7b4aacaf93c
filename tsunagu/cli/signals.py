"""Lets a closed terminal and `kill` end a verb as Ctrl-C does, so that it gives back what it holds, and says so."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for SIGTERM and SIGHUP until the end of the block."""
    before = [(number, signal.signal(number, _interrupt)) for number in (signal.SIGTERM, signal.SIGHUP)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
