"""Readers of values: numbers, texts, enumerations, lists, objects and unions. `dataclass_reader` puts them together.

A reader raises an `InvalidMessageError` that names the place, what was expected and what was got.
"""

import re
import types
import typing
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import ExactFloat, is_of_moderate_size

# What unions have read, by reader and value: (whether it fits, what it became). So a nested union is read once.
Memo = dict[tuple[int, int], tuple[bool, Any]]
# Takes the place of a value in the message, empty for the message itself; the value; and the memo of this message.
Reader = Callable[[str, Any, Memo], Any]

_PLAIN = {str: "text", int: "a whole number", bool: "true or false", types.NoneType: "null"}
_NUMBERS = (int, float, ExactFloat)  # in Python, a bool is an int; here it is not a number
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


def _plain(kind: type) -> Reader:
    def read(place: str, value: Any, _memo: Memo) -> Any:
        if type(value) is not kind:
            raise wrong(place, _PLAIN[kind], value)
        return value

    return read


def _float(place: str, value: Any, _memo: Memo) -> float:
    if type(value) not in _NUMBERS:
        raise wrong(place, "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise wrong(place, "a number of moderate size", value) from None


def _decimal(place: str, value: Any, _memo: Memo) -> Decimal:
    is_number = type(value) in _NUMBERS
    if not is_number and not (isinstance(value, str) and _DECIMAL.fullmatch(value)):
        raise wrong(place, "a number, or text with a number", value)
    number = Decimal(value) if type(value) is int else Decimal(str(value))
    if not is_of_moderate_size(number):
        raise wrong(place, "a number of moderate size", value)
    return number


def _text(expected: str, grammar: re.Pattern[str], parse: Callable[[str], Any]) -> Reader:
    def read(place: str, value: Any, _memo: Memo) -> Any:
        if not isinstance(value, str) or not grammar.fullmatch(value):
            raise wrong(place, expected, value)
        try:
            return parse(value)
        except ValueError:
            raise wrong(place, expected, value) from None

    return read


def one_of(place: str, hint: Any, values: dict[tuple[type, Any], Any], missing: Any = None) -> Reader:
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
        raise unreadable(place, hint)
    kinds = {kind for kind, _ in values}
    expected = f"one of {shown([value for _, value in values])}"

    def read(where: str, value: Any, _memo: Memo) -> Any:
        if type(value) in kinds:
            if (type(value), value) in values:
                return values[type(value), value]
            try:
                if missing is not None:
                    return missing(value)
            except ValueError:
                pass
        raise wrong(where, expected, value)

    return read


def json_key(place: str, hint: Any, value: Any) -> tuple[type, Any]:
    """Return the key of a value of an enumeration or a literal: its type, and the value.

    Raises:
        TypeError: JSON cannot hold the value.
    """
    if type(value) not in {*_PLAIN, float}:
        msg = f"{place} must have values that JSON can hold, got {value!r} in {hint!r}"
        raise TypeError(msg)
    return type(value), value


def list_of(each: Reader) -> Reader:
    """Return the reader of a list of `each`."""

    def read(place: str, value: Any, memo: Memo) -> list[Any]:
        if not isinstance(value, list):
            raise wrong(place, "a list", value)
        return [each(f"{place}[{index}]", item, memo) for index, item in enumerate(value)]

    return read


def tuple_of(readers: list[Reader]) -> Reader:
    """Return the reader of a list of as many values as there are `readers`, as a tuple."""

    def read(place: str, value: Any, memo: Memo) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(readers):
            raise wrong(place, f"a list of {len(readers)} values", value)
        pairs = zip(readers, value, strict=True)
        return tuple(each(f"{place}[{index}]", item, memo) for index, (each, item) in enumerate(pairs))

    return read


def dict_of(each: Reader) -> Reader:
    """Return the reader of an object whose values are `each`."""

    def read(place: str, value: Any, memo: Memo) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong(place, "an object", value)
        return {name: each(f"{place}[{shown(name)}]", item, memo) for name, item in value.items()}

    return read


def first_of(readers: Sequence[Reader], hint: Any, structured: Sequence[Reader]) -> Reader:
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
        raise wrong(place, str(hint), value)

    return read


def remembered(union: Reader) -> Reader:
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


SCALARS: dict[Any, Reader] = {
    **{kind: _plain(kind) for kind in _PLAIN},
    **{kind: _text(*how) for kind, how in _TEXTS.items()},
    float: _float,
    Decimal: _decimal,
}


def is_scalar(hint: Any) -> bool:
    """Return whether a type is no object and no list."""
    bare = bare_type(hint)
    is_enum = isinstance(bare, type) and issubclass(bare, Enum)
    return is_enum or typing.get_origin(bare) is Literal or bare in SCALARS


def bare_type(hint: Any) -> Any:
    """Return a type without `Annotated` and `NewType`."""
    while True:
        if typing.get_origin(hint) is Annotated:
            hint = hint.__origin__
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        else:
            return hint


def unreadable(place: str, hint: Any) -> TypeError:
    """Return the error of a type that cannot be read; `place` is the field that has it."""
    return TypeError(f"{place} {_READABLE}, got {hint!r}")


def wrong(place: str, expected: str, value: Any) -> InvalidMessageError:
    """Return the error of a value that is not what was expected."""
    return refusal(place, f"be {expected}", shown(value))


def refusal(place: str, rule: str, got: str) -> InvalidMessageError:
    """Return the error of a place that breaks a rule.

    Its expectation names the place without the keys of objects, because those are values of the message.

    Args:
        place: The place; empty for the message itself.
        rule: What the place must do: `be a number`.
        got: What it is.
    """
    fields, _, rest = place.partition("[")
    named = f"{fields}[]{rest.rpartition(']')[2]}" if rest else place
    texts = (f"{each or 'the message'} must {rule}" for each in (place, named))
    return InvalidMessageError(f"{next(texts)}, got {got}", expectation=next(texts))


def shown(value: Any) -> str:
    """Return a value as a sentence shows it, cut short."""
    return repr(value)[:_SHOWN_CHARACTERS]
