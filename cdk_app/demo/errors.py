"""Errors of the demonstration."""

from tsunagu.errors import TsunaguError


class DemoError(TsunaguError):
    """A flow did not come to an end, or its books do not balance.

    Attributes:
        log_path: Log of the embedded cloud, where the whole story is.
    """

    def __init__(self, message: str, log_path: str | None = None) -> None:
        super().__init__(message)
        self.log_path = log_path
