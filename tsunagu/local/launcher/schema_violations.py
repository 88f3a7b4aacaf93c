"""Says what is wrong with a body, in the words of the validator of API Gateway.

ministack knows only whether a body fits its model. The words are those of json-schema-validator
(https://github.com/java-json-tools/json-schema-validator), draft 4.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
from collections.abc import Callable, Iterator
from typing import Any

from .ministack_modules import apigateway_v1

Schema = dict[str, Any]

_TYPES: dict[type, str] = {
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "integer",
    list: "array",
    str: "string",
}
# Keywords that mean something only beside another one.
_COMPANIONS = {
    "minimum": "exclusiveMinimum",
    "maximum": "exclusiveMaximum",
}
# Keywords whose violations are those of the parts of the value.
_OF_PARTS = ("items", "properties", "patternProperties", "allOf")

_TEXTS: dict[str, Callable[[Any, Any, Schema], str]] = {
    "required": lambda value, names, _: f"object has missing required properties ({_json(_missing(value, names))})",
    "type": lambda value, types, _: (
        f"instance type ({_type_of(value)}) does not match any allowed primitive type "
        f"(allowed: {_json(types if isinstance(types, list) else [types])})"
    ),
    "additionalProperties": lambda value, _, schema: (
        f"object instance has properties which are not allowed by the schema: {_json(_extra(value, schema))}"
    ),
    "enum": lambda value, values, _: (
        f"instance value ({_json(value)}) not found in enum (possible values: {_json(values)})"
    ),
    "maxLength": lambda value, limit, _: (
        f'string "{value}" is too long (length: {len(value)}, maximum allowed: {limit})'
    ),
    "minLength": lambda value, limit, _: (
        f'string "{value}" is too short (length: {len(value)}, required minimum: {limit})'
    ),
    "pattern": lambda value, pattern, _: f'ECMA 262 regex "{pattern}" does not match input string "{value}"',
    "minimum": lambda value, limit, _: (
        f"numeric instance is lower than the required minimum (minimum: {limit}, found: {value})"
    ),
    "maximum": lambda value, limit, _: (
        f"numeric instance is greater than the required maximum (maximum: {limit}, found: {value})"
    ),
}


def violations(schema: Any, value: Any) -> list[str]:
    """Return a sentence for each keyword that `value` violates, those of its parts too.

    Args:
        schema: JSON Schema, draft 4.
        value: Parsed JSON.

    Raises:
        RecursionError: The value is nested too deeply.
    """
    return list(_violations(schema, value, schema))


def _violations(schema: Any, value: Any, root: Any) -> Iterator[str]:
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        schema, root = apigateway_v1._resolve_schema_ref(schema["$ref"], root)
    for keyword in schema if isinstance(schema, dict) else ():
        if keyword in _OF_PARTS:
            for part_schema, part in _parts(keyword, schema[keyword], value):
                yield from _violations(part_schema, part, root)
        elif not apigateway_v1._json_schema_valid(_alone(keyword, schema), value, root):
            text = _TEXTS.get(keyword)
            fallback = f"instance does not fit the keyword {keyword}"
            yield text(value, schema[keyword], schema) if text else fallback


def _alone(keyword: str, schema: Schema) -> Schema:
    """Return the schema of one keyword, with the one that belongs to it."""
    if keyword == "additionalProperties":  # it counts the known properties by name alone
        return {keyword: schema[keyword], "properties": {name: {} for name in schema.get("properties") or {}}}
    companion = _COMPANIONS.get(keyword, keyword)
    return {name: schema[name] for name in (keyword, companion) if name in schema}


def _parts(keyword: str, schemas: Any, value: Any) -> Iterator[tuple[Any, Any]]:
    if keyword == "allOf":
        yield from ((schema, value) for schema in schemas)
    elif keyword == "properties" and isinstance(value, dict):
        yield from ((schema, value[name]) for name, schema in schemas.items() if name in value)
    elif keyword == "patternProperties" and isinstance(value, dict):
        for pattern, schema in schemas.items():
            yield from ((schema, part) for name, part in value.items() if apigateway_v1._regex_search(pattern, name))
    elif keyword == "items" and isinstance(value, list):
        yield from zip(schemas if isinstance(schemas, list) else [schemas] * len(value), value, strict=False)


def _missing(value: Any, names: list[str]) -> list[str]:
    return sorted(name for name in names if name not in value)


def _extra(value: Any, schema: Schema) -> list[str]:
    return sorted(name for name in value if name not in (schema.get("properties") or {}))


def _type_of(value: Any) -> str:
    return _TYPES.get(type(value), "null")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
