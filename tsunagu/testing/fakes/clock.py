"""A clock that tests move, and the end of a process."""

START_MS = 1_800_000_000_000


class Killed(SystemExit):
    """The process was killed here. The batch boundary lets `SystemExit` through, as it does in Lambda."""


class FakeClock:
    """A clock that tests move; a sleep moves it, and is noted."""

    def __init__(self) -> None:
        self.ms = START_MS
        self.slept_seconds: list[float] = []

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.ms

    def now_us(self) -> int:
        """Microseconds since the epoch."""
        return self.ms * 1_000

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept_seconds.append(seconds)
        self.ms += int(seconds * 1_000)
