"""Message models: the class that a business function is annotated with, and the parser of it."""

import inspect
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from tsunagu.runtime.json_text import JsonObject

ModelT = TypeVar("ModelT")

_PARAMETERS = 2
_ABSENT = inspect.Parameter("absent", inspect.Parameter.POSITIONAL_ONLY)
_POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
_NOT_PLAIN: dict[str, Callable[[object], bool]] = {
    "a coroutine function": inspect.iscoroutinefunction,
    "a generator function": inspect.isgeneratorfunction,
    "an asynchronous generator function": inspect.isasyncgenfunction,
}


def parser(model: type[ModelT]) -> Callable[[JsonObject], ModelT]:
    """Return the function that parses a JSON object into a `model`.

    A model is a class with a class method `from_json`; or a dataclass. The fields of a dataclass are `str`, `int`,
    `float`, `bool`, `None`, lists of these, other such dataclasses, and unions.

    * A field with a default may be absent.
    * A JSON object with a field that the dataclass does not have is refused, because that is usually a mistake.
    * A dataclass refuses a value by a `ValueError` in its `__post_init__`.

    Raises:
        TypeError: The class is not a model; the text names the field. It is raised here, not at the first message.
    """
    own = getattr(model, "from_json", None)
    if callable(own):
        return typing.cast("Callable[[JsonObject], ModelT]", own)
    # A start pays for the reader of dataclasses only if it is used.
    from tsunagu.runtime.receiving.dataclass_reader import dataclass_reader  # noqa: PLC0415

    reader = dataclass_reader(model)
    return lambda body: typing.cast("ModelT", reader("the message", body))


def model_of(function: Callable[..., object], *, beside: type) -> type[Any]:
    """Return the model of a business function: the annotated class of its first parameter.

    Args:
        function: The business function.
        beside: Class of its second parameter.

    Raises:
        TypeError: It is not a plain function of two parameters, the first annotated with a class, and the second with
            `beside`.
    """
    name = getattr(function, "__name__", repr(function))
    kind = next((kind for kind, is_of in _NOT_PLAIN.items() if is_of(function)), None)
    if kind is not None:  # a call would only create it, and the message would be completed without its effect
        msg = f"{name} must be a plain function, got {kind}"
        raise TypeError(msg)
    parameters = [*inspect.signature(function).parameters.values()]
    hints = _hints(name, function)
    model, other = (hints.get(parameter.name) for parameter in (*parameters, _ABSENT, _ABSENT)[:_PARAMETERS])
    is_positional = all(parameter.kind in _POSITIONAL for parameter in parameters)
    takes_beside = not isinstance(other, type) or issubclass(beside, other)
    if not (isinstance(model, type) and len(parameters) == _PARAMETERS and is_positional and takes_beside):
        got = ", ".join(map(str, parameters))
        msg = f"{name} must take a message of an annotated class and a {beside.__name__}, got the parameters ({got})"
        raise TypeError(msg)
    return model


def _hints(name: str, function: Callable[..., object]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except NameError as error:
        msg = f"the annotations of {name} must be imported at run time too, got {error}"
        raise TypeError(msg) from None
