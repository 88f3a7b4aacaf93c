"""Times as operators read and write them: in UTC, and how long ago."""

import re
from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_AGE = re.compile(r"([0-9]{1,9})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY}


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


def age_seconds(text: str) -> int | None:
    """Return the seconds of a length of time that somebody typed: `90s`, `30m`, `2h` or `3d`; None if it is none."""
    found = _AGE.fullmatch(text)
    return None if found is None else int(found[1]) * _UNIT_SECONDS[found[2]]


def rough_duration_text(seconds: float) -> str:
    """Return a length of time in its largest unit alone: "13 min" for 13 minutes and 4 seconds."""
    return " ".join(duration_text(seconds).split()[:2])
