"""Reads values of a template that may be intrinsic functions, as far as they are known before the deployment."""

from collections.abc import Iterator, Mapping
from typing import Any

UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # stands for a part of a text that only the deployment knows
NO_VALUE = {"Ref": "AWS::NoValue"}
_PREFIX = "Fn::"


def is_intrinsic(value: object) -> bool:
    """Return whether a value is an intrinsic function."""
    return isinstance(value, dict) and len(value) == 1 and _names_function(next(iter(value)))


def _names_function(name: object) -> bool:
    return isinstance(name, str) and (name == "Ref" or name.startswith(_PREFIX))


def alternatives(value: object) -> Iterator[Any]:
    """Iterate over what a value can be: itself, or each branch of `Fn::If`. `AWS::NoValue` is left out."""
    match value:
        case {"Fn::If": [_, first, second]} if is_intrinsic(value):
            yield from alternatives(first)
            yield from alternatives(second)
        case _ if value != NO_VALUE:
            yield value


def entries(value: object) -> Iterator[Any]:
    """Iterate over the entries that a list can have, and over a single value in place of a list."""
    for alternative in alternatives(value):
        if isinstance(alternative, list):
            for entry in alternative:
                yield from entries(entry)
        elif alternative is not None:
            yield alternative


def text_of(value: object) -> str:
    """Return a text, with `UNKNOWN` for each part that only the deployment knows."""
    match value:
        case bool() | None:
            return UNKNOWN
        case str() | int() | float():
            return str(value)
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(map(text_of, parts))
        case {"Fn::Sub": str(pattern)} | {"Fn::Sub": [str(pattern), _]}:
            return "".join(part if not reference else UNKNOWN for part, reference in pieces_of(pattern))
        case _:
            return UNKNOWN


def pieces_of(pattern: str) -> Iterator[tuple[str, bool]]:
    """Iterate over the pieces of a pattern of `Fn::Sub`: literal texts, and names within `${}`."""
    literal, *rest = pattern.split("${")
    yield literal, False
    for piece in rest:
        name, closing, after = piece.partition("}")
        if name.startswith("!") or not closing:  # `${!x}` stands for `${x}`
            yield "${" + piece.removeprefix("!"), False
        else:
            yield name.strip(), True
            yield after, False


def without_no_value(value: Any) -> Any:
    """Return a value without the properties and entries that are `AWS::NoValue`. A branch of `Fn::If` stays."""
    if is_intrinsic(value):
        return value
    if isinstance(value, list):
        return [without_no_value(entry) for entry in value if entry != NO_VALUE]
    if isinstance(value, Mapping):
        return {name: without_no_value(entry) for name, entry in value.items() if entry != NO_VALUE}
    return value
