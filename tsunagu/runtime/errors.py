"""Errors that decide what happens to a message.

* MessageError
    + RetryableError       it counts as an attempt; SQS delivers the message again, later
    + PermanentError       the message goes to the dead-letter queue at once, with the reason
        + InvalidMessageError    it breaks its contract
        + TaskLostError          Step Functions does not wait for it any more
    + LeaseLostError       another worker owns the message: commit nothing, do not acknowledge it
    + ConditionFailedError a condition of the business's own write did not hold: it counts as an attempt
    + UnavailableError     a store or channel is throttled, busy or gone: not an attempt, the message comes back

Any other exception of a business function counts as an attempt.
"""

from tsunagu.contracts.messages import DEAD_LETTER_REASON_BYTES

# SQS hides a message for 12 hours from its receive at most; before the delay, a batch may wait for 5 minutes and an
# invocation last 15. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
LONGEST_DELAY_SECONDS = 42_000


class MessageError(Exception):
    """Base of the errors that decide what happens to a message."""


class RetryableError(MessageError):
    """The message cannot be processed now, and may be later.

    Attributes:
        after_seconds: Delay before the next delivery, 0 to 42,000. Default: exponential back-off with full jitter.

    Raises:
        ValueError: The delay is out of range.
    """

    def __init__(self, message: str, *, after_seconds: float | None = None) -> None:
        if after_seconds is not None and not 0 <= after_seconds <= LONGEST_DELAY_SECONDS:
            msg = f"after_seconds must be between 0 and {LONGEST_DELAY_SECONDS:,}, got {after_seconds}"
            raise ValueError(msg)
        super().__init__(message)
        self.after_seconds = after_seconds


class PermanentError(MessageError):
    """The message can never be processed, however often it is delivered."""


class InvalidMessageError(PermanentError):
    """The message breaks its contract; the text says what was expected and what was got."""


class TaskLostError(PermanentError):
    """The Step Functions task of a heartbeat does not wait: it timed out, was stopped, has its outcome, or never was.

    Whatever is done from now on, nobody hears of its outcome.
    """


class LeaseLostError(MessageError):
    """Another worker owns the message by now; nothing was committed."""


class ConditionFailedError(MessageError):
    """The condition of a business function's own write did not hold; nothing was committed.

    The function may catch it and decide: a `PermanentError`, say, or nothing to do.
    """


class UnavailableError(MessageError):
    """A store or a channel did not take the call; what it would have changed is unchanged or will be recognised."""


class UnknownEventError(Exception):
    """The function was invoked with an event that it does not serve; nothing was processed."""


def bounded_reason(text: str) -> str:
    """Return `text` in printable characters, at most 1,024 bytes long."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable.encode()[:DEAD_LETTER_REASON_BYTES].decode(errors="ignore") or "no reason given"
