"""What a consumer is called with: its message, its outbox, and the dependencies that FastAPI's `Depends` names.

FastAPI itself is not needed, and not imported: a parameter can have a `Depends` only where its module has imported it.
"""

import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from tsunagu.runtime.errors import refuse_unfinished
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.web.background import REASON

Overrides = Mapping[Callable[..., Any], Callable[..., Any]]


class Given(Enum):
    """What a parameter gets that is no dependency."""

    PAYLOAD = auto()
    MESSAGE = auto()
    OUTBOX = auto()


class Kind(Enum):
    """How a function is called."""

    PLAIN = auto()
    COROUTINE = auto()
    GENERATOR = auto()
    ASYNC_GENERATOR = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """One call: of a dependency, or of the consumer itself.

    Attributes:
        function: What is called.
        kind: How.
        arguments: What each parameter gets: something given, or the result of an earlier step, by its number.
    """

    function: Callable[..., Any]
    kind: Kind
    arguments: Mapping[str, Given | int]


class Plan:
    """The calls of a consumer, dependencies first. A dependency is called once for each message, as for a request.

    Dependencies with `yield` end after the consumer, before anything is committed: what they raise then fails the
    message.

    Args:
        consumer: The consumer.
        overrides: What takes the place of dependencies, in tests. Default: nothing.

    Attributes:
        model: Class of the message.
        is_async: Whether the calls need an event loop.

    Raises:
        TypeError: A parameter of the consumer or of a dependency gets nothing without an HTTP request.
    """

    def __init__(self, consumer: Callable[..., Any], overrides: Overrides | None = None) -> None:
        self._overrides = overrides or {}
        self._steps: list[Step] = []
        self._known: dict[Callable[..., Any], int] = {}
        self.model = self._add_consumer(consumer)
        self.is_async = any(step.kind in {Kind.COROUTINE, Kind.ASYNC_GENERATOR} for step in self._steps)

    def call(self, payload: object, message: Message) -> object:
        """Call the consumer, where no call needs an event loop; return what it returns."""
        given = {Given.PAYLOAD: payload, Given.MESSAGE: message, Given.OUTBOX: message.outbox}
        results: list[Any] = []
        with ExitStack() as open_dependencies:
            for step in self._steps:
                arguments = _arguments(step, given, results)
                if step.kind is Kind.GENERATOR:
                    result = open_dependencies.enter_context(contextmanager(step.function)(**arguments))
                else:
                    result = step.function(**arguments)
                    refuse_unfinished(_name(step.function), result)
                results.append(result)
        return results[-1]

    async def call_async(self, payload: object, message: Message) -> object:
        """Call the consumer in an event loop; return what it returns."""
        given = {Given.PAYLOAD: payload, Given.MESSAGE: message, Given.OUTBOX: message.outbox}
        results: list[Any] = []
        async with AsyncExitStack() as open_dependencies:
            for step in self._steps:
                arguments = _arguments(step, given, results)
                if step.kind is Kind.GENERATOR:
                    result = open_dependencies.enter_context(contextmanager(step.function)(**arguments))
                elif step.kind is Kind.ASYNC_GENERATOR:
                    opened = asynccontextmanager(step.function)(**arguments)
                    result = await open_dependencies.enter_async_context(opened)
                else:
                    result = step.function(**arguments)
                    result = await result if step.kind is Kind.COROUTINE else result
                    refuse_unfinished(_name(step.function), result)
                results.append(result)
        return results[-1]

    def _add_consumer(self, consumer: Callable[..., Any]) -> type[Any]:
        kind = _kind(consumer)
        if kind in {Kind.GENERATOR, Kind.ASYNC_GENERATOR}:  # a call would do nothing
            msg = f"{_name(consumer)} must be a plain function or an async def, got a generator function"
            raise TypeError(msg)
        parameters = _parameters(consumer)
        first = parameters[0] if parameters else None
        not_a_model = {inspect.Parameter.empty, Message, Outbox}
        if first is None or not isinstance(first.annotation, type) or first.annotation in not_a_model:
            msg = f"the first parameter of {_name(consumer)} must be a message of an annotated class, got another one"
            raise TypeError(msg)
        arguments: dict[str, Given | int] = {first.name: Given.PAYLOAD}
        arguments |= self._arguments(consumer, parameters[1:])
        self._steps.append(Step(consumer, kind, arguments))
        return first.annotation

    def _add(self, dependency: Callable[..., Any], *, use_cache: bool, above: tuple[Callable[..., Any], ...]) -> int:
        function = self._overrides.get(dependency, dependency)
        if use_cache and dependency in self._known:
            return self._known[dependency]
        if dependency in above:
            msg = f"{_name(dependency)} must not depend on itself"
            raise TypeError(msg)
        arguments = self._arguments(function, _parameters(function), (*above, dependency))
        self._steps.append(Step(function, _kind(function), arguments))
        self._known[dependency] = len(self._steps) - 1
        return self._known[dependency]

    def _arguments(
        self,
        function: Callable[..., Any],
        parameters: list[inspect.Parameter],
        above: tuple[Callable[..., Any], ...] = (),
    ) -> dict[str, Given | int]:
        arguments: dict[str, Given | int] = {}
        for parameter in parameters:
            annotated, markers = _unwrapped(parameter)
            marker = next((each for each in markers if _is_marker(each)), None)
            if marker is not None:
                dependency = _dependency(function, parameter, marker) or annotated
                arguments[parameter.name] = self._add(dependency, use_cache=marker.use_cache, above=above)
            elif annotated is Message:
                arguments[parameter.name] = Given.MESSAGE
            elif annotated is Outbox:
                arguments[parameter.name] = Given.OUTBOX
            else:
                _check_left_out(function, parameter, annotated, markers)
        return arguments


def _arguments(step: Step, given: Mapping[Given, object], results: list[Any]) -> dict[str, object]:
    return {
        name: results[source] if isinstance(source, int) else given[source] for name, source in step.arguments.items()
    }


def _kind(function: Callable[..., Any]) -> Kind:
    called = function if inspect.isroutine(function) or inspect.isclass(function) else _called(function)
    if inspect.isasyncgenfunction(called):
        return Kind.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(called):
        return Kind.GENERATOR
    return Kind.COROUTINE if inspect.iscoroutinefunction(called) else Kind.PLAIN


def _called(function: Any) -> Any:
    """Return the function that a call of an object runs, and whose annotations count."""
    while hasattr(function, "func"):  # a `functools.partial`
        function = function.func
    if inspect.isclass(function):
        return function.__init__
    return function if inspect.isroutine(function) else type(function).__call__


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a function, with annotations that are objects and no text.

    Raises:
        TypeError: A name in the annotations is not imported at run time; or it takes any number of arguments.
    """
    parameters = [*inspect.signature(function).parameters.values()]
    any_number = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY}
    if any(parameter.kind in any_number for parameter in parameters):
        msg = f"{_name(function)} must take arguments by name, got the parameters ({', '.join(map(str, parameters))})"
        raise TypeError(msg)
    try:
        hints = typing.get_type_hints(_called(function), include_extras=True)
    except NameError as error:
        msg = f"the annotations of {_name(function)} must be imported at run time too, got {error}"
        raise TypeError(msg) from None
    return [parameter.replace(annotation=hints.get(parameter.name, parameter.empty)) for parameter in parameters]


def _unwrapped(parameter: inspect.Parameter) -> tuple[Any, list[Any]]:
    """Return the type of a parameter; and what is beside it in `Annotated`, and its default."""
    default = [] if parameter.default is parameter.empty else [parameter.default]
    if typing.get_origin(parameter.annotation) is typing.Annotated:
        annotated, *beside = typing.get_args(parameter.annotation)
        return annotated, [*default, *reversed(beside)]
    return parameter.annotation, default


def _is_marker(value: object) -> bool:
    params = sys.modules.get("fastapi.params")
    return params is not None and isinstance(value, params.Depends)


def _dependency(function: Callable[..., Any], parameter: inspect.Parameter, marker: Any) -> Callable[..., Any] | None:
    if getattr(marker, "scopes", None) is not None:
        msg = f"{parameter.name} of {_name(function)} must be no Security, because a message has no caller, got one"
        raise TypeError(msg)
    dependency: Callable[..., Any] | None = marker.dependency
    return dependency


def _check_left_out(
    function: Callable[..., Any], parameter: inspect.Parameter, annotated: Any, markers: list[Any]
) -> None:
    """Refuse a parameter that FastAPI would fill from an HTTP request. One with a default keeps it."""
    name = f"{parameter.name} of {_name(function)}"
    kinds = [annotated, *map(type, markers)]
    if any(getattr(kind, "__name__", "") == "BackgroundTasks" for kind in kinds):
        msg = f"{name}: {REASON}"
        raise TypeError(msg)
    is_of_web = any(str(getattr(kind, "__module__", "")).startswith(("fastapi.", "starlette.")) for kind in kinds)
    if is_of_web or parameter.default is parameter.empty:
        msg = (
            f"{name} must be a Message, an Outbox or a Depends, because a message has no HTTP request, got another one"
        )
        raise TypeError(msg)


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
