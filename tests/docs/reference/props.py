"""Tables of props, from the annotations and docstrings of their classes."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

NO_DEFAULT = "–"  # noqa: RUF001 - as the other tables of the pages have it
_ENTRY = re.compile(r"^(\w+): ", re.MULTILINE)
_DEFAULT = re.compile(r"(?:^|(?<=[.)] ))Default(?P<more>, [\w ]+)?: ")


def props_table(props: type, link: Callable[[str], str]) -> str:
    """Return the table of the props that a class declares itself, with a sentence about those of its base.

    Args:
        props: The class.
        link: Returns a link to the table of the class of this name.
    """
    rows = [_row(field, described(props)[field.name], _hints(props)[field.name]) for field in own_fields(props)]
    base = base_of(props)
    lines = [f"`{props.__name__}` has the props of {link(base.__name__)}, and these:", ""] if base else []
    return "\n".join([*lines, "| prop | type | default | what it is |", "|---|---|---|---|", *rows])


def own_fields(props: type) -> list[dataclasses.Field[Any]]:
    """Return the fields that no base declares."""
    base = base_of(props)
    known = {field.name for field in dataclasses.fields(base)} if base else set()
    return [field for field in dataclasses.fields(props) if field.name not in known]


def base_of(props: type) -> type | None:
    """Return the class of props that a class extends; None when it extends none."""
    return next((base for base in props.__mro__[1:] if dataclasses.is_dataclass(base)), None)


def described(props: type) -> Mapping[str, str]:
    """Return what the docstring of a class says of each attribute, as one line each."""
    text = inspect.cleandoc(props.__doc__ or "")
    section = text.partition("Attributes:\n")[2].partition("\nRaises:")[0]
    parts = _ENTRY.split(inspect.cleandoc("\n" + section))[1:]
    return {name: " ".join(said.split()) for name, said in zip(parts[::2], parts[1::2], strict=True)}


def _hints(props: type) -> Mapping[str, Any]:
    return get_type_hints(props)


def _row(field: dataclasses.Field[Any], text: str, annotation: Any) -> str:
    said, found, default = split_default(text)
    shown = default if found else _default_in_code(field)
    cells = (f"`{field.name}`", ", ".join(f"`{name}`" for name in type_names(annotation)), shown, said)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def split_default(text: str) -> tuple[str, bool, str]:
    """Return what a text says besides the default, whether it names a default, and the default."""
    found = _DEFAULT.search(text)
    if not found:
        return text, False, ""
    default, more = _first_sentence(text[found.end() :])
    words = found["more"] or ""
    return f"{text[: found.start()]}{more}".strip(), True, default + (f" ({words.strip(' ,')})" if words else "")


def _first_sentence(text: str) -> tuple[str, str]:
    first, _, rest = text.partition(". ")
    return first.removesuffix("."), rest


def _default_in_code(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return NO_DEFAULT
    return _value(field.default) if field.default is not dataclasses.MISSING else _made(field.default_factory)


def _value(value: object) -> str:
    return "none" if value is None else f"`{value}`"


def _made(factory: object) -> str:
    return f"`{factory.__name__}()`" if isinstance(factory, type) else "new"


def type_names(annotation: Any) -> list[str]:
    """Return the names of the types that a prop may have, without `None`."""
    return list(dict.fromkeys(_names(annotation)))


def _names(annotation: Any) -> Iterator[str]:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _names(each)
    elif origin is Literal:
        yield from (repr(each).replace("'", '"') for each in get_args(annotation))
    elif origin is Callable or origin in _COLLECTIONS:
        yield _collection(annotation)
    elif annotation is not NoneType:
        yield getattr(annotation, "__name__", str(annotation))


_COLLECTIONS = (Sequence, Mapping, list, dict, tuple, type)


def _collection(annotation: Any) -> str:
    inside = ", ".join(" or ".join(_names(each)) for each in get_args(annotation))
    return f"{get_origin(annotation).__name__}[{inside}]"
