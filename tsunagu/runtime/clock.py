"""The clock, new identifiers and jitter; tests put others in their place."""

import random
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Gives the runtime the time."""

    def now_ms(self) -> int:
        """Return the time, in milliseconds since the epoch."""
        ...

    def now_us(self) -> int:
        """Return the time, in microseconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        ...


class SystemClock:
    """The clock of the operating system."""

    def now_ms(self) -> int:
        """Return the time, in milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def now_us(self) -> int:
        """Return the time, in microseconds since the epoch."""
        return time.time_ns() // 1_000

    def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        time.sleep(seconds)


NewId = Callable[[], str]


def new_owner() -> str:
    """Return a token for one invocation. No other one has it, not even a retry with the same event."""
    return uuid.uuid4().hex


def new_jitter() -> random.Random:
    """Return the source of jitter: the operating system's random numbers, which two sandboxes never share.

    A generator with a state of its own would be restored with it from a snapshot (SnapStart), in every sandbox.
    """
    return random.SystemRandom()


def new_request_id(now_ms: int, random_bytes: bytes | None = None) -> str:
    """Return a UUID version 7, which sorts by time and cannot be guessed.

    Args:
        now_ms: Milliseconds since the epoch.
        random_bytes: The ten bytes after the time. Default: random bytes of the operating system.

    Source: RFC 9562, section 5.7.
    """
    tail = int.from_bytes(random_bytes or secrets.token_bytes(10), "big")
    value = (now_ms & (1 << 48) - 1) << 80 | tail & (1 << 80) - 1
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
