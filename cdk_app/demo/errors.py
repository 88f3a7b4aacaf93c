"""Errors of the demonstration."""

from tsunagu.errors import TsunaguError


class DemoError(TsunaguError):
    """A flow did not end, or its effects do not match what was sent.

    Attributes:
        log_path: Log of the embedded cloud, with the details.
    """

    def __init__(self, message: str, log_path: str | None = None) -> None:
        super().__init__(message)
        self.log_path = log_path
