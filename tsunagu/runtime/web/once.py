"""The ASGI layer around an application: puts each HTTP request in hand, and settles it by its answer."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from tsunagu.contracts.web import IDEMPOTENCY_KEY_HEADER
from tsunagu.runtime.web.answers import SERVER_ERROR, Answer, problem
from tsunagu.runtime.web.callers import caller_of
from tsunagu.runtime.web.current import put_down, take
from tsunagu.runtime.web.http_request import HttpRequest
from tsunagu.runtime.web.request_items import RequestConfig, RequestPorts
from tsunagu.runtime.web.requests import RequestFacts

Scope = MutableMapping[str, Any]
AsgiMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]

_KEY_HEADER = IDEMPOTENCY_KEY_HEADER.encode()
FAILED = "the request could not be carried out"


class OnceRequests:
    """An ASGI application whose requests take effect once, where a route asks for it.

    The answer of any other route goes through as it comes.

    Args:
        application: The application.
        config: Names and numbers.
        ports: The services.
    """

    def __init__(self, application: AsgiApplication, config: RequestConfig, ports: RequestPorts) -> None:
        self._application = application
        self._config = config
        self._ports = ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application. What is no HTTP request goes through."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        body, held = b"", list[AsgiMessage]()
        if has_header(scope["headers"], _KEY_HEADER):  # the item of the request is made from its body, too
            body = await whole_body(receive)
            receive = receiving(body, receive)
        request = HttpRequest(lambda: _facts(scope, body), self._config, self._ports)

        async def hold_or_send(message: AsgiMessage) -> None:
            if request.is_held:
                held.append(message)
            else:
                request.is_answering = True
                await send(message)

        try:
            token = take(request)  # not `with`, which would cost as much as the rest of this layer
            try:
                await self._application(scope, receive, hold_or_send)
            finally:
                put_down(token)
            # An answer that began before a route asked for its outbox, which was refused then, is not held.
            answer = Answer.from_messages(held) if request.is_held and not request.is_answering else None
        except BaseException as error:
            await _send_failure(send, request, held, error)
            if request.is_refused and isinstance(error, Exception):
                return
            raise
        if answer is not None:
            await _send(send, request.answered(answer))


def _facts(scope: Scope, body: bytes) -> RequestFacts:
    context = scope.get("aws.context")
    return RequestFacts(
        method=scope["method"],
        path=scope["path"],
        query=scope.get("query_string", b""),
        headers=tuple((bytes(name).lower(), bytes(value)) for name, value in scope["headers"]),
        body=body,
        caller=caller_of(scope.get("aws.event")),
        remaining_ms=None if context is None else context.get_remaining_time_in_millis(),
    )


def has_header(headers: Sequence[Sequence[bytes]], name: bytes) -> bool:
    """Return whether there is a header of this name, which is in lower case."""
    length = len(name)
    for header, _ in headers:  # noqa: SIM110 - `any` takes twice as long, and each request comes here
        if len(header) == length and bytes(header).lower() == name:
            return True
    return False


async def whole_body(receive: Receive) -> bytes:
    """Return the body of a request."""
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(parts)


def receiving(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that begins with the whole body."""
    waiting: list[AsgiMessage] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> AsgiMessage:
        return waiting.pop() if waiting else await receive()

    return receive_again


async def _send_failure(send: Send, request: HttpRequest, held: Sequence[AsgiMessage], error: BaseException) -> None:
    """Settle a request whose application raised, and answer it. What was held may say that all is well: it is not."""
    answer = request.failed(error)
    if answer is None and request.is_held and not request.is_answering:
        is_failure = held and held[0].get("status", 0) >= SERVER_ERROR and not held[-1].get("more_body", False)
        answer = Answer.from_messages(held) if is_failure else problem(SERVER_ERROR, FAILED)
    if answer is not None and isinstance(error, Exception):
        await _send(send, answer)


async def _send(send: Send, answer: Answer) -> None:
    for message in answer.messages():
        await send(message)
