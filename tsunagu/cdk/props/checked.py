"""The base of all props: their annotations are checked before anything else reads them."""

import functools
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from tsunagu.cdk.props.kinds import alternatives, is_collection, is_mapping, is_of_kind, item_kinds, name_of, shown
from tsunagu.errors import InvalidPropsError


class CheckedProps:
    """Base of a dataclass of props: the kind of each prop, and the rules that its annotation has, are checked.

    A subclass that checks more calls `CheckedProps.__post_init__(self)` first: plain `super()` fails in a dataclass
    with slots. The names in its annotations must exist at run time, so they are no imports for type checkers alone.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        for name, annotation in annotations_of(type(self)).items():
            check_value(name, getattr(self, name), annotation)


def annotations_of(props: type[CheckedProps]) -> Mapping[str, Any]:
    """Return the annotations of the props, by name, with those of their bases."""
    kind: Any = props  # mypy takes no class of ours for a hashable one
    return _annotations(kind)


@functools.cache
def _annotations(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def check_value(name: str, value: object, annotation: Any) -> None:
    """Refuse a value that its annotation does not allow: a type, a union, a `Literal`, a collection, or an interface.

    Args:
        name: Name of the prop, for the error.
        value: Value of the prop.
        annotation: The annotation; `Annotated` gives rules, which are checked where the kind is right.

    Raises:
        InvalidPropsError: The value is of another kind, or breaks a rule.
    """
    if get_origin(annotation) is Annotated:
        inside, *rules = get_args(annotation)
        check_value(name, value, inside)
        for rule in rules:
            rule.check(name, value)
        return
    kinds = alternatives(annotation)
    kind = next((each for each in kinds if is_of_kind(value, each)), None)
    if kind is None:
        raise InvalidPropsError(_sentence(name, value, kinds))
    if kind is not annotation:  # one part of a union, with rules of its own
        check_value(name, value, kind)
    elif is_collection(annotation, Sequence):
        _check_items(name, value, item_kinds(annotation)[0])
    elif is_mapping(annotation):
        _check_mapping(name, value, *item_kinds(annotation))


def _check_items(name: str, items: Any, annotation: Any) -> None:
    for item in items:
        check_value(name, item, annotation)


def _check_mapping(name: str, mapping: Any, keys: Any, values: Any) -> None:
    for key, value in mapping.items():
        check_value(name, key, keys)
        check_value(f"{name}[{key!r}]", value, values)


def _sentence(name: str, value: object, kinds: Sequence[Any]) -> str:
    if get_origin(kinds[0]) is Literal:
        return f"{name} must be one of {', '.join(map(str, get_args(kinds[0])))}, got {shown(value)}"
    names = [name_of(kind) for kind in kinds if kind is not NoneType]
    return f"{name} must be of type {' or '.join(names)}, got {shown(value)}"
