"""The dispatcher: an HTTP event goes to the application, and a batch of the queue to its consumers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tsunagu.runtime.errors import UnroutableEventError
from tsunagu.runtime.receiving.events import HTTP_KINDS, EventKind, described, kind_of
from tsunagu.runtime.receiving.receiver import LambdaContext, Receiver
from tsunagu.runtime.web.request_items import RequestConfig, RequestPorts
from tsunagu.runtime.web.sandbox_loop import SandboxLoop

if TYPE_CHECKING:
    from tsunagu.runtime.web.http_adapter import HttpAdapter
    from tsunagu.runtime.web.lifespan import Lifespan
    from tsunagu.runtime.web.once import AsgiApplication, OnceRequests

Requests = Callable[[], tuple[RequestConfig, RequestPorts]]


class Dispatcher:
    """Sends each event its own way. What an event needs is made when the first of its kind comes, and kept.

    Args:
        application: The ASGI application. None: the function answers no HTTP.
        receiver: Builds the receiver of the queue. None: the function consumes no queue.
        requests: Builds what requests that take effect once need.
        loop: The event loop.
        is_threaded: Whether several messages run at the same time and need the loop.
        base_path: Path of the mapping of a custom domain.
    """

    def __init__(
        self,
        application: "AsgiApplication | None",
        receiver: Callable[[], Receiver[Any]] | None,
        requests: Requests,
        loop: SandboxLoop,
        *,
        is_threaded: bool = False,
        base_path: str = "/",
    ) -> None:
        self._application = application
        self._build_receiver = receiver
        self._requests = requests
        self._loop = loop
        self._is_threaded = is_threaded
        self._base_path = base_path
        self._receiver: Receiver[Any] | None = None
        self._lifespan: Lifespan | None = None
        self._http: HttpAdapter | None = None
        self._once: OnceRequests | None = None

    def prepare(self) -> None:
        """Make what all sandboxes can have from one snapshot: the receiver, and what HTTP requests need.

        The application does not start, and there is no event loop: what it opens then belongs to one sandbox.
        """
        if self._build_receiver is not None:
            self._receiver = self._build_receiver()
        if self._application is not None:
            self._once = self._once_requests(self._application)

    def handle(self, event: Any, context: LambdaContext) -> dict[str, Any]:
        """Answer an HTTP request, or receive a batch of the queue.

        Raises:
            UnroutableEventError: The event is neither.
            ApplicationStartError: The application did not start.
        """
        kind = kind_of(event)
        if kind is EventKind.SQS and self._build_receiver is not None:
            self._receiver = self._receiver or self._build_receiver()
            return self._receive(self._receiver, event, context)
        if kind in HTTP_KINDS and self._application is not None:
            return self._answer(self._application, event, context)
        ways = ["HTTP"] * (self._application is not None) + ["its queue"] * (self._build_receiver is not None)
        msg = f"the function must be invoked by {' or '.join(ways) or 'nobody'}, got {described(event)}"
        raise UnroutableEventError(msg)

    def close(self) -> None:
        """Shut the application down, and close the event loop."""
        if self._lifespan is not None:
            self._loop.run(self._lifespan.stop())
        self._lifespan = self._http = None
        self._loop.close()

    def _receive(self, receiver: Receiver[Any], event: object, context: LambdaContext) -> dict[str, Any]:
        if self._application is not None:  # a consumer may use what the application has made at its start
            self._started(self._application)
        if self._is_threaded:
            return self._loop.run_beside(lambda: receiver.receive(event, context))
        return receiver.receive(event, context)

    def _answer(self, application: "AsgiApplication", event: Any, context: LambdaContext) -> dict[str, Any]:
        lifespan = self._started(application)
        if self._http is None:
            # A function that consumes its queue alone does not import Mangum.
            from tsunagu.runtime.web.http_adapter import HttpAdapter  # noqa: PLC0415

            once = self._once or self._once_requests(application)
            self._http = HttpAdapter(once, lifespan, base_path=self._base_path)
        return self._http.answer(event, context)

    def _once_requests(self, application: "AsgiApplication") -> "OnceRequests":
        from tsunagu.runtime.web.once import OnceRequests  # noqa: PLC0415 - as above

        return OnceRequests(application, *self._requests())

    def _started(self, application: "AsgiApplication") -> "Lifespan":
        """Start the application, once a sandbox; and anew if its start failed."""
        if self._lifespan is None:
            from tsunagu.runtime.web.lifespan import Lifespan  # noqa: PLC0415 - it imports asyncio

            lifespan = Lifespan(application)
            self._loop.run(lifespan.start())
            self._lifespan = lifespan
        return self._lifespan
