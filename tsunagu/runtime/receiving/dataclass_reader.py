"""Reads JSON objects into dataclasses, and names each violation in one sentence."""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Union

from tsunagu.runtime.errors import InvalidMessageError

Reader = Callable[[str, Any], Any]

_PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "true or false", types.NoneType: "null"}
_SHOWN_CHARACTERS = 60


def dataclass_reader(model: type) -> Reader:
    """Return the function that reads a `model`. It takes the place of the value in the message, and the value.

    Raises:
        TypeError: The class is not a dataclass, or a field has a type that cannot be read; the text names the field.
    """
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
        return dataclass_reader(hint)
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
