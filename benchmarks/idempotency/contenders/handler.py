"""What every contender is: a Lambda handler."""

from collections.abc import Callable
from typing import Any

INVOCATION_MS = 60_000

Handler = Callable[[Any, "InvocationContext"], Any]


class InvocationContext:
    """Lambda's context object, as far as the contenders read it."""

    function_name = "payments"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        return INVOCATION_MS
