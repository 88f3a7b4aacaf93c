"""Conditions, updates and PartiQL statements, as far as the benchmarks' clients write them."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Attributes = dict[str, Any]
Condition = Callable[["Bindings", Attributes], bool]

_TOKEN = re.compile(r"[(),<=]|[#:]?\w+")
_VERB = re.compile(r"(?<![:#\w])(SET|ADD|REMOVE)\s")
_CHANGE = {
    "SET": re.compile(r"([#\w]+) = (?:if_not_exists\(([#\w]+), )?(:\w+)"),
    "ADD": re.compile(r"([#\w]+) (:\w+)"),
    "REMOVE": re.compile(r"([#\w]+)()"),
}


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
def _changes(expression: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the verb and the tokens of each change."""
    parts = _VERB.split(expression)
    return tuple(
        (verb, tuple(found for found in groups if found))
        for verb, clauses in zip(parts[1::2], parts[2::2], strict=True)
        for groups in _CHANGE[verb].findall(clauses)
    )


def updated(expression: str, bindings: Bindings, item: Attributes) -> Attributes:
    """Return `item` after `SET a = :b, c = if_not_exists(c, :d)`, `ADD a :b` and `REMOVE a`, in any order."""
    changed = dict(item)
    for verb, (target, *rest) in _changes(expression):
        name = bindings.name(target)
        if verb == "REMOVE":
            changed.pop(name, None)
        elif verb == "ADD":
            before = int(changed.get(name, {"N": "0"})["N"])
            changed[name] = {"N": str(before + int(bindings.values[rest[0]]["N"]))}
        else:
            kept = changed.get(bindings.name(rest[0])) if len(rest) > 1 else None
            changed[name] = kept or bindings.values[rest[-1]]
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
