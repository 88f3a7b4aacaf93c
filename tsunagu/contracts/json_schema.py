"""JSON Schema of the classes that JSON is read into, in draft 4, which API Gateway validates.

A schema accepts each value that the reader of the class accepts (`runtime.receiving.model`), and refuses what draft 4
can say. The reader finds what is left, such as a value that a `__post_init__` refuses.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Union
from uuid import UUID

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-04/schema#"

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
_DECIMAL = "[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]{1,9})?"
_UUID = "[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

_ANYTHING = (Any, object)
_LISTS = (list, Sequence)
_MAPPINGS = (dict, Mapping, MutableMapping)
_BARE: dict[Any, Any] = {list: list[Any], tuple: tuple[Any, ...], dict: dict[str, Any]}
_TYPES: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    types.NoneType: "null",
}


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$"}


_SCALARS: dict[Any, Schema] = {
    **{kind: {"type": name} for kind, name in _TYPES.items()},
    date: _text(_DATE),
    datetime: _text(f"{_DATE}[T ]{_TIME}"),
    time: _text(_TIME),
    UUID: _text(_UUID),
    Decimal: {"anyOf": [{"type": "number"}, _text(_DECIMAL)]},
}


def json_schema(model: object) -> Schema:
    """Return the schema of a class that JSON is read into.

    - A field with a default is not required, and a field that the class does not have is accepted.
    - A class that reads itself (`from_json`, `model_validate`) accepts anything, as far as the schema knows.

    Args:
        model: A dataclass, or a class that reads itself.

    Raises:
        TypeError: A field has a type that JSON cannot be read into; the text names the field.
    """
    if not isinstance(model, type) or not (_reads_itself(model) or dataclasses.is_dataclass(model)):
        msg = f"a model must be a dataclass or have a class method from_json or model_validate, got {model!r}"
        raise TypeError(msg)
    renderer = _Renderer()
    schema: Schema = {"$schema": DRAFT, **renderer.of(model.__name__, model)}
    if renderer.definitions:
        schema["definitions"] = renderer.definitions
    return schema


def outermost(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema with the keywords of the whole value. For a class that contains itself it is a definition."""
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = schema["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    return found


class _Renderer:
    """Renders types. A dataclass that contains itself becomes a definition."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}
        self._open: dict[type, bool] = {}  # dataclasses that are being rendered; whether one was met within itself
        self._names: dict[type, str] = {}
        self._aliases: set[Any] = set()  # those that are being rendered

    def of(self, place: str, hint: Any) -> Schema:
        """Return the schema of a type; `place` is the field that has it."""
        hint = _bare_type(hint)
        if hint in _SCALARS:
            return dict(_SCALARS[hint])
        if hint in _ANYTHING:
            return {}
        if hint in _BARE:
            return self.of(place, _BARE[hint])
        origin = typing.get_origin(hint)
        if origin is not None:
            return self._of_generic(place, hint, origin, typing.get_args(hint))
        if isinstance(hint, type):
            return self._of_class(place, hint)
        if hasattr(hint, "__value__"):  # `type Name = ...`
            return self._of_alias(place, hint)
        raise _unreadable(place, hint)

    def _of_alias(self, place: str, hint: Any) -> Schema:
        if hint in self._aliases:
            return {}  # of an alias that contains itself, the first level is checked
        self._aliases.add(hint)
        schema = self.of(place, hint.__value__)
        self._aliases.remove(hint)
        return schema

    def _of_class(self, place: str, hint: type) -> Schema:
        if issubclass(hint, Enum):
            return _enumeration(place, hint)
        if _reads_itself(hint):
            return {}
        if dataclasses.is_dataclass(hint):
            return self._of_dataclass(hint)
        raise _unreadable(place, hint)

    def _of_generic(self, place: str, hint: Any, origin: Any, arguments: tuple[Any, ...]) -> Schema:
        if origin in {Union, types.UnionType}:
            return _any_of([self.of(place, each) for each in arguments])
        if origin is Literal:
            return _one_of([each.value if isinstance(each, Enum) else each for each in arguments])
        if origin in _LISTS:
            return {"type": "array", "items": self.of(f"{place}[]", arguments[0])}
        if origin in _MAPPINGS and _bare_type(arguments[0]) is str:
            return {"type": "object", "additionalProperties": self.of(f"{place}[]", arguments[1])}
        if origin is tuple and len(arguments) == 2 and arguments[1] is ...:  # noqa: PLR2004 - tuple[X, ...]
            return {"type": "array", "items": self.of(f"{place}[]", arguments[0])}
        if origin is tuple:
            items = [self.of(f"{place}[{index}]", each) for index, each in enumerate(arguments)]
            return {"type": "array", "minItems": len(items), "maxItems": len(items)} | (
                {"items": items} if items else {}
            )
        raise _unreadable(place, hint)

    def _of_dataclass(self, model: type) -> Schema:
        if model in self._open:
            self._open[model] = True
            return {"$ref": f"#/definitions/{self._name(model)}"}
        if model in self._names:
            return {"$ref": f"#/definitions/{self._name(model)}"}
        self._open[model] = False
        hints = typing.get_type_hints(model, localns={model.__name__: model})
        fields = [field for field in dataclasses.fields(model) if field.init]
        properties = {field.name: self.of(f"{model.__name__}.{field.name}", hints[field.name]) for field in fields}
        required = [field.name for field in fields if not _has_default(field)]
        schema: Schema = {"type": "object", "properties": properties} | ({"required": required} if required else {})
        contains_itself = self._open.pop(model)
        if not contains_itself:
            return schema
        self.definitions[self._name(model)] = schema
        return {"$ref": f"#/definitions/{self._name(model)}"}

    def _name(self, model: type) -> str:
        """Return the name of a definition: that of the class, with a number if another class has it."""
        if model not in self._names:
            taken = set(self._names.values())
            numbered = (f"{model.__name__}{number or ''}" for number in range(len(taken) + 1))
            self._names[model] = next(name for name in numbered if name not in taken)
        return self._names[model]


def _enumeration(place: str, hint: type[Enum]) -> Schema:
    values = [each.value for each in hint]
    if not values or not all(type(value) in _TYPES for value in values):
        raise _unreadable(place, hint)
    if hint._missing_.__func__ is not Enum._missing_.__func__:  # type: ignore[attr-defined]
        return {"type": sorted({_TYPES[type(value)] for value in values})}  # it may know more values
    return _one_of(values)


def _one_of(values: list[Any]) -> Schema:
    unique = {(type(value), value): value for value in values}
    return {"enum": list(unique.values())}


def _any_of(schemas: list[Schema]) -> Schema:
    """Return the schema of a union. One of types alone is a list of types, whose errors are shorter."""
    if {} in schemas:
        return {}
    if all(schema.keys() == {"type"} and isinstance(schema["type"], str) for schema in schemas):
        return {"type": list(dict.fromkeys(schema["type"] for schema in schemas))}
    return {"anyOf": schemas}


def _reads_itself(hint: type) -> bool:
    return callable(getattr(hint, "from_json", None)) or callable(getattr(hint, "model_validate", None))


def _bare_type(hint: Any) -> Any:
    """Return a type without `Annotated` and `NewType`."""
    while True:
        if typing.get_origin(hint) is Annotated:
            hint = hint.__origin__
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        else:
            return hint


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _unreadable(place: str, hint: Any) -> TypeError:
    return TypeError(f"{place} must have a type that JSON can be read into, got {hint!r}")
