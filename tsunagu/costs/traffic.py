"""The traffic that a price is asked for."""

from dataclasses import dataclass

from tsunagu.errors import InvalidInputError

MONTH_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What comes in a month, and what it takes. Each consumer of a queue gets all of it.

    Attributes:
        messages: Messages that each function with a queue processes.
        milliseconds: Time of the function for one message.
        log_bytes: Bytes of log lines for one message.

    Raises:
        InvalidInputError: A number is negative.
    """

    messages: int = 1_000_000
    milliseconds: float = 50.0
    log_bytes: int = 500

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("messages", "milliseconds", "log_bytes"):
            if getattr(self, name) < 0:
                msg = f"{name} must be 0 or more, got {getattr(self, name)}"
                raise InvalidInputError(msg)
