"""Conditions, updates and PartiQL statements, as far as the benchmarks' clients write them."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Attributes = dict[str, Any]
Condition = Callable[["Bindings", Attributes], bool]

_TOKEN = re.compile(r"[(),<=]|[#:]?\w+")


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the placeholders of an expression stand for.

    Attributes:
        names: `ExpressionAttributeNames`.
        values: `ExpressionAttributeValues`.
    """

    names: Mapping[str, str]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> "Bindings":
        """Read the placeholders of a call, or of a part of a transaction."""
        return cls(request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {}))

    def name(self, token: str) -> str:
        """Return the attribute's name that `token` stands for."""
        return self.names[token] if token.startswith("#") else token

    def value(self, token: str, item: Attributes) -> Any:
        """Return the value that `token` stands for, None for an attribute that is absent."""
        return self.values[token] if token.startswith(":") else item.get(self.name(token))


@functools.cache
def condition(expression: str) -> Condition:
    """Compile `=`, `<`, `attribute_exists`, `attribute_not_exists`, AND, OR and parentheses."""
    tokens = _TOKEN.findall(expression)[::-1]
    compiled = _any_of(tokens)
    if tokens:
        msg = f"the expression must be one that this server knows, got {expression!r}"
        raise ValueError(msg)
    return compiled


def _any_of(tokens: list[str]) -> Condition:
    parts = [_all_of(tokens)]
    while tokens and tokens[-1] == "OR":
        tokens.pop()
        parts.append(_all_of(tokens))
    return lambda bindings, item: any(part(bindings, item) for part in parts)


def _all_of(tokens: list[str]) -> Condition:
    parts = [_term(tokens)]
    while tokens and tokens[-1] == "AND":
        tokens.pop()
        parts.append(_term(tokens))
    return lambda bindings, item: all(part(bindings, item) for part in parts)


def _term(tokens: list[str]) -> Condition:
    first = tokens.pop()
    if first == "(":
        inner = _any_of(tokens)
        tokens.pop()
        return inner
    if first in {"attribute_exists", "attribute_not_exists"}:
        _, name, _ = tokens.pop(), tokens.pop(), tokens.pop()
        return lambda bindings, item: (bindings.name(name) in item) == (first == "attribute_exists")
    operator, second = tokens.pop(), tokens.pop()
    if operator == "=":
        return lambda bindings, item: bindings.value(first, item) == bindings.value(second, item)
    return lambda bindings, item: _is_less(bindings.value(first, item), bindings.value(second, item))


def _is_less(left: Any, right: Any) -> bool:
    return left is not None and right is not None and int(left["N"]) < int(right["N"])


@functools.cache
def _assignments(expression: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    verb, _, rest = expression.partition(" ")
    pairs = (tuple(_TOKEN.findall(clause.replace("=", " "))) for clause in rest.split(","))
    return verb, tuple((target, value) for target, value in pairs)


def updated(expression: str, bindings: Bindings, item: Attributes) -> Attributes:
    """Return `item` after `SET a = :b, ...` or `ADD a :b, ...`."""
    verb, assignments = _assignments(expression)
    changed = dict(item)
    for target, token in assignments:
        name, value = bindings.name(target), bindings.values[token]
        before = int(changed.get(name, {"N": "0"})["N"]) if verb == "ADD" else 0
        changed[name] = {"N": str(before + int(value["N"]))} if verb == "ADD" else value
    return changed


@dataclass(frozen=True, slots=True)
class Statement:
    """A PartiQL statement: an `INSERT`, or an `UPDATE` that sets attributes where others have given values.

    Attributes:
        table_name: The table.
        values: Attributes that take the first parameters.
        where: Attributes that are compared with the rest of them; None for an `INSERT`.
    """

    table_name: str
    values: tuple[str, ...]
    where: tuple[str, ...] | None


@functools.cache
def statement(text: str) -> Statement:
    """Read a PartiQL statement whose every value is a parameter."""
    if match := re.fullmatch(r'INSERT INTO "([^"]+)" VALUE \{(.+)\}', text):
        return Statement(match[1], tuple(re.findall(r"'(\w+)': \?", match[2])), None)
    if match := re.fullmatch(r'UPDATE "([^"]+)" SET (.+) WHERE (.+)', text):
        names = re.compile(r'"(\w+)" = \?')
        return Statement(match[1], tuple(names.findall(match[2])), tuple(names.findall(match[3])))
    msg = f"the statement must be one that this server knows, got {text!r}"
    raise ValueError(msg)
