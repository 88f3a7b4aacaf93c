"""Condition and update expressions of DynamoDB, applied to items in memory.

Source of the grammar: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
and https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>+\-(),]|[#:\w][#:\w.\[\]]*)")
_CLAUSES = re.compile(r"(?<![:#.\w])(SET|ADD|REMOVE|DELETE)(?=\s)", re.IGNORECASE)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_MISSING = object()
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "S": lambda value: isinstance(value, str),
    "N": lambda value: isinstance(value, int | Decimal) and not isinstance(value, bool),
    "B": lambda value: isinstance(value, bytes),
    "BOOL": lambda value: isinstance(value, bool),
    "NULL": lambda value: value is None,
    "L": lambda value: isinstance(value, list),
    "M": lambda value: isinstance(value, dict),
    "SS": lambda value: isinstance(value, set | frozenset),
    "NS": lambda value: isinstance(value, set | frozenset),
    "BS": lambda value: isinstance(value, set | frozenset),
}
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "<>": lambda one, other: bool(one != other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}


class ExpressionError(ValueError):
    """An expression that DynamoDB would refuse, or that this module does not know."""


def holds(condition: str, item: Mapping[str, Any], names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
    """Return whether a condition expression holds for an item; an item that does not exist has no attributes.

    Raises:
        ExpressionError: The expression is malformed.
    """
    reader = _Reader(condition, item, names, values)
    result = reader.either()
    reader.end()
    return result


def update(item: dict[str, Any], expression: str, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Apply an update expression to an item. Each value on its right sides is that of the item before.

    Raises:
        ExpressionError: The expression is malformed.
    """
    before, changed = copy.deepcopy(item), copy.deepcopy(item)  # who has read the item keeps what was read
    parts = [part.strip() for part in _CLAUSES.split(expression)]
    if parts[0] or len(parts) == 1:
        msg = f"an update must begin with SET, ADD, REMOVE or DELETE, got {expression!r}"
        raise ExpressionError(msg)
    for clause, text in zip(parts[1::2], parts[2::2], strict=True):
        for action in re.split(r",\s*(?![^(]*\))", text):
            _apply(clause.upper(), action.strip(), changed, _Reader(action, before, names, values))
    item.clear()
    item.update(changed)


def _apply(clause: str, action: str, item: dict[str, Any], reader: "_Reader") -> None:
    path = reader.path(reader.take())
    if clause == "SET":
        reader.expect("=")
        _put(item, path, reader.sum())
    elif clause == "REMOVE":
        _remove(item, path)
    else:
        value, found = reader.operand(), _look(reader.item, path)
        if value is _MISSING:
            raise ExpressionError(f"{clause} must have a value, got {action!r}")
        if isinstance(value, set | frozenset):
            kept = set() if found is _MISSING else set(found)
            changed = kept | value if clause == "ADD" else kept - value
            _put(item, path, changed) if changed else _remove(item, path)
        else:
            _put(item, path, (0 if found is _MISSING else found) + value)
    reader.end()


class _Reader:
    """Reads one expression and evaluates it at once."""

    def __init__(self, text: str, item: Mapping[str, Any], names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        self.item = item
        self._text, self._names, self._values = text, names, values
        self._tokens = _tokens(text)
        self._at = 0

    def take(self) -> str:
        if self._at == len(self._tokens):
            raise ExpressionError(f"an expression must go on, got its end in {self._text!r}")
        self._at += 1
        return self._tokens[self._at - 1]

    def next_is(self, *wanted: str) -> bool:
        """Take the next token if it is one of these."""
        if self._at < len(self._tokens) and self._tokens[self._at].upper() in wanted:
            self._at += 1
            return True
        return False

    def expect(self, wanted: str) -> None:
        if not self.next_is(wanted):
            raise ExpressionError(f"an expression must have {wanted} here, got {self._text!r}")

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise ExpressionError(f"an expression must end before {self._tokens[self._at]!r}, got {self._text!r}")

    # --- conditions ----------------------------------------------------------------------------

    def either(self) -> bool:
        result = self._both()
        while self.next_is("OR"):
            other = self._both()
            result = result or other
        return result

    def _both(self) -> bool:
        result = self._not()
        while self.next_is("AND"):
            other = self._not()
            result = result and other
        return result

    def _not(self) -> bool:
        if self.next_is("NOT"):
            return not self._not()
        if self.next_is("("):
            result = self.either()
            self.expect(")")
            return result
        return self._comparison()

    def _comparison(self) -> bool:
        name = self.take()
        check = self._checks().get(name.lower())
        if check is not None and self.next_is("("):
            result = check()
            self.expect(")")
            return result
        self._at -= 1
        value = self.operand()
        if self.next_is("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            return _compared("<=", low, value) and _compared("<=", value, self.operand())
        if self.next_is("IN"):
            return value in self._list()
        sign = self.take()
        if sign not in _COMPARISONS:
            raise ExpressionError(f"a condition must compare, got {sign!r} in {self._text!r}")
        return _compared(sign, value, self.operand())

    def _checks(self) -> Mapping[str, Callable[[], bool]]:
        return {
            "attribute_exists": lambda: self.operand() is not _MISSING,
            "attribute_not_exists": lambda: self.operand() is _MISSING,
            "attribute_type": lambda: self._pair(lambda value, kind: _TYPES[kind](value)),
            "begins_with": lambda: self._pair(lambda value, start: value[: len(start)] == start),
            "contains": lambda: self._pair(lambda value, part: part in value),
        }

    def _pair(self, check: Callable[[Any, Any], bool]) -> bool:
        value = self.operand()
        self.expect(",")
        other = self.operand()
        try:
            return value is not _MISSING and other is not _MISSING and bool(check(value, other))
        except (KeyError, TypeError):  # a value of another type
            return False

    def _list(self) -> list[Any]:
        self.expect("(")
        found = [self.operand()]
        while self.next_is(","):
            found.append(self.operand())
        self.expect(")")
        return found

    # --- values --------------------------------------------------------------------------------

    def sum(self) -> Any:
        result = self._needed()
        while (is_plus := self.next_is("+")) or self.next_is("-"):
            other = self._needed()
            result = result + other if is_plus else result - other
        return result

    def _needed(self) -> Any:
        value = self.operand()
        if value is _MISSING:
            raise ExpressionError(f"a value must exist in the item before, got {self._text!r}")
        return value

    def operand(self) -> Any:
        token = self.take()
        if token.lower() in {"size", "if_not_exists", "list_append"} and self.next_is("("):
            return self._function(token.lower())
        if token.startswith(":"):
            if token not in self._values:
                raise ExpressionError(f"values must have {token}, got {sorted(self._values)}")
            return copy.deepcopy(self._values[token])
        found = _look(self.item, self.path(token))
        return found if found is _MISSING else copy.deepcopy(found)

    def _function(self, name: str) -> Any:
        first = self.operand()
        if name == "size":
            self.expect(")")
            return _MISSING if first is _MISSING else len(first)
        self.expect(",")
        second = self.operand()
        self.expect(")")
        if name == "if_not_exists":
            return second if first is _MISSING else first
        return [*first, *second]

    def path(self, token: str) -> Sequence[str | int]:
        """Return the steps of a path: names of attributes, and numbers of list entries."""
        steps: list[str | int] = []
        for name, number in _STEP.findall(token):
            if name.startswith("#") and name not in self._names:
                raise ExpressionError(f"names must have {name}, got {sorted(self._names)}")
            steps.append(int(number) if number else self._names.get(name, name))
        return steps


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(f"an expression must have known signs, got {text[at:]!r}")
        tokens.append(found[1])
        at = found.end()
    return tokens


def _compared(sign: str, one: Any, other: Any) -> bool:
    if one is _MISSING or other is _MISSING:
        return False
    try:
        return _COMPARISONS[sign](one, other)
    except TypeError:  # of two types, neither is before the other
        return False


def _look(item: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        try:
            item = item[step]
        except (KeyError, IndexError, TypeError):
            return _MISSING
    return item


def _put(item: dict[str, Any], path: Sequence[str | int], value: Any) -> None:
    *parents, last = path
    place = _look(item, parents)
    if isinstance(place, list) and isinstance(last, int):
        place[last : last + 1] = [value]
    elif isinstance(place, dict):
        place[str(last)] = value
    else:
        raise ExpressionError(f"a path must lead into a map or a list that exists, got {path}")


def _remove(item: dict[str, Any], path: Sequence[str | int]) -> None:
    *parents, last = path
    place = _look(item, parents)
    if isinstance(place, list) and isinstance(last, int):
        del place[last : last + 1]
    elif isinstance(place, dict):
        place.pop(str(last), None)
