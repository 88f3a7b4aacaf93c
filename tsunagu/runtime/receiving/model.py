"""Message models: the class that a business function is annotated with, and the parser of it."""

import inspect
import typing
from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

from tsunagu.contracts.environment import EnvironmentContractError
from tsunagu.runtime.errors import InvalidMessageError, MessageError, UnavailableError
from tsunagu.runtime.idempotency.keys import BusinessKey
from tsunagu.runtime.json_text import JsonObject, json_text

ModelT = TypeVar("ModelT")
ArgumentT = TypeVar("ArgumentT")
ResultT = TypeVar("ResultT")

_PARAMETERS = 2
_ABSENT = inspect.Parameter("absent", inspect.Parameter.POSITIONAL_ONLY)
_POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
_NEEDED = {*_POSITIONAL, inspect.Parameter.KEYWORD_ONLY}
# Without an annotation, these would be given an object, and fail at each message.
_NAMES_OF_TEXT = {"s", "text", "string", "json_text", "json_str", "json_string"}
_SHOWN_VIOLATIONS = 5
_SHOWN_CHARACTERS = 400
_NOT_PLAIN: dict[str, Callable[[object], bool]] = {
    "a coroutine function": inspect.iscoroutinefunction,
    "a generator function": inspect.isgeneratorfunction,
    "an asynchronous generator function": inspect.isasyncgenfunction,
}


def parser(model: type[ModelT], *, strict: bool = False) -> Callable[[JsonObject], ModelT]:
    """Return the function that parses a JSON object into a `model`.

    A model is a class that reads itself (`own_reader`), or a dataclass. `docs/models.md` lists the types of its fields.

    * A field with a default may be absent.
    * A field that the dataclass does not have is ignored, because the sender may be newer than the receiver.
    * A dataclass refuses a value by a `ValueError` in its `__post_init__`.

    Whatever a reader raises makes the message an invalid one (`guarded`).

    Args:
        model: The class.
        strict: Whether fields that the dataclass does not have, or a dataclass in it, are refused. Default: they are
            ignored.

    Raises:
        TypeError: The class is not a model; the text names the field. It is raised here, not at the first message.
    """
    own = own_reader(model)
    if own is not None:
        if strict:
            msg = f"strict must be left out for {model.__name__}, because the class itself says which fields it takes"
            raise TypeError(msg)
        return own
    # A start pays for the reader of dataclasses only if it is used.
    from tsunagu.runtime.receiving.dataclass_reader import dataclass_reader  # noqa: PLC0415

    read = dataclass_reader(model, own_reader=own_reader, guarded=guarded, strict=strict)
    return guarded(f"{model.__name__} must be read from the message", read)


def own_reader(model: type) -> Callable[[Any], Any] | None:
    """Return the reader of a class that reads itself; None for any other class.

    It is the class method `from_json`, of one JSON object, or of JSON text if its parameter is annotated with `str` or
    `bytes` (as that of dataclasses-json); or the class method `model_validate` of a pydantic model.

    Raises:
        TypeError: `from_json` cannot be called with one JSON object or text.
    """
    own = getattr(model, "from_json", None)
    if callable(own):
        name = f"{model.__name__}.from_json"
        return guarded(f"{name} must read the message", _taking_json(name, own))
    own = getattr(model, "model_validate", None)
    return guarded(f"{model.__name__} must be read from the message", own) if callable(own) else None


def guarded(expectation: str, read: Callable[[ArgumentT], ResultT]) -> Callable[[ArgumentT], ResultT]:
    """Return `read`, such that whatever it raises makes the message an invalid one: no retry helps.

    Errors that decide (`runtime.errors`) keep their meaning. A wrong environment is not the fault of the message.

    Args:
        expectation: What must hold, for the error. The error has the type of the exception, and not its text, which
            may have values of the message.
        read: Reads something of a message.
    """

    def guarded_read(argument: ArgumentT) -> ResultT:
        try:
            return read(argument)
        except (MessageError, MemoryError, KeyboardInterrupt):
            raise
        except EnvironmentContractError as error:
            msg = f"the environment of the function is wrong: {error}"
            raise UnavailableError(msg) from error
        except BaseException as error:  # also a `SystemExit`: what ends the process would meet the whole batch again
            msg = f"{expectation}, got {type(error).__name__}{_violations(error)}"
            raise InvalidMessageError(msg, expectation=msg) from error

    return guarded_read


def model_of(function: Callable[..., object], *, beside: type) -> type[Any]:
    """Return the model of a business function: the annotated class of its first parameter.

    Args:
        function: The business function.
        beside: Class of its second parameter.

    Raises:
        TypeError: It is not a plain function of two parameters, the first annotated with a class, and the second with
            `beside`.
    """
    name = check_plain(function)
    parameters = [*inspect.signature(function).parameters.values()]
    hints = hints_of(name, function)
    model, other = (hints.get(parameter.name) for parameter in (*parameters, _ABSENT, _ABSENT)[:_PARAMETERS])
    is_positional = all(parameter.kind in _POSITIONAL for parameter in parameters)
    takes_beside = not isinstance(other, type) or issubclass(beside, other)
    if not (isinstance(model, type) and len(parameters) == _PARAMETERS and is_positional and takes_beside):
        got = ", ".join(map(str, parameters))
        msg = f"{name} must take a message of an annotated class and a {beside.__name__}, got the parameters ({got})"
        raise TypeError(msg)
    return model


def check_plain(function: Callable[..., object]) -> str:
    """Return the name of a business function.

    Raises:
        TypeError: It is not a plain function. A call would only create a coroutine or a generator, and the message
            would be completed without its effect.
    """
    name = getattr(function, "__name__", repr(function))
    kind = _not_plain(function)
    if kind is not None:
        msg = f"{name} must be a plain function, got {kind}"
        raise TypeError(msg)
    return name


def key_function(model: type[ModelT], key: str | Callable[[ModelT], BusinessKey]) -> Callable[[ModelT], BusinessKey]:
    """Return the function that reads the business key of a message.

    Args:
        model: Class of the message.
        key: Name of a field of it, or a function that takes the message.

    Raises:
        TypeError: It has no field of that name, or one that is neither a `str` nor an `int`.
    """
    if callable(key):
        return guarded("the business key must be read from the message", key)
    kind: Any = hints_of(model.__name__, model).get(key)
    while hasattr(kind, "__supertype__"):  # of a NewType
        kind = kind.__supertype__
    if kind not in {str, int}:
        msg = f"key must be a str or int field of {model.__name__}, or a function of it, got {key!r}"
        raise TypeError(msg)
    return guarded("the business key must be read from the message", attrgetter(key))


def hints_of(name: str, annotated: Any) -> dict[str, Any]:
    """Return the annotations of a function or a class, by name.

    Raises:
        TypeError: A name in them is not imported at run time.
    """
    try:
        return typing.get_type_hints(annotated)
    except NameError as error:
        msg = f"the annotations of {name} must be imported at run time too, got {error}"
        raise TypeError(msg) from None


def _taking_json(name: str, own: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return `own` as a function of a JSON value, whether it takes the value or its text."""
    parameters = [*inspect.signature(own).parameters.values()]
    needed = [each for each in parameters if each.default is each.empty and each.kind in _NEEDED]
    kind = _not_plain(own)
    if kind is not None or not parameters or parameters[0].kind not in _POSITIONAL or len(needed) > 1:
        got = kind or f"the parameters ({', '.join(map(str, parameters))})"
        msg = f"{name} must be a class method that takes one JSON object, got {got}"
        raise TypeError(msg)
    first = parameters[0]
    if first.annotation is first.empty and first.name in _NAMES_OF_TEXT:
        msg = f"{first.name} of {name} must be annotated: with str for JSON text, with JsonObject for the object"
        raise TypeError(msg)
    annotation = _annotation(own, first)
    kinds = set(typing.get_args(annotation) or [annotation])
    if not kinds <= {str, bytes, bytearray}:
        return own
    return lambda value: own(json_text(value) if str in kinds else json_text(value).encode())


def _annotation(own: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Return the annotation of one parameter. Those of the others may be names that only a type checker knows."""

    def stub() -> None:
        pass

    stub.__annotations__ = {"it": parameter.annotation}
    try:
        return typing.get_type_hints(stub, globalns=getattr(own, "__globals__", {})).get("it")
    except NameError:
        return None


def _not_plain(function: Callable[..., object]) -> str | None:
    return next((kind for kind, is_of in _NOT_PLAIN.items() if is_of(function)), None)


def _violations(error: BaseException) -> str:
    """Return place and kind of the violations that pydantic found, but no value."""
    try:
        found = error.errors(include_input=False, include_url=False)  # type: ignore[attr-defined]
        shown = [f"{'.'.join(map(str, each['loc']))} {each['type']}" for each in found[:_SHOWN_VIOLATIONS]]
    except Exception:  # noqa: BLE001 - most exceptions have no such method, and that of others may raise
        return ""
    return f" ({', '.join(shown)})"[:_SHOWN_CHARACTERS]
