"""`MessageRouter`: a web application and the consumers of a queue, as one Lambda function."""

import importlib
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.environment import ReceiverEnvironment
    from tsunagu.contracts.items import KEY_SPACE_NAME
    from tsunagu.contracts.web import TYPE_NAME, WebEnvironment
    from tsunagu.runtime import telemetry
    from tsunagu.runtime.functions import wiring
    from tsunagu.runtime.functions.adapters import FunctionStart
    from tsunagu.runtime.functions.arguments import check_concurrency, check_switches, check_text, refuse_handler
    from tsunagu.runtime.idempotency.keys import BusinessKey, key_space
    from tsunagu.runtime.receiving.receiver import LambdaContext, Receiver
    from tsunagu.runtime.restore import before_snapshot
    from tsunagu.runtime.web.consumers import Consumers, TypedPayload
    from tsunagu.runtime.web.dispatcher import Dispatcher
    from tsunagu.runtime.web.request_items import RequestConfig, RequestPorts
    from tsunagu.runtime.web.sandbox_loop import SandboxLoop

if TYPE_CHECKING:
    from tsunagu.runtime.web.once import AsgiApplication

ConsumerT = TypeVar("ConsumerT", bound=Callable[..., Any])
LambdaHandler = Callable[[Any, LambdaContext], dict[str, Any]]


class MessageRouter:
    """Serves an ASGI application and the messages of a queue. `ApiAndQueueFunction` deploys the Lambda function.

    ```python
    from fastapi import FastAPI
    from tsunagu import Message, MessageRouter

    app = FastAPI()
    queue = MessageRouter(app, scope="orders")


    @queue.on("order.placed", key="order_id")
    async def place(order: OrderPlaced, message: Message, service: Annotated[Orders, Depends(orders)]) -> None:
        await service.place(order, message)


    handler = queue.handler()
    ```

    An HTTP event goes to the application, and a message of the queue to the consumer of its type. No event goes both
    ways, and one that is of neither raises `UnroutableEventError`.

    Args:
        app: The ASGI application; or where it is, as `"package.module:name"`. A function that serves its queue alone
            does not import it then. Default: there is none.
        scope: Name of the kind of message, 1 to 64 letters, digits, hyphens and underscores. It is in the items' ids,
            and the service's name in logs and metrics.
        type_name: Name of the message attribute that has the type of a message; or of the field of the body, where
            the message has no such attribute. Default: `type`.
        concurrency: How many messages of a batch run at the same time, 1 to 100; for standard queues. Default: one.
        group_commit: Whether the writes of several messages of a batch share a DynamoDB transaction. Default: they do.
        base_path: Path of the mapping of a custom domain, which the application does not know. Default: none.

    Raises:
        ValueError: The scope or the concurrency is out of range.
    """

    def __init__(
        self,
        app: Any = None,
        *,
        scope: str = "messages",
        type_name: str = TYPE_NAME,
        concurrency: int = 1,
        group_commit: bool = True,
        base_path: str = "/",
    ) -> None:
        check_text("scope", scope)
        check_text("type_name", type_name)
        if not KEY_SPACE_NAME.fullmatch(scope):
            msg = f"scope must be 1 to 64 letters, digits, hyphens and underscores, got {scope!r}"
            raise ValueError(msg)
        check_concurrency(concurrency)
        check_switches(group_commit=group_commit)
        self._app = app
        self._scope = scope
        self._concurrency = concurrency
        self._group_commit = group_commit
        self._base_path = base_path
        self._loop = SandboxLoop()
        self._consumers = Consumers(type_name, self._loop.run, self._overrides)
        self._dispatcher: Dispatcher | None = None

    def on(
        self, message_type: str, *, key: str | Callable[[Any], BusinessKey], strict: bool = False
    ) -> Callable[[ConsumerT], ConsumerT]:
        """Register the consumer of a type of message: a plain function or an `async def`. It stays what it is.

        Its first parameter is the message, of an annotated class; `receiving.model` says which classes can be read.
        Others are a `Message`, an `Outbox`, or what FastAPI's `Depends` names. What it returns is not used.

        Args:
            message_type: The type, such as `order.placed`.
            key: The business key: the name of a field of the message, or a function that takes the message.
            strict: Whether a message with fields that its dataclass does not have is dead-lettered. Default: the fields
                are ignored.

        Raises:
            TypeError: The function cannot be called with a message, its class cannot be read, or `key` names no field
                of type `str` or `int`.
            ValueError: The type is empty, or has a consumer already.
        """
        check_text("message_type", message_type)
        check_switches(strict=strict)

        def register(function: ConsumerT) -> ConsumerT:
            refuse_handler(function)
            self._consumers.add(message_type, function, key, strict=strict)
            return function

        return register

    @property
    def models(self) -> Mapping[str, type]:
        """The class of the messages of each type, for documents such as `tsunagu.contracts.async_api` makes."""
        return {name: consumer.plan.model for name, consumer in self._consumers.by_type.items()}

    def handler(self) -> LambdaHandler:
        """Return the Lambda handler. Call it once, at the end of the module that Lambda imports.

        It imports the application, unless the function serves its queue alone (`WebEnvironment.serves_api`). The first
        invocation reads the environment.
        """
        if os.environ.get(WebEnvironment.variable_name("serves_api")) != "false":
            with without_collection():
                self._application()

        def handle(event: Any, context: LambdaContext) -> dict[str, Any]:
            return self._handle(event, context)

        before_snapshot(self._make_before_snapshot)
        vars(handle)["start"] = FunctionStart("MessageRouter", self._scope, lambda: _Process(self._new_dispatcher()))
        return handle

    def asgi(self) -> "AsgiApplication":
        """Return the application for another server, such as uvicorn, which starts and stops it itself.

        Its requests take effect once there, too. Background tasks work there, and in Lambda they do not.
        """
        from tsunagu.runtime.web.once import OnceRequests  # noqa: PLC0415

        application = self._application()
        if application is None:
            msg = "a router must have an application to be served, got none"
            raise ValueError(msg)
        return OnceRequests(application, *self._requests(self._started()))

    def close(self) -> None:
        """Shut the application down, and close the event loop: for tests. Lambda does not say when a sandbox ends."""
        if self._dispatcher is not None:
            self._dispatcher.close()
        self._dispatcher = None

    def _handle(self, event: Any, context: LambdaContext) -> dict[str, Any]:
        if self._dispatcher is None:
            self._dispatcher = self._new_dispatcher()
        return self._dispatcher.handle(event, context)

    def _make_before_snapshot(self) -> None:
        self._dispatcher = self._new_dispatcher()
        self._dispatcher.prepare()

    def _new_dispatcher(self) -> Dispatcher:
        environment = self._started()
        consumes = environment.serves_queue and bool(self._consumers.by_type)
        return Dispatcher(
            self._application() if environment.serves_api else None,
            self._receiver if consumes else None,
            lambda: self._requests(environment),
            self._loop,
            is_threaded=self._concurrency > 1 and self._consumers.are_async,
            base_path=self._base_path,
        )

    def _started(self) -> WebEnvironment:
        with wiring.loud_start(self._scope):
            environment = WebEnvironment.from_environment(os.environ)
        function = next((each.function for each in self._consumers.by_type.values()), None)
        telemetry.configure(self._scope, function, log_tracebacks=environment.log_tracebacks)
        return environment

    @without_collection()
    def _receiver(self) -> Receiver[TypedPayload]:
        with wiring.loud_start(self._scope):
            environment = ReceiverEnvironment.from_environment(os.environ)
        consumers = self._consumers
        return Receiver(
            wiring.receiver_config(
                environment,
                key_space(self._scope, environment.queue_arn, environment.shared_keys),
                concurrency=self._concurrency,
                group_commit=self._group_commit,
                receiver=environment.shared_keys or environment.queue_arn,
            ),
            wiring.adapters().ports(environment, self._scope),
            parse=consumers.parse,
            key=consumers.key,
            process=wiring.without_blame(consumers.process),
            read=consumers.read,
        )

    @without_collection()
    def _requests(self, environment: WebEnvironment) -> tuple[RequestConfig, RequestPorts]:
        names = RequestConfig(
            scope=self._scope,
            window_seconds=environment.idempotency_window_seconds,
            timeout_seconds=environment.function_timeout_seconds,
            place=environment.web_place,
        )
        return names, wiring.adapters().request_ports(environment, self._scope)

    def _application(self) -> "AsgiApplication | None":
        if isinstance(self._app, str):
            self._app = _imported(self._app)
        application: AsgiApplication | None = self._app
        return application

    def _overrides(self) -> dict[Any, Any]:
        """Return FastAPI's `dependency_overrides` of the application, which tests set."""
        overrides: dict[Any, Any] = getattr(self._app, "dependency_overrides", {})
        return overrides


class _Process:
    """A process of the function, beside the one that `MessageRouter` keeps."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def receive(self, event: object, context: LambdaContext) -> dict[str, Any]:
        return self._dispatcher.handle(event, context)


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    if not module or not name:
        msg = f"app must be an ASGI application or 'package.module:name', got {place!r}"
        raise ValueError(msg)
    return getattr(importlib.import_module(module), name)
