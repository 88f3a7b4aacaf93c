"""The format of an idempotency item in DynamoDB: writes its attributes, and reads them strictly.

An item that another release has written may have another form. It is then `UNREADABLE`, and nothing is raised.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency.item import AttributeValue, Item
from tsunagu.runtime.idempotency.store import Outcome, Verdict

_DEFAULTS = {field.name: field.default for field in fields(Item)}
_KINDS: dict[Any, str] = {str: "S", Status: "S", int: "N", tuple[str, ...]: "L"}
_KIND_OF = {field.name: _KINDS[field.type] for field in fields(Item)}
_values = attrgetter(*_DEFAULTS)
_NUMBERS = range(items.NEVER + 1)


def item_attributes(item: Item) -> dict[str, Any]:
    """Return the attributes of `item` in DynamoDB's format. An attribute with its default value is left out."""
    values = zip(_DEFAULTS.items(), _values(item), strict=True)
    return {name: to_attribute(value) for (name, default), value in values if value != default}


def to_attribute(value: AttributeValue | Iterable[str]) -> dict[str, Any]:
    """Return a value in DynamoDB's format."""
    if isinstance(value, str):
        return {"S": str.__str__(value)}  # of a subclass, its own text, whatever its `__str__` does
    if isinstance(value, int):
        return {"N": str(value)}
    return {"L": [{"S": each} for each in value]}


def item_or_verdict(attributes: Mapping[str, Any]) -> Item | Verdict:
    """Return an item; or a verdict, if it has not the form that this release writes."""
    try:
        values = {name: _value(name, attributes[name]) for name in _DEFAULTS if name in attributes}
        missing = [name for name, default in _DEFAULTS.items() if default is MISSING and name not in values]
        if missing:
            return Verdict(Outcome.UNREADABLE, unreadable=f"it must have the attributes {missing}")
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        return Verdict(Outcome.UNREADABLE, unreadable=str(error))
    return Item(**values)


def _value(name: str, attribute: Mapping[str, Any]) -> Any:
    """Return the value of an attribute.

    Raises:
        ValueError: It is not of the attribute's type. The text has the name, and not the value.
    """
    kind = _KIND_OF[name]
    try:
        value = attribute[kind]
        if name == items.STATUS:
            return Status(value)
        if kind == "N":
            return _NUMBERS[_NUMBERS.index(int(value))]
        if kind == "L":
            return tuple(_text(each["S"]) for each in value)
        return _text(value)
    except (LookupError, TypeError, ValueError):
        expected = f"one of {[*map(str, Status)]}" if name == items.STATUS else f"of type {kind}"
        msg = f"its attribute {name} must be {expected}"
        raise ValueError(msg) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
