"""Reads parked groups from the idempotency table: the group items, and their entries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.idempotency.parked_groups import ParkedEntry, ParkedGroup
from tsunagu.runtime.idempotency.store import Outcome, Verdict

RecordT = TypeVar("RecordT", ParkedGroup, ParkedEntry)


class DynamoDbGroups:
    """The group items of one table; see `GroupReader`.

    Args:
        store: The items of the table.
    """

    def __init__(self, store: DynamoDbItemStore) -> None:
        self._store = store

    def begin(self, groups: Sequence[ParkedGroup]) -> Callable[[], list[ParkedGroup | Verdict]]:
        """Begin to read groups beside other calls."""
        wait = self._store.begin_to_read([group.id for group in groups])

        def answer() -> list[ParkedGroup | Verdict]:
            return [
                group if found is None else found if isinstance(found, Verdict) else _record(ParkedGroup, found)
                for group, found in zip(groups, wait(), strict=True)
            ]

        return answer

    def entries(self, group: ParkedGroup) -> list[ParkedEntry | Verdict | None]:
        """Return the entries of the numbers that a group waits for, in order. None: the entry has expired."""
        found = self._store.read_attributes([group.entry_id(number) for number in group.waiting])
        return [_record(ParkedEntry, each) if isinstance(each, Mapping) else each for each in found]


def _record(kind: type[RecordT], attributes: Mapping[str, Any]) -> RecordT | Verdict:
    """Return a record of its attributes in DynamoDB's format; or a verdict, if another release wrote another form."""
    try:
        values = {field.name: _value(field.type, attributes[field.name]) for field in fields(kind)}
    except (KeyError, TypeError, ValueError) as error:
        return Verdict(Outcome.UNREADABLE, unreadable=f"its attributes must be those of a {kind.__name__}, got {error}")
    return kind(**values)


def _value(kind: Any, attribute: Mapping[str, Any]) -> Any:
    if kind is str:
        return attribute["S"]
    return int(attribute["N"]) if kind is int else tuple(each["S"] for each in attribute["L"])
