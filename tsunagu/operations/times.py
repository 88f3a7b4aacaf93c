"""Times as operators read them: in UTC, and how long ago."""

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def utc_text(milliseconds: int) -> str:
    """Return a time, in milliseconds since the epoch, as `2026-11-28T14:00:01Z`."""
    return f"{datetime.fromtimestamp(milliseconds // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def duration_text(seconds: float) -> str:
    """Return a length of time in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    whole = max(0, int(seconds))
    for unit, size, below, part in (("d", _DAY, "h", _HOUR), ("h", _HOUR, "min", _MINUTE), ("min", _MINUTE, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{whole} s"
