"""What the stack tells the function."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class ClerkEnvironment(EnvironmentContract):
    """What the function needs besides.

    Attributes:
        parallel_messages: Messages of a batch at the same time.
        message_milliseconds: Time of a message.
    """

    parallel_messages: int
    message_milliseconds: int
