"""Compares two inventories: what an upgrade replaces, deletes or changes for those who have deployed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.upgrade.inventory import FUNCTION, Resources

RETAINED = ("Retain", "RetainExceptOnCreate", "Snapshot")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A change that those who have deployed must know of.

    Attributes:
        subject: What the changelog must name: the type and the construct path of a resource, or a variable.
        what: What happens.
    """

    subject: str
    what: str

    @property
    def is_variable(self) -> bool:
        """Whether it is about the environment of a function."""
        return "::" not in self.subject

    def __str__(self) -> str:
        """Return the finding as a test reports it."""
        return f"`{self.subject}`: {self.what}"


def findings(before: Mapping[str, Resources], after: Mapping[str, Resources]) -> list[Finding]:
    """Compare the stacks of two inventories. A stack that is not in both is a stack of its own, and not compared."""
    found = {each for name in before.keys() & after.keys() for each in _of_stack(before[name], after[name])}
    return sorted(found)


def _of_stack(before: Resources, after: Resources) -> Iterator[Finding]:
    for logical_id, old in before.items():
        new = after.get(logical_id)
        if old["type"] == FUNCTION:
            if new is not None and new["type"] == FUNCTION:
                yield from _variables(old, new)
        else:
            yield from _of_resource(logical_id, old, new, after)


def _of_resource(
    logical_id: str, old: Mapping[str, Any], new: Mapping[str, Any] | None, after: Resources
) -> Iterator[Finding]:
    subject = f"{old['type']} {old['path']}"
    if new is None or new["type"] != old["type"]:
        moved = next((name for name, each in after.items() if _is_same(each, old)), None)
        instead = f"replaced: its logical id {logical_id} is now {moved}" if moved else f"deleted: {logical_id} is gone"
        yield Finding(subject, instead)
        return
    for name in sorted(old["properties"].keys() | new["properties"].keys()):
        one, other = old["properties"].get(name), new["properties"].get(name)
        if one != other:
            yield Finding(subject, f"replaced: {name} was {json.dumps(one)}, and is {json.dumps(other)}")
    if old["deletion"] in RETAINED and new["deletion"] not in RETAINED:
        yield Finding(subject, f"no longer kept: its DeletionPolicy was {old['deletion']}, and is {new['deletion']}")


def _is_same(resource: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(resource["type"] == other["type"] and resource["path"] == other["path"])


def _variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Finding]:
    before, after = old["environment"], new["environment"]
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield Finding(name, "no longer in the environment of a function")
        elif name not in before:
            yield Finding(name, "new in the environment of a function")
        elif before[name] != after[name]:
            yield Finding(name, f"another value: it was {json.dumps(before[name])}, and is {json.dumps(after[name])}")
