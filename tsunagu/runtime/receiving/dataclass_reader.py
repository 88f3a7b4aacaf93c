"""Reads JSON objects into dataclasses, and names each violation in one sentence.

Readers are built once, at import, from the annotations of the fields. What cannot be read is found there.
"""

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from enum import Enum
from typing import Any, Literal, Union

from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.receiving.value_readers import (
    SCALARS,
    Memo,
    Reader,
    bare_type,
    dict_of,
    first_of,
    is_scalar,
    json_key,
    list_of,
    one_of,
    refusal,
    remembered,
    shown,
    tuple_of,
    unreadable,
    wrong,
)

Guarded = Callable[[str, Callable[[Any], Any]], Callable[[Any], Any]]
OwnReader = Callable[[type], Callable[[Any], Any] | None]

_LISTS = (list, Sequence)
_MAPPINGS = (dict, Mapping, MutableMapping)
_ANYTHING = (Any, object)
_BARE: dict[Any, Any] = {
    **dict.fromkeys(_LISTS, list[Any]),
    **dict.fromkeys(_MAPPINGS, dict[str, Any]),
    tuple: tuple[Any, ...],
}


def dataclass_reader(model: type, *, own_reader: OwnReader, guarded: Guarded, strict: bool) -> Callable[[Any], Any]:
    """Return the function that reads a `model`.

    Args:
        model: The dataclass.
        own_reader: Returns the reader of a class that reads itself; None for any other class.
        guarded: Turns the exceptions of a function into an `InvalidMessageError`.
        strict: Whether fields that a dataclass does not have are refused; otherwise they are ignored.

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
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is None:
            return self._of_plain(place, hint)
        if origin in _BARE and not arguments and hint != tuple[()]:  # `typing.List` and its like
            return self._of_plain(place, origin)
        return self._of_generic(place, hint, origin, arguments)

    def _of_plain(self, place: str, hint: Any) -> Reader:
        if hint in SCALARS:
            return SCALARS[hint]
        if hint in _ANYTHING:
            return lambda _place, value, _memo: value
        if hint in _BARE:
            return self.of(place, _BARE[hint])
        if isinstance(hint, type):
            return self._of_class(place, hint)
        if hasattr(hint, "__value__"):  # `type Name = ...`
            return self._once(hint, lambda: self.of(place, hint.__value__))
        raise unreadable(place, hint)

    def _of_class(self, place: str, hint: type) -> Reader:
        if issubclass(hint, Enum):
            return one_of(place, hint, {json_key(place, hint, each.value): each for each in hint}, hint)
        own = self._own_reader(hint)
        if own is not None:
            return lambda _place, value, _memo: own(value)
        if dataclasses.is_dataclass(hint):
            return self._once(hint, lambda: self._dataclass(place, hint))
        raise unreadable(place, hint)

    def _of_generic(self, place: str, hint: Any, origin: Any, arguments: tuple[Any, ...]) -> Reader:
        if origin in {Union, types.UnionType}:
            return self._union(place, hint, arguments)
        if origin is Literal:
            values = {json_key(place, hint, each.value if isinstance(each, Enum) else each): each for each in arguments}
            return one_of(place, hint, values)
        if origin in _LISTS:
            return list_of(self.of(f"{place}[]", arguments[0]))
        if origin in _MAPPINGS and bare_type(arguments[0]) is str:
            return dict_of(self.of(f"{place}[]", arguments[1]))
        if origin is tuple and len(arguments) == 2 and arguments[1] is ...:  # noqa: PLR2004 - tuple[X, ...]
            items = list_of(self.of(f"{place}[]", arguments[0]))
            return lambda where, value, memo: tuple(items(where, value, memo))
        if origin is tuple:
            return tuple_of([self.of(f"{place}[{index}]", each) for index, each in enumerate(arguments)])
        raise unreadable(place, hint)

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
        structured = [reader for reader, argument in zip(readers, arguments, strict=True) if not is_scalar(argument)]
        if len(structured) <= 1:
            return first_of(readers, hint, structured)
        if not self._strict:
            readers = [*(self._strict_builder.of(place, argument) for argument in arguments), *readers]
        return remembered(first_of(readers, hint, ()))

    def _dataclass(self, place: str, model: Any) -> Reader:
        hints = _hints(model)
        fields = {field.name: field for field in dataclasses.fields(model) if field.init}
        _check_constructor(place, model, set(fields))
        readers = {name: self.of(f"{place}.{name}", hints[name]) for name in fields}
        required = {name for name, field in fields.items() if not _has_default(field)}
        strict = self._strict

        rule = f"{model.__name__} must take the values of the message"

        def construct(values: dict[str, Any]) -> Any:
            try:
                return model(**values)
            except ValueError as error:
                if hasattr(error, "errors"):  # of pydantic: its text has the values
                    raise
                raise InvalidMessageError(str(error), expectation=rule) from None

        make = self._guarded(rule, construct)

        def read(place: str, value: Any, memo: Memo) -> Any:
            if not isinstance(value, dict):
                raise wrong(place, "an object", value)
            unknown = value.keys() - fields.keys() if strict else ()
            if unknown or required - value.keys():
                raise refusal(place, f"have the fields {sorted(fields)}", shown(sorted(value)))
            prefix = f"{place}." if place else ""
            return make(
                {name: reader(prefix + name, value[name], memo) for name, reader in readers.items() if name in value}
            )

        return read


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
