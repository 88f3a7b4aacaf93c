"""Schemas of models: they accept what the reader of the model accepts."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsunagu.contracts.json_schema import DRAFT, json_schema
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.receiving.model import parser

Cents = NewType("Cents", int)


class Kind(StrEnum):
    SALES = "sales"
    STOCK = "stock"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Lenient(Enum):
    A = "a"

    @classmethod
    def _missing_(cls, value: object) -> "Lenient | None":
        return cls.A if value == "b" else None


class Own:
    @classmethod
    def from_json(cls, value: Any) -> "Own":
        if value == "bad":
            raise ValueError
        return cls()


@dataclass
class Line:
    sku: str
    count: int = 1


@dataclass
class Tree:
    name: str
    children: "list[Tree]" = field(default_factory=list)


TYPES: list[Any] = [
    str,
    int,
    float,
    bool,
    None,
    date,
    datetime,
    time,
    UUID,
    Decimal,
    Any,
    object,
    list,
    dict,
    tuple,
    Kind,
    Level,
    Lenient,
    Own,
    Line,
    Tree,
    Cents,
    Annotated[int, "a note"],
    list[int],
    Sequence[str],
    tuple[int, ...],
    tuple[int, str],
    tuple[()],
    dict[str, int],
    Mapping[str, Line],
    int | None,
    str | int | None,
    Line | Tree | None,
    list[Line | str],
    Literal["a", 1, True] | None,
    Literal[Kind.SALES],
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=6,
)
near_values = st.sampled_from(
    [
        "2026-01-31",
        "2026-13-31",
        "2026-01-31T09:30:00Z",
        "09:30",
        "12.5",
        "1e5",
        "sales",
        "other",
        "a",
        "b",
        "bad",
        "4cd0c9b5-62a5-4b64-9c0b-7f0e7a2f5c11",
        1,
        2,
        1.0,
        True,
        {"sku": "x"},
        {"sku": "x", "count": 2, "more": None},
        {"sku": 1},
        {"name": "x", "children": [{"name": "y", "children": []}]},
        {"name": "x", "children": [{"name": 1}]},
        [1, "x"],
        [1, 2],
        [],
        {"a": 1},
        {"a": {"sku": "x"}},
    ]
)


def model_of(hint: Any) -> type:
    """A dataclass with one field of a type."""
    return dataclasses.make_dataclass("Model", [("it", hint)], namespace={"__module__": __name__})


def accepts(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """Whether a value fits a schema of draft 4, of the keywords that are rendered."""
    if "$ref" in schema:
        return accepts(root["definitions"][schema["$ref"].removeprefix("#/definitions/")], value, root)
    assert schema.keys() <= CHECKS.keys() | {"$schema", "definitions"}, schema
    return all(CHECKS[name](given, value, root) for name, given in schema.items() if name in CHECKS)


_KINDS: dict[str, Any] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _items(given: Any, value: Any, root: dict[str, Any]) -> bool:
    if not isinstance(value, list):
        return True
    schemas = given if isinstance(given, list) else [given] * len(value)
    return all(accepts(schema, each, root) for schema, each in zip(schemas, value, strict=False))


CHECKS: dict[str, Any] = {
    "type": lambda given, value, _: any(_KINDS[kind](value) for kind in ([given] if isinstance(given, str) else given)),
    "pattern": lambda given, value, _: not isinstance(value, str) or re.search(given, value) is not None,
    "enum": lambda given, value, _: any(type(each) is type(value) and each == value for each in given),
    "anyOf": lambda given, value, root: any(accepts(schema, value, root) for schema in given),
    "items": _items,
    "minItems": lambda given, value, _: not isinstance(value, list) or len(value) >= given,
    "maxItems": lambda given, value, _: not isinstance(value, list) or len(value) <= given,
    "required": lambda given, value, _: not isinstance(value, dict) or set(given) <= value.keys(),
    "properties": lambda given, value, root: (
        not isinstance(value, dict)
        or all(accepts(schema, value[name], root) for name, schema in given.items() if name in value)
    ),
    "additionalProperties": lambda given, value, root: (
        not isinstance(value, dict) or all(accepts(given, each, root) for each in value.values())
    ),
}


def is_read(model: type, body: dict[str, Any]) -> bool:
    try:
        parser(model)(body)
    except InvalidMessageError:
        return False
    return True


@pytest.mark.parametrize("hint", TYPES, ids=str)
@settings(max_examples=40)
@given(value=json_values | near_values)
def test_a_schema_accepts_what_the_reader_accepts(hint: Any, value: Any) -> None:
    model = model_of(hint)
    schema = json_schema(model)

    for body in ({"it": value}, {}, {"it": value, "more": 1}):
        if is_read(model, body):
            assert accepts(schema, body, schema)


# What draft 4 can say of these is all that the reader says.
EXACT = [hint for hint in TYPES if hint not in (date, datetime, time, Decimal, Lenient, Own)]


@pytest.mark.parametrize("hint", EXACT, ids=str)
@settings(max_examples=40)
@given(value=json_values | near_values)
def test_a_schema_refuses_what_the_reader_refuses(hint: Any, value: Any) -> None:
    model = model_of(hint)
    schema = json_schema(model)

    for body in ({"it": value}, {}):
        if not is_read(model, body):
            assert not accepts(schema, body, schema)


def test_a_schema_names_its_draft_and_requires_fields_without_a_default() -> None:
    assert json_schema(Line) == {
        "$schema": DRAFT,
        "type": "object",
        "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["sku"],
    }


def test_a_class_that_contains_itself_is_a_definition() -> None:
    schema = json_schema(Tree)

    assert schema["$ref"] == "#/definitions/Tree"
    assert schema["definitions"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/definitions/Tree"}


def test_two_classes_of_one_name_are_two_definitions() -> None:
    def other() -> type:
        @dataclass
        class Tree:
            size: int
            child: "Tree | None" = None

        return Tree

    model = dataclasses.make_dataclass("Model", [("one", Tree), ("two", other())])
    definitions = json_schema(model)["definitions"]

    assert sorted(definitions) == ["Tree", "Tree1"]
    assert {"size", "name"} == {name for each in definitions.values() for name in each["required"]}


@pytest.mark.parametrize("hint", [set[int], bytes, dict[int, str], complex, type("Bare", (), {})], ids=str)
def test_a_type_that_json_cannot_be_read_into_is_named(hint: Any) -> None:
    with pytest.raises(TypeError, match="it must have a type that JSON can be read into"):
        json_schema(model_of(hint))


@pytest.mark.parametrize("model", [int, "text", object()])
def test_what_is_no_model_is_refused(model: Any) -> None:
    with pytest.raises(TypeError, match="a model must be a dataclass"):
        json_schema(model)


def test_a_schema_is_json() -> None:
    model = dataclasses.make_dataclass("Model", [(f"f{index}", hint) for index, hint in enumerate(TYPES)])

    assert json.loads(json.dumps(json_schema(model))) == json_schema(model)
