"""The tables of the benchmarks, with the units that DynamoDB would bill."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.cost.billing import EVENTUAL, TRANSACTIONAL, item_bytes, read_units, write_units
from benchmarks.dynamodb.expressions import Attributes
from benchmarks.dynamodb.tables import Key, Tables

WRITE, READ = "dynamodb.write", "dynamodb.read"
Index = tuple[str, ...]  # the attributes of its key; it holds keys only


class BilledTables(Tables):
    """Count the units of each call.

    - An update is billed by the larger of the item before and after it. A refused write is billed by the item.
    - In a transaction each write is billed twice.
    - An index is written when an item enters it, leaves it, or changes its key there; the latter is two writes.

    Args:
        indexes: Indexes of the tables, by the table's name.

    Attributes:
        units: Units by the name of their price.
    """

    def __init__(self, indexes: Mapping[str, Iterable[Index]]) -> None:
        super().__init__()
        self.units: defaultdict[str, float] = defaultdict(float)
        self._indexes = {name: tuple(each) for name, each in indexes.items()}
        self._factor = 1

    def answer(self, operation: str, request: Mapping[str, Any]) -> Any:
        """Apply a call, count its units and return its answer."""
        self._factor = TRANSACTIONAL if operation == "TransactWriteItems" else 1
        return super().answer(operation, request)

    def store(self, table_name: str, key: Key, item: Attributes) -> None:
        """Write an item, and bill it."""
        before = self.item(table_name, key)
        self._bill(table_name, before or {}, item)
        super().store(table_name, key, item)

    def refuse(self, table_name: str, key: Key) -> None:
        """Bill a write that a condition refused."""
        self.units[WRITE] += self._factor * write_units(item_bytes(self.item(table_name, key) or {}))

    def _bill(self, table_name: str, before: Attributes, after: Attributes) -> None:
        self.units[WRITE] += self._factor * write_units(max(item_bytes(before), item_bytes(after)))
        for index in self._indexes.get(table_name, ()):
            places = {_place(index, before), _place(index, after)}
            self.units[WRITE] += len(places - {None}) if len(places) > 1 else 0

    def _get_item(self, request: Mapping[str, Any]) -> Any:
        answer = super()._get_item(request)
        self._read(request, [answer.get("Item", {})])
        return answer

    def _batch_get_item(self, request: Mapping[str, Any]) -> Any:
        answer = super()._batch_get_item(request)
        for name, asked in request["RequestItems"].items():
            found = answer["Responses"][name]
            self._read(asked, [*found, *[{}] * (len(asked["Keys"]) - len(found))])
        return answer

    def _read(self, request: Mapping[str, Any], items: Iterable[Attributes]) -> None:
        share = 1 if request.get("ConsistentRead") else EVENTUAL
        self.units[READ] += share * sum(read_units(item_bytes(item)) for item in items)


def _place(index: Index, item: Attributes) -> tuple[str, ...] | None:
    """Return the place of an item in an index; None where it is not in it."""
    if not all(name in item for name in index):
        return None
    return tuple(str(item[name]) for name in index)
