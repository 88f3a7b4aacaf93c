"""The seal of a message: it says whether the message still takes what its business function hands over."""

from typing import NoReturn


class Seal:
    """Refuses what comes after the completion of a message was made, because it would be lost.

    Attributes:
        is_closed: Whether the message takes nothing more.
        broken: The first refusal; None when there was none. The function may have caught the error, so the
            receiver looks here too.
    """

    __slots__ = ("broken", "is_closed")

    def __init__(self) -> None:
        self.is_closed = False
        self.broken: RuntimeError | None = None

    def check(self, what: str) -> None:
        """Refuse `what`, if the message is sealed.

        Raises:
            RuntimeError: The message in hand was completed before.
        """
        if self.is_closed:
            self.refuse(f"{what} must be given before the message is completed, got it after: it is not carried out")

    def refuse(self, reason: str) -> NoReturn:
        """Refuse something for this reason.

        Raises:
            RuntimeError: Always.
        """
        error = RuntimeError(reason)
        self.broken = self.broken or error
        raise error
