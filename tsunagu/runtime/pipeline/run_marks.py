"""The marks of open runs: the write that commits a start puts it into an index, by its time.

A run stays in the index until somebody saw that it is done: `RunSweeper` takes it out. So a run that nothing delivers
any more is found, whatever became of its messages.
"""

from collections.abc import Sequence
from dataclasses import replace

from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.pipeline import run_partition_of
from tsunagu.runtime.idempotency.item import AttributeValue, Change, Item
from tsunagu.runtime.idempotency.store import Commit, ItemStore, Verdict
from tsunagu.runtime.pipeline.shape import start_scope

OF_THE_INDEX = (requests.OPEN, requests.DUE)


class RunMarks:
    """An item store that marks a start as open, by the write that commits it. It costs no call of its own.

    Args:
        store: The store behind it.
        pipeline: Name of the pipeline.
    """

    def __init__(self, store: ItemStore, pipeline: str) -> None:
        self._store = store
        self._pipeline = pipeline
        self._starts = f"{start_scope(pipeline)}#"

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that do not exist yet."""
        return self._store.insert(new_items)

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items, consistently."""
        return self._store.read(item_ids)

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes."""
        return self._store.update([self._marked(change) for change in changes])

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        """Apply all `commits` in one transaction, or none of them."""
        return self._store.transact([Commit(self._marked(each.change), each.writes) for each in commits], token)

    def _marked(self, change: Change) -> Change:
        commits = change.values.get(items.STATUS) in {Status.COMMITTED, Status.COMPLETED}
        is_first = change.where.get(items.STATUS) != Status.COMMITTED
        if not (commits and is_first and change.item_id.startswith(self._starts)):
            return change
        partition = run_partition_of(self._pipeline, change.item_id)
        values: dict[str, AttributeValue] = {
            **change.values,
            requests.OPEN: partition,
            requests.DUE: change.values[items.UPDATED],
        }
        return replace(change, values=values)


def closing(item: Item) -> Change:
    """Return the change that takes a start out of the index, unless another claim or commit came in between."""
    where: dict[str, AttributeValue] = {items.STATUS: item.status, items.FENCE: item.fence}
    return Change(item_id=item.id, values={}, where=where, removed=OF_THE_INDEX)
