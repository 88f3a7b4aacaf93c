"""Decides conditions about Python and the platform as they are in Lambda, without executing them."""

import ast
import operator
from collections.abc import Callable, Iterable
from typing import Any

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_ANY_PATCH = 99  # Lambda runs the latest patch release
_PLATFORM_NAMES = frozenset({"TYPE_CHECKING", "version_info", "hexversion", "implementation", "platform"})


def decide(test: ast.expr, version: tuple[int, int]) -> bool | None:
    """Return what a condition is in Lambda, or None when it depends on anything else.

    `TYPE_CHECKING` is false. `sys.version_info`, `sys.platform` and `os.name` are those of the function.

    Args:
        test: The condition.
        version: Major and minor version of the function's Python.
    """
    match test:
        case ast.BoolOp(op=op, values=values):
            return _combined([decide(value, version) for value in values], decisive=isinstance(op, ast.Or))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            decided = decide(operand, version)
            return None if decided is None else not decided
    try:
        return bool(_value(test, version))
    except (_UnknownValueError, TypeError, LookupError, ValueError):
        return None


def asks_for_platform(test: ast.expr) -> bool:
    """Whether a condition reads the version of Python, the platform, or whether a type checker reads the file."""
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    return not _PLATFORM_NAMES.isdisjoint(
        names | {node.attr for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    )


class _UnknownValueError(Exception):
    """Only executing the code could give the value."""


def _combined(decided: Iterable[bool | None], *, decisive: bool) -> bool | None:
    """Combine the parts of `or` (`decisive` is True) or of `and` (False)."""
    parts = set(decided)
    if decisive in parts:
        return decisive
    return None if None in parts else not decisive


def _value(node: ast.expr, version: tuple[int, int]) -> Any:
    """Evaluate the few forms that such conditions are written in."""
    value: Any
    match node:
        case ast.Constant():
            value = node.value
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            value = tuple(_value(each, version) for each in elements)
        case ast.Subscript(value=inner, slice=ast.Slice(lower=None, upper=ast.Constant(value=end), step=None)):
            value = _value(inner, version)[:end]
        case ast.Compare(left=left, ops=[compare], comparators=[right]) if type(compare) in _COMPARE:
            value = _COMPARE[type(compare)](_value(left, version), _value(right, version))
        case ast.Call(func=ast.Attribute(value=inner, attr="startswith"), args=[prefix], keywords=[]):
            value = str(_value(inner, version)).startswith(_value(prefix, version))
        case _:
            value = _fact(ast.unparse(node), version)
    return value


def _fact(name: str, version: tuple[int, int]) -> Any:
    """Return the value of a name or attribute that this module knows."""
    if name.rpartition(".")[2] == "TYPE_CHECKING":
        return False
    facts = {
        "version_info": (*version, _ANY_PATCH, "final", 0),
        "version_info.major": version[0],
        "version_info[0]": version[0],
        "version_info.minor": version[1],
        "version_info[1]": version[1],
        "sys.platform": "linux",
        "os.name": "posix",
    }
    known = name.removeprefix("sys.") if "version_info" in name else name
    if known not in facts:
        raise _UnknownValueError
    return facts[known]
