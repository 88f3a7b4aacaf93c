"""Reads JSON objects into dataclasses, and names each violation in one sentence.

Readers are built once, at import, from the annotations of the fields. What cannot be read is found there.
"""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Union
from uuid import UUID

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import ExactFloat, is_of_moderate_size

# What unions have read, by reader and value: (whether it fits, what it became). So a nested union is read once.
Memo = dict[tuple[int, int], tuple[bool, Any]]
# Takes the place of a value in the message, empty for the message itself; the value; and the memo of this message.
Reader = Callable[[str, Any, Memo], Any]
Guarded = Callable[[str, Callable[[Any], Any]], Callable[[Any], Any]]
OwnReader = Callable[[type], Callable[[Any], Any] | None]

_PLAIN = {str: "text", int: "a whole number", bool: "true or false", types.NoneType: "null"}
_NUMBERS = (int, float, ExactFloat)  # in Python, a bool is an int; here it is not a number
_LISTS = (list, Sequence)
_MAPPINGS = (dict, Mapping, MutableMapping)
_ANYTHING = (Any, object)
_BARE: dict[Any, Any] = {list: list[Any], tuple: tuple[Any, ...], dict: dict[str, Any]}
_READABLE = (
    "must be a str, int, float, bool, None, list, tuple, dict of str, date, datetime, time, UUID, Decimal, Enum, "
    "Literal, Any, dataclass, class with from_json or model_validate, or union of them"
)
_SHOWN_CHARACTERS = 60

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_TEXTS: dict[Any, tuple[str, re.Pattern[str], Callable[[str], Any]]] = {
    date: ("a date such as 2026-01-31", re.compile(_DATE), date.fromisoformat),
    datetime: ("a time such as 2026-01-31T09:30:00Z", re.compile(f"{_DATE}[T ]{_TIME}"), datetime.fromisoformat),
    time: ("a time of day such as 09:30:00", re.compile(_TIME), time.fromisoformat),
    UUID: ("a UUID", re.compile("[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"), UUID),
}


def dataclass_reader(
    model: type, *, own_reader: OwnReader, guarded: Guarded, strict: bool = False
) -> Callable[[Any], Any]:
    """Return the function that reads a `model`.

    Args:
        model: The dataclass.
        own_reader: Returns the reader of a class that reads itself; None for any other class.
        guarded: Turns the exceptions of a function into an `InvalidMessageError`.
        strict: Whether fields that a dataclass does not have are refused. Default: they are ignored.

    Raises:
        TypeError: The class is not a dataclass, or a field has a type that cannot be read; the text names the field.
    """
    if not dataclasses.is_dataclass(model):
        msg = f"a message model must be a dataclass or have a class method from_json or model_validate, got {model!r}"
        raise TypeError(msg)
    reader = _Builder(own_reader, guarded, strict=strict).of(model.__name__, model)
    return lambda body: reader("", body, {})


class _Builder:
    """Builds readers of types. Those of dataclasses are built once, because a dataclass may contain itself."""

    def __init__(self, own_reader: OwnReader, guarded: Guarded, *, strict: bool) -> None:
        self._own_reader = own_reader
        self._guarded = guarded
        self._strict = strict
        self._readers: dict[Any, Reader] = {}
        self._strict_builder = self if strict else _Builder(own_reader, guarded, strict=True)

    def of(self, place: str, hint: Any) -> Reader:
        """Return the reader of a type.

        Args:
            place: The field that has the type, for the error: `Order.lines[].price`.
            hint: The type, as an annotation resolves.

        Raises:
            TypeError: The type cannot be read.
        """
        hint = bare_type(hint)
        origin = typing.get_origin(hint)
        if origin is None:
            return self._of_plain(place, hint)
        return self._of_generic(place, hint, origin, typing.get_args(hint))

    def _of_plain(self, place: str, hint: Any) -> Reader:
        if hint in _SCALARS:
            return _SCALARS[hint]
        if hint in _ANYTHING:
            return lambda _place, value, _memo: value
        if hint in _BARE:
            return self.of(place, _BARE[hint])
        if isinstance(hint, type):
            return self._of_class(place, hint)
        if hasattr(hint, "__value__"):  # `type Name = ...`
            return self._once(hint, lambda: self.of(place, hint.__value__))
        raise _unreadable(place, hint)

    def _of_class(self, place: str, hint: type) -> Reader:
        if issubclass(hint, Enum):
            return _one_of(place, hint, {_key(place, hint, each.value): each for each in hint}, hint)
        own = self._own_reader(hint)
        if own is not None:
            return lambda _place, value, _memo: own(value)
        if dataclasses.is_dataclass(hint):
            return self._once(hint, lambda: self._dataclass(place, hint))
        raise _unreadable(place, hint)

    def _of_generic(self, place: str, hint: Any, origin: Any, arguments: tuple[Any, ...]) -> Reader:
        if origin in {Union, types.UnionType}:
            return self._union(place, hint, arguments)
        if origin is Literal:
            values = {_key(place, hint, each.value if isinstance(each, Enum) else each): each for each in arguments}
            return _one_of(place, hint, values)
        if origin in _LISTS:
            return _list(self.of(f"{place}[]", arguments[0]))
        if origin in _MAPPINGS and bare_type(arguments[0]) is str:
            return _dict(self.of(f"{place}[]", arguments[1]))
        if origin is tuple and len(arguments) == 2 and arguments[1] is ...:  # noqa: PLR2004 - tuple[X, ...]
            items = _list(self.of(f"{place}[]", arguments[0]))
            return lambda where, value, memo: tuple(items(where, value, memo))
        if origin is tuple:
            return _tuple([self.of(f"{place}[{index}]", each) for index, each in enumerate(arguments)])
        raise _unreadable(place, hint)

    def _once(self, hint: Any, build: Callable[[], Reader]) -> Reader:
        """Return the reader of a type that may contain itself."""
        if hint not in self._readers:

            def built_later(place: str, value: Any, memo: Memo) -> Any:
                return self._readers[hint](place, value, memo)

            self._readers[hint] = built_later
            self._readers[hint] = build()
        return self._readers[hint]

    def _union(self, place: str, hint: Any, arguments: tuple[Any, ...]) -> Reader:
        """Return the reader of the first type that fits.

        A value may fit several objects, if unknown fields are ignored. So one that has all of its fields goes first.
        """
        readers = [self.of(place, argument) for argument in arguments]
        structured = [reader for reader, argument in zip(readers, arguments, strict=True) if not _is_scalar(argument)]
        if len(structured) <= 1:
            return _first(readers, hint, structured)
        if not self._strict:
            readers = [*(self._strict_builder.of(place, argument) for argument in arguments), *readers]
        return _remembered(_first(readers, hint, ()))

    def _dataclass(self, place: str, model: Any) -> Reader:
        hints = _hints(model)
        fields = {field.name: field for field in dataclasses.fields(model) if field.init}
        _check_constructor(place, model, set(fields))
        readers = {name: self.of(f"{place}.{name}", hints[name]) for name in fields}
        required = {name for name, field in fields.items() if not _has_default(field)}
        strict = self._strict

        def construct(values: dict[str, Any]) -> Any:
            try:
                return model(**values)
            except ValueError as error:
                if hasattr(error, "errors"):  # of pydantic: its text has the values
                    raise
                raise InvalidMessageError(str(error)) from None

        make = self._guarded(f"{model.__name__} must take the values of the message", construct)

        def read(place: str, value: Any, memo: Memo) -> Any:
            if not isinstance(value, dict):
                raise _wrong(place, "an object", value)
            unknown = value.keys() - fields.keys() if strict else ()
            if unknown or required - value.keys():
                msg = f"{place or 'the message'} must have the fields {sorted(fields)}, got {_shown(sorted(value))}"
                raise InvalidMessageError(msg)
            prefix = f"{place}." if place else ""
            return make(
                {name: reader(prefix + name, value[name], memo) for name, reader in readers.items() if name in value}
            )

        return read


def bare_type(hint: Any) -> Any:
    """Return a type without `Annotated` and `NewType`."""
    while True:
        if typing.get_origin(hint) is Annotated:
            hint = hint.__origin__
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        else:
            return hint


def _plain(kind: type) -> Reader:
    def read(place: str, value: Any, _memo: Memo) -> Any:
        if type(value) is not kind:
            raise _wrong(place, _PLAIN[kind], value)
        return value

    return read


def _float(place: str, value: Any, _memo: Memo) -> float:
    if type(value) not in _NUMBERS:
        raise _wrong(place, "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise _wrong(place, "a number of moderate size", value) from None


def _decimal(place: str, value: Any, _memo: Memo) -> Decimal:
    is_number = type(value) in _NUMBERS
    if not is_number and not (isinstance(value, str) and _DECIMAL.fullmatch(value)):
        raise _wrong(place, "a number, or text with a number", value)
    number = Decimal(value) if type(value) is int else Decimal(str(value))
    if not is_of_moderate_size(number):
        raise _wrong(place, "a number of moderate size", value)
    return number


def _text(expected: str, grammar: re.Pattern[str], parse: Callable[[str], Any]) -> Reader:
    def read(place: str, value: Any, _memo: Memo) -> Any:
        if not isinstance(value, str) or not grammar.fullmatch(value):
            raise _wrong(place, expected, value)
        try:
            return parse(value)
        except ValueError:
            raise _wrong(place, expected, value) from None

    return read


def _one_of(place: str, hint: Any, values: dict[tuple[type, Any], Any], missing: Any = None) -> Reader:
    """Return the reader of an enumeration or a literal: the value, of the same type.

    Args:
        place: The field, for the error.
        hint: The type.
        values: What each value becomes; the key is the type of the value, and the value.
        missing: The enumeration, whose `_missing_` may know more values. Default: no value more.

    Raises:
        TypeError: There is no value.
    """
    if not values:
        raise _unreadable(place, hint)
    kinds = {kind for kind, _ in values}
    expected = f"one of {_shown([value for _, value in values])}"

    def read(where: str, value: Any, _memo: Memo) -> Any:
        if type(value) in kinds:
            if (type(value), value) in values:
                return values[type(value), value]
            try:
                if missing is not None:
                    return missing(value)
            except ValueError:
                pass
        raise _wrong(where, expected, value)

    return read


def _key(place: str, hint: Any, value: Any) -> tuple[type, Any]:
    if type(value) not in {*_PLAIN, float}:
        msg = f"{place} must have values that JSON can hold, got {value!r} in {hint!r}"
        raise TypeError(msg)
    return type(value), value


def _list(each: Reader) -> Reader:
    def read(place: str, value: Any, memo: Memo) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(place, "a list", value)
        return [each(f"{place}[{index}]", item, memo) for index, item in enumerate(value)]

    return read


def _tuple(readers: list[Reader]) -> Reader:
    def read(place: str, value: Any, memo: Memo) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(readers):
            raise _wrong(place, f"a list of {len(readers)} values", value)
        pairs = zip(readers, value, strict=True)
        return tuple(each(f"{place}[{index}]", item, memo) for index, (each, item) in enumerate(pairs))

    return read


def _dict(each: Reader) -> Reader:
    def read(place: str, value: Any, memo: Memo) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(place, "an object", value)
        return {name: each(f"{place}[{_shown(name)}]", item, memo) for name, item in value.items()}

    return read


def _first(readers: Sequence[Reader], hint: Any, structured: Sequence[Reader]) -> Reader:
    """Return a reader that takes the first of `readers` that fits.

    Args:
        readers: The readers.
        hint: The union.
        structured: The one reader of objects or lists, whose error says more than that of the union. Default: none.
    """

    def read(place: str, value: Any, memo: Memo) -> Any:
        for reader in readers:
            try:
                return reader(place, value, memo)
            except InvalidMessageError:
                if isinstance(value, dict | list) and reader in structured:
                    raise
        raise _wrong(place, str(hint), value)

    return read


def _remembered(union: Reader) -> Reader:
    """Return a reader that reads each value once. Unions in unions would take a time that doubles with each level."""

    def read(place: str, value: Any, memo: Memo) -> Any:
        key = (id(union), id(value))
        if key not in memo:
            try:
                memo[key] = True, union(place, value, memo)
            except InvalidMessageError as error:
                memo[key] = False, error
        fits, result = memo[key]
        if fits:
            return result
        raise result

    return read


_SCALARS: dict[Any, Reader] = {
    **{kind: _plain(kind) for kind in _PLAIN},
    **{kind: _text(*how) for kind, how in _TEXTS.items()},
    float: _float,
    Decimal: _decimal,
}


def _is_scalar(hint: Any) -> bool:
    bare = bare_type(hint)
    is_enum = isinstance(bare, type) and issubclass(bare, Enum)
    return is_enum or typing.get_origin(bare) is Literal or bare in _SCALARS


def _hints(model: type) -> dict[str, Any]:
    try:
        try:
            return typing.get_type_hints(model)
        except NameError:  # a class within a function may name itself
            return typing.get_type_hints(model, localns={model.__name__: model})
    except NameError as error:
        msg = f"the annotations of {model.__name__} must be imported at run time too, got {error}"
        raise TypeError(msg) from None


def _check_constructor(place: str, model: type, fields: set[str]) -> None:
    """Refuse a class that no message could make an object of."""
    parameters = inspect.signature(model).parameters.values()
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    named = {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL}
    needed = {name for name, parameter in inspect.signature(model).parameters.items() if _is_needed(parameter)}
    if needed - fields or (fields - named and not takes_any):
        msg = f"{place} must be made of its fields {sorted(fields)}, got the parameters {sorted(named)}"
        raise TypeError(msg)


def _is_needed(parameter: inspect.Parameter) -> bool:
    is_one = parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    return is_one and parameter.default is parameter.empty


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _unreadable(place: str, hint: Any) -> TypeError:
    return TypeError(f"{place} {_READABLE}, got {hint!r}")


def _wrong(place: str, expected: str, value: Any) -> InvalidMessageError:
    return InvalidMessageError(f"{place or 'the message'} must be {expected}, got {_shown(value)}")


def _shown(value: Any) -> str:
    return repr(value)[:_SHOWN_CHARACTERS]
