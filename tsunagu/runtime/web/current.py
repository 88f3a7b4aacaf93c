"""What is in hand: the message of a consumer, or the HTTP request of a route. Dependencies ask here."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.web.http_request import HttpRequest
from tsunagu.runtime.web.requests import IdempotentRequest

InHand = Message | HttpRequest

_current: ContextVar[InHand | None] = ContextVar("_current", default=None)


@contextmanager
def taking(in_hand: InHand) -> Iterator[None]:
    """Make a message or an HTTP request the one in hand, as long as the block runs."""
    token = take(in_hand)
    try:
        yield
    finally:
        put_down(token)


def take(in_hand: InHand) -> Token[InHand | None]:
    """Make a message or an HTTP request the one in hand, until `put_down`."""
    return _current.set(in_hand)


def put_down(token: Token[InHand | None]) -> None:
    """Make what was in hand before the one in hand again."""
    _current.reset(token)


def current_outbox() -> Outbox:
    """Return the outbox of the message or the HTTP request in hand. It is a dependency of consumers and of routes.

    ```python
    @app.post("/orders", status_code=201)
    def create(order: NewOrder, outbox: Annotated[Outbox, Depends(current_outbox)]) -> Order: ...
    ```

    What it takes is sent when the message is completed, or the answer is stored. If the function raises, or the answer
    has a status of 400 or more, nothing is sent.

    Raises:
        MissingIdempotencyKeyError: The HTTP request has no `Idempotency-Key`. Nothing would deliver the request again,
            so a message could be lost.
        RequestNotOpenedError: The request is a repeated one, or cannot be opened. Its answer is ready: let it pass.
        RuntimeError: Nothing is in hand.
    """
    in_hand = _current.get()
    if isinstance(in_hand, Message):
        return in_hand.outbox
    return idempotent_request().outbox


def idempotent_request(caller: str | None = None) -> IdempotentRequest:
    """Return the HTTP request in hand, whose writes, messages and answer are committed together.

    As a dependency it takes no argument: `Depends(current_request)`. An application that knows its callers itself has a
    dependency of its own, which calls this function with the caller.

    Args:
        caller: Who has the key: another caller with the same key has another request. Default: whom the API's
            authorizer names; if there is none, all callers share their keys.

    Raises:
        MissingIdempotencyKeyError, RequestNotOpenedError, RuntimeError: As `current_outbox`.
    """
    in_hand = _current.get()
    if isinstance(in_hand, HttpRequest):
        return in_hand.open(caller)
    if in_hand is None:
        msg = "an outbox or a request must be asked for while a route or a consumer runs, got none in hand"
    else:
        msg = "a consumer must take a Message, because it has no HTTP request, got a call for the request"
    raise RuntimeError(msg)


def current_request() -> IdempotentRequest:
    """Return the HTTP request in hand, as a dependency of a route; see `idempotent_request`."""
    return idempotent_request()
