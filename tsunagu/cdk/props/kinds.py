"""Kinds of values, as annotations name them, and how an error names kinds and values."""

import functools
import inspect
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from tsunagu.cdk.props.tokens import UNKNOWN, is_known

_SHOWN_CHARACTERS = 64


def without_rules(annotation: Any) -> Any:
    """Return the annotation inside `Annotated`."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the parts of a union, or the annotation itself."""
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def is_of_kind(value: object, annotation: Any) -> bool:
    """Whether a value is of the kind that an annotation without a union names. Items of collections do not count."""
    kind = without_rules(annotation)
    origin = get_origin(kind)
    if origin is Literal:
        return value in get_args(kind)
    expected = origin or kind
    if expected is Any:
        return True
    if expected is int:
        return isinstance(value, int | float) and not isinstance(value, bool) and _is_whole(value)
    if expected is Sequence:
        return isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if getattr(expected, "_is_protocol", False):
        return _has_members(value, expected)
    return any(isinstance(each, expected) for each in _parts(value))


def name_of(annotation: Any) -> str:
    """Return how an error names a kind."""
    kind = without_rules(annotation)
    expected = get_origin(kind) or kind
    return "None" if expected is NoneType else str(getattr(expected, "__name__", expected))


def shown(value: object) -> str:
    """Return how an error shows a value: text, numbers and their collections as they are, else the kind of the value.

    A value that only the deployment knows has a text that means nothing to a reader.
    """
    if isinstance(value, str | int | float | bool | NoneType):
        return _shortened(repr(value)) if is_known(value) else UNKNOWN
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__}"
    if inspect.isclass(value):
        return f"the class {value.__name__}"
    path = getattr(getattr(value, "node", None), "path", "")  # of a construct
    return f"{type(_parts(value)[0]).__name__} {path}".rstrip()


def _is_whole(value: float) -> bool:
    return isinstance(value, int) or not is_known(value)


def _parts(value: object) -> Sequence[object]:
    """Return the objects that a value consists of: jsii joins several where one has no class of its own in Python."""
    parts = inspect.getattr_static(value, "_delegates", None)
    return parts if isinstance(parts, list) else (value,)


def _has_members(value: object, interface: type) -> bool:
    """Whether a value has all members of an interface of the CDK; `isinstance` cannot tell."""
    classes = [type(part) for part in _parts(value)]
    return all(any(hasattr(each, member) for each in classes) for member in _members(interface))


@functools.cache
def _members(interface: type) -> frozenset[str]:
    bases = (base for base in interface.__mro__ if getattr(base, "_is_protocol", False))
    return frozenset(name for base in bases for name in vars(base) if not name.startswith("_"))


def is_collection(annotation: Any, collection: type) -> bool:
    """Whether an annotation is one of a collection with items of a stated kind."""
    return get_origin(without_rules(annotation)) is collection


def item_kinds(annotation: Any) -> tuple[Any, ...]:
    """Return the kinds of the items of a collection: one of a sequence, two of a mapping."""
    return get_args(without_rules(annotation))


def is_mapping(annotation: Any) -> bool:
    """Whether an annotation is one of a mapping with keys and values of stated kinds."""
    return is_collection(annotation, Mapping)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
