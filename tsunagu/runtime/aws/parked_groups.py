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
        """Return the entries of the numbers that are not settled, in order. None: there is none, or it has expired."""
        found = self._store.read_attributes([group.entry_id(number) for number in range(group.head, group.tail)])
        return [_record(ParkedEntry, each) if isinstance(each, Mapping) else each for each in found]


def _record(kind: type[RecordT], attributes: Mapping[str, Any]) -> RecordT | Verdict:
    """Return a record of its attributes in DynamoDB's format; or a verdict, if another release wrote another form."""
    try:
        values: dict[str, Any] = {
            field.name: attributes[field.name]["S"] if field.type is str else int(attributes[field.name]["N"])
            for field in fields(kind)
        }
    except (KeyError, TypeError, ValueError) as error:
        return Verdict(Outcome.UNREADABLE, unreadable=f"its attributes must be those of a {kind.__name__}, got {error}")
    return kind(**values)
