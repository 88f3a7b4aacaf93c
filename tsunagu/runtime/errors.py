"""Errors that decide what happens to a message.

* MessageError
    + RetryableError       counts as an attempt; SQS delivers the message again, later
    + PermanentError       the message goes to the dead-letter queue at once, with the reason
        + InvalidMessageError    the message breaks its contract
        + TaskLostError          the Step Functions task does not wait any more
    + LeaseLostError       another worker owns the message: nothing is committed, and it is not acknowledged
    + ConditionFailedError the condition of a write did not hold; counts as an attempt
    + UnfinishedWorkError  a function returned a coroutine, an iterator or another promise of work; counts as an attempt
    + UnavailableError     a service cannot be used now; not an attempt, SQS delivers the message again, later

Any other exception of a business function counts as an attempt, also one that is no `Exception`, such as
`GeneratorExit` or asyncio's `CancelledError`. Only `KeyboardInterrupt` and `SystemExit` end the process.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import cast

from tsunagu.contracts.messages import DEAD_LETTER_REASON_BYTES

# SQS hides a message for at most 12 hours after it was received. Before the delay begins, a batch may wait for
# 5 minutes, and an invocation take 15. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
LONGEST_DELAY_SECONDS = 42_000

TYPE_CHARACTERS = 100

# Each of them does nothing before somebody awaits it or iterates over it; or nobody waits for what it does.
_PROMISES = (CoroutineType, GeneratorType, AsyncGeneratorType, Iterator, Future)
_CONTAINERS = (list, tuple, set, frozenset)


class MessageError(Exception):
    """Base of the errors that decide what happens to a message."""


class RetryableError(MessageError):
    """The message cannot be processed now, but perhaps later.

    Attributes:
        after_seconds: Seconds until the next delivery, 0 to 42,000. Default: exponential back-off with full jitter.

    Raises:
        ValueError: The delay is out of range.
    """

    def __init__(self, message: str, *, after_seconds: float | None = None) -> None:
        _check_delay(after_seconds)
        super().__init__(message)
        self.after_seconds = after_seconds


class PermanentError(MessageError):
    """The message cannot be processed, however often it is delivered."""


class InvalidMessageError(PermanentError):
    """The message breaks its contract. The text says what was expected, and what was got.

    Attributes:
        expectation: What was expected, without a value of the message. Empty: only the text says it.
    """

    def __init__(self, text: str = "", *, expectation: str = "") -> None:
        super().__init__(text)
        self.expectation = expectation


class TaskLostError(PermanentError):
    """The Step Functions task of a heartbeat does not wait: it timed out, was stopped, has ended, or never existed.

    Nobody receives the outcome of further work.
    """


class LeaseLostError(MessageError):
    """Another worker owns the message now; nothing was committed."""


class ConditionFailedError(MessageError):
    """The condition of a write of the business function did not hold; nothing was committed.

    The function may catch it and decide what it means: to raise a `PermanentError`, for example, or to do nothing.
    """


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call of an AWS service that failed.

    Attributes:
        operation: What was called, by the name that IAM has for it, such as `dynamodb:PutItem`.
        resource: Name of the table, queue, topic, bucket or key; several tables with commas between them.
        code: Error code of the service, or class name of an error of the SDK.
        is_configuration_fault: Whether no retry mends it, because a permission is missing, a name or a key schema is
            wrong, or a resource was deleted or disabled.
        is_missing: Whether the service says that the resource does not exist.
    """

    operation: str
    resource: str
    code: str
    is_configuration_fault: bool = False
    is_missing: bool = False

    def __str__(self) -> str:
        """Return the call and its error, such as `dynamodb:PutItem on orders: AccessDeniedException`."""
        return f"{self.operation} on {self.resource}: {self.code}"


class UnavailableError(MessageError):
    """A service that the message needs cannot be used now: it throttles, does not answer, or is configured wrongly.

    It is not an attempt, so the message is not dead-lettered for it, however long it takes. The item keeps the text as
    its reason. The call may have been applied. If it was, the next try finds that out.

    Attributes:
        after_seconds: Seconds until the next delivery, 0 to 42,000. Default: until the visibility time-out of the
            message ends; after a hundred deliveries, 15 minutes or six time-outs of the function, whichever is longer.
        call: The call of AWS that failed. None: the error is about something else.

    Raises:
        ValueError: The delay is out of range.
    """

    def __init__(self, message: str, *, after_seconds: float | None = None, call: FailedCall | None = None) -> None:
        _check_delay(after_seconds)
        super().__init__(message)
        self.after_seconds = after_seconds
        self.call = call


class UnfinishedWorkError(MessageError):
    """A function returned work that nobody does: a coroutine, a generator, or something else that is to be awaited."""


class UnroutableEventError(Exception):
    """The function was invoked with an event that is not meant for it; nothing was processed."""


def _check_delay(seconds: float | None) -> None:
    if seconds is not None and not 0 <= seconds <= LONGEST_DELAY_SECONDS:
        msg = f"after_seconds must be between 0 and {LONGEST_DELAY_SECONDS:,}, got {seconds}"
        raise ValueError(msg)


def refuse_unfinished(name: str, returned: object) -> None:
    """Refuse what a function returned, if the work of the function is still to be done.

    A plain function may return a coroutine, and a call of an `async def` does: its effect would never happen, and its
    message would be acknowledged. A coroutine is closed, so that Python does not warn that it was never awaited.

    Args:
        name: Name of the function in the sentence of the error.
        returned: What it returned.

    Raises:
        UnfinishedWorkError: It is a coroutine, a generator or another iterator, a future or another awaitable; or a
            list, a tuple, a set or a dict with one of them.
    """
    promises = [each for each in (returned, *_parts(returned)) if _is_promise(type(each))]
    for promise in promises:
        if isinstance(promise, CoroutineType | GeneratorType):
            with suppress(Exception):  # the `finally` of a generator that was begun
                promise.close()
    if promises:
        kind = type(promises[0]).__name__[:TYPE_CHARACTERS]
        msg = f"{name} must do its work before it returns, got a {kind}, which does it later"
        raise UnfinishedWorkError(msg)


def _parts(returned: object) -> Iterable[object]:
    kind = type(returned)
    if kind is dict:
        return cast("dict[object, object]", returned).values()
    return cast("Iterable[object]", returned) if kind in _CONTAINERS else ()


def _is_promise(kind: type) -> bool:
    return issubclass(kind, _PROMISES) or hasattr(kind, "__await__")


def delay_of(error: BaseException) -> float | None:
    """Return the `after_seconds` of an error, or None where it has none that can be used.

    A subclass may have left it out, or set it later: to text, to NaN, or out of range. Nothing is raised for it:
    the message comes back after the default delay.
    """
    seconds = _read(error, "after_seconds")
    # A comparison with NaN is false.
    is_usable = type(seconds) in {int, float} and 0 <= cast("float", seconds) <= LONGEST_DELAY_SECONDS
    return cast("float", seconds) if is_usable else None


def call_of(error: BaseException) -> FailedCall | None:
    """Return the call of AWS that an error is about, or None where it has none. Nothing is raised, as by `delay_of`."""
    call = _read(error, "call")
    return call if type(call) is FailedCall else None


def _read(error: BaseException, name: str) -> object:
    try:
        return getattr(error, name, None)
    except BaseException:  # noqa: BLE001 - it may be a property of the business function
        return None


def error_type(error: BaseException) -> str:
    """Return the name of an error's class, at most 100 printable characters. Nothing is raised."""
    return _printable(str(type.__dict__["__name__"].__get__(type(error))), TYPE_CHARACTERS)


def error_text(error: BaseException) -> str:
    """Return the text of an error, at most 1,024 printable characters. It is empty where there is none.

    Nothing is raised, whatever class the error has: its `__str__` may raise, or return half a surrogate pair.
    """
    try:
        text = str.__str__(str(error))  # `str` may return a subclass, whose methods may do anything
    except BaseException as raised:  # noqa: BLE001 - an error of a business function may do anything
        return f"its text cannot be read: {error_type(raised)}"
    return _printable(text, DEAD_LETTER_REASON_BYTES)


def described(error: BaseException) -> str:
    """Return the type and the text of an error; of a `MessageError` the text alone. Nothing is raised."""
    name, text = error_type(error), error_text(error)
    if issubclass(type(error), MessageError):
        return text or name
    return f"{name}: {text}" if text else name


def published(error: BaseException) -> str:
    """Return what others may read of an error: the text of a `MessageError`, the type of any other. Nothing is raised.

    The author of a `MessageError` chose its text for the reader of a dead letter. Any other text may quote the message,
    or name what only its owner should see.
    """
    return described(error) if issubclass(type(error), MessageError) else error_type(error)


def bounded_reason(text: str) -> str:
    """Return `text` with `?` for characters that cannot be printed, cut to 1,024 bytes."""
    printable = _printable(text, DEAD_LETTER_REASON_BYTES)
    return printable.encode()[:DEAD_LETTER_REASON_BYTES].decode(errors="ignore") or "no reason given"


def _printable(text: str, characters: int) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:characters])
