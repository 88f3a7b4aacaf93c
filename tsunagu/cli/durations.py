"""Durations of options, such as `90s`, `30m`, `1h` or `2d`."""

import re

from tsunagu.errors import InvalidInputError

_DURATION = re.compile(r"(?P<number>[0-9]{1,9})(?P<unit>[smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds_of(option: str, text: str) -> int:
    """Return a duration in seconds.

    Raises:
        InvalidInputError: The text is no duration.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        msg = f"{option} must be a whole number and one of s, m, h and d, such as 90s or 2d, got {text[:32]!r}"
        raise InvalidInputError(msg)
    return int(found["number"]) * _SECONDS[found["unit"]]


def shown_duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as `2d 3h`."""
    left, parts = int(seconds), []
    for unit in ("d", "h", "m", "s"):
        number, left = divmod(left, _SECONDS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2]) or "0s"
