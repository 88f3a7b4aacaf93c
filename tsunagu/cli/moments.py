"""Reads how old something may be: `90m`, `3d`, or a time such as `2026-03-01T04:00:00Z`."""

import re
from datetime import UTC, datetime

from tsunagu.errors import CommandError

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LENGTH = re.compile(r"([0-9]{1,6})([smhdw])")


def since_ms(text: str, now_ms: int) -> int:
    """Return a moment, in milliseconds since the epoch.

    Args:
        text: How long ago, or the time itself; without an offset it is UTC.
        now_ms: The time now, in milliseconds since the epoch.

    Raises:
        CommandError: The text is neither.
    """
    if length := _LENGTH.fullmatch(text):
        return now_ms - int(length[1]) * _UNITS_MS[length[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"--since must be a length such as 90m, 24h or 3d, or a time such as 2026-03-01T04:00:00Z, got {text}"
        raise CommandError(msg) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)
