"""Message models: parse a JSON object into a dataclass, and name each violation in one sentence."""

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Union

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import JsonObject

ModelT = TypeVar("ModelT")
Reader = Callable[[str, Any], Any]

_PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "true or false", types.NoneType: "null"}
_SHOWN_CHARACTERS = 60
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
    reader = _dataclass_reader(model)
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


def _dataclass_reader(model: type) -> Reader:
    if not dataclasses.is_dataclass(model):
        msg = f"a message model must be a dataclass or have a class method from_json, got {model!r}"
        raise TypeError(msg)
    hints = typing.get_type_hints(model)
    fields = {field.name: field for field in dataclasses.fields(model) if field.init}
    readers = {name: _reader(f"{model.__name__}.{name}", hints[name]) for name in fields}
    required = {name for name, field in fields.items() if not _has_default(field)}

    def read(place: str, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _wrong(place, "an object", value)
        missing, unknown = sorted(required - value.keys()), sorted(value.keys() - fields.keys())
        if missing or unknown:
            msg = f"{place} must have the fields {sorted(fields)}, got {sorted(value)}"
            raise InvalidMessageError(msg)
        values = {name: readers[name](name, each) for name, each in value.items()}
        try:
            return model(**values)
        except ValueError as error:
            raise InvalidMessageError(str(error)) from None

    return read


def _reader(place: str, hint: Any) -> Reader:
    if hint in _PLAIN:
        return _plain_reader(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        return _union_reader([_reader(place, argument) for argument in arguments], hint)
    if origin is list and arguments:
        each = _reader(place, arguments[0])
        return lambda where, value: _list(where, value, each)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_reader(hint)
    msg = f"{place} must be a str, int, float, bool, None, list, dataclass or union of them, got {hint!r}"
    raise TypeError(msg)


def _plain_reader(kind: type) -> Reader:
    accepted: tuple[type, ...] = (int, float) if kind is float else (kind,)

    def read(place: str, value: Any) -> Any:
        if type(value) not in accepted:  # in Python, a bool is an int; here it is not a number
            raise _wrong(place, _PLAIN[kind], value)
        return kind(value) if kind is float else value

    return read


def _union_reader(readers: list[Reader], hint: Any) -> Reader:
    def read(place: str, value: Any) -> Any:
        for reader in readers:
            try:
                return reader(place, value)
            except InvalidMessageError:
                continue
        raise _wrong(place, str(hint), value)

    return read


def _list(place: str, value: Any, each: Reader) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(place, "a list", value)
    return [each(f"{place}[{index}]", item) for index, item in enumerate(value)]


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _wrong(place: str, expected: str, value: Any) -> InvalidMessageError:
    return InvalidMessageError(f"{place} must be {expected}, got {repr(value)[:_SHOWN_CHARACTERS]}")
