"""DynamoDB tables in memory: reads as a `TableReader` makes them, and writes as messages and requests collect them."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict
from tsunagu.runtime.table_reader import TableItem, TableKey, TablePage
from tsunagu.testing.expressions import holds, update
from tsunagu.testing.fakes import FakeItemStore


class FakeTable:
    """One table.

    Args:
        keys: Name of the partition key, and of the sort key, if the table has one.
        items: What is in the table. Default: nothing.

    Attributes:
        items: The items, by the values of their keys.
        fault: The call that each read fails by. None: reads are answered.
    """

    def __init__(self, *keys: str, items: Iterable[TableItem] = ()) -> None:
        self._keys = keys
        self.items: dict[tuple[Any, ...], TableItem] = {}
        self.fault: FailedCall | None = None
        for item in items:
            self.put(item)

    def put(self, item: Mapping[str, Any]) -> None:
        """Put an item."""
        self.items[tuple(item[name] for name in self._keys)] = dict(item)

    def get(self, key: TableKey) -> TableItem | None:
        """Return an item, or None if there is none."""
        self._check(key.keys() == set(self._keys), f"a key must have the attributes {self._keys}, got {sorted(key)}")
        found = self.items.get(tuple(key[name] for name in self._keys))
        return None if found is None else dict(found)

    def query(
        self,
        partition: TableKey,
        *,
        limit: int,
        after: TableKey | None = None,
        descending: bool = False,
        begins_with: TableKey | None = None,
    ) -> TablePage:
        """Return a page of the items of one partition, in the order of their sort keys."""
        first, *rest = self._keys
        is_right = [*partition] == [first] and (begins_with is None or [*begins_with] == rest)
        self._check(is_right, f"a query must name keys of {self._keys}, got {[*partition, *(begins_with or ())]}")
        found = [
            item
            for item in self.items.values()
            if item[first] == partition[first]
            and all(item[name].startswith(beginning) for name, beginning in (begins_with or {}).items())
        ]
        found.sort(key=lambda item: _order(item, rest), reverse=descending)
        return self._page(found, limit, after)

    def scan(self, *, limit: int, after: TableKey | None = None) -> TablePage:
        """Return a page of all items of the table, in the order of hashes of their keys."""
        found = sorted(self.items.values(), key=lambda item: hashlib.sha256(repr(self._key(item)).encode()).digest())
        return self._page(found, limit, after)

    def refuses(self, write: BusinessWrite) -> bool:
        """Return whether the condition of a write does not hold."""
        if write.condition is None:
            return False
        found = self.items.get(tuple(write.target[name] for name in self._keys), {})
        return not holds(write.condition, found, write.names, write.values)

    def apply(self, write: BusinessWrite) -> None:
        """Apply a write."""
        key = tuple(write.target[name] for name in self._keys)
        if write.operation == "Put":
            self.put(write.target)
        elif write.operation == "Delete":
            self.items.pop(key, None)
        elif write.operation == "Update":
            item = self.items.setdefault(key, dict(write.target))
            update(item, str(write.update), write.names, write.values)

    def key_of(self, target: Mapping[str, Any]) -> TableKey:
        """Return the key of an item, or of the target of a write."""
        return {name: target[name] for name in self._keys}

    def _key(self, item: TableItem) -> TableKey:
        return {name: item[name] for name in self._keys}

    def _page(self, found: Sequence[TableItem], limit: int, after: TableKey | None) -> TablePage:
        self._check(limit > 0, f"limit must be 1 or more, got {limit}")
        if after is not None:
            self._check(after.keys() == set(self._keys), f"after must be a key of {self._keys}, got {sorted(after)}")
            # The item may have been deleted meanwhile.
            numbers = [number for number, item in enumerate(found) if self._key(item) == after]
            found = found[numbers[0] + 1 :] if numbers else []
        page = [dict(item) for item in found[:limit]]
        return TablePage(tuple(page), self._key(page[-1]) if len(page) == limit else None)

    def _check(self, is_right: bool, text: str) -> None:
        if self.fault is not None:
            msg = f"DynamoDB must answer the read, got {self.fault}"
            raise UnavailableError(msg, call=self.fault)
        if not is_right:
            raise ValueError(text)


class FakeTableStore(FakeItemStore):
    """An item store whose transactions write to tables too.

    Args:
        tables: The tables, by name.

    Attributes:
        tables: The tables, by name.
    """

    def __init__(self, **tables: FakeTable) -> None:
        super().__init__()
        self.tables = tables

    def _transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        verdicts = super()._transact(commits, token)
        if all(verdict.outcome is Outcome.APPLIED for verdict in verdicts):
            for write in (write for commit in commits for write in commit.writes):
                self.tables[write.table_name].apply(write)
        return verdicts

    def _refuses(self, write: BusinessWrite) -> bool:
        return self.tables[write.table_name].refuses(write)


def _order(item: TableItem, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(value.encode() if isinstance(value := item[name], str) else value for name in names)
