"""The traffic that a price is asked for."""

from dataclasses import dataclass

from tsunagu.errors import InvalidInputError

MONTH_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What comes in a month, and what it takes. Each consumer of a queue gets all of it.

    Attributes:
        messages: Messages that each function with a queue processes.
        message_bytes: Bytes of one message.
        batch: Messages of an invocation, on average. Default: as many as the mapping of a function allows.
        milliseconds: Time of the function for one message.
        writes: Items of at most 1 KB that a receiver's function writes for one message, in the transaction that
            completes it.
        log_bytes: Bytes of log lines for one message.
        requests: Requests that each API gets.

    Raises:
        InvalidInputError: A number is negative, or a batch has no message.
    """

    messages: int = 1_000_000
    message_bytes: int = 1_024
    batch: float | None = None
    milliseconds: float = 50.0
    writes: int = 0
    log_bytes: int = 500
    requests: int = 1_000_000

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("messages", "message_bytes", "milliseconds", "writes", "log_bytes", "requests"):
            if not getattr(self, name) >= 0:  # what is no number is not, either
                msg = f"{name} must be 0 or more, got {getattr(self, name)}"
                raise InvalidInputError(msg)
        if self.batch is not None and not self.batch >= 1:
            msg = f"batch must be 1 or more, got {self.batch:g}"
            raise InvalidInputError(msg)

    def batch_of(self, largest: int) -> float:
        """Return the messages of an invocation of a function whose mapping allows so many."""
        return largest if self.batch is None else min(self.batch, largest)
