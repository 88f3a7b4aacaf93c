"""The index of HTTP requests whose messages are still to be sent. The sweeper of requests finds them there.

An item is in the index from its commit, if that leaves messages to be sent, until they were sent, or given up.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.web import unsent_partition_of
from tsunagu.runtime.idempotency.item import Attributes, AttributeValue, Change, Item
from tsunagu.runtime.idempotency.store import Commit, ItemStore, Verdict

OF_THE_INDEX = (requests.OPEN, requests.DUE, requests.RESENDS)


class UnsentIndex:
    """An item store that keeps the index: by the writes that the items get anyhow.

    * A commit with messages puts the item into the index. It is due when the lease of its invocation has ended.
    * An item with messages to be sent does not expire, however long that takes.
    * The write that says that all were sent, or that they are given up, takes it out.

    Args:
        store: The store behind it.
        place: Place of the application; see `WebEnvironment.web_place`.
    """

    def __init__(self, store: ItemStore, place: str) -> None:
        self._store = store
        self._place = place

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that do not exist yet."""
        return self._store.insert(new_items)

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Read items, consistently."""
        return self._store.read(item_ids)

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes."""
        return self._store.update([self._change(change) for change in changes])

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        """Apply all `commits` in one transaction, or none of them."""
        return self._store.transact([Commit(self._change(each.change), each.writes) for each in commits], token)

    def _change(self, change: Change) -> Change:
        was_committed = change.where.get(items.STATUS) == Status.COMMITTED
        if change.values.get(items.STATUS, change.where.get(items.STATUS)) != Status.COMMITTED:
            return replace(change, removed=OF_THE_INDEX) if was_committed else change
        values: dict[str, AttributeValue] = {**change.values}
        if items.EXPIRATION in values:
            values[items.EXPIRATION] = requests.NO_EXPIRATION
        if not was_committed:
            values[requests.OPEN] = unsent_partition_of(self._place, change.item_id)
            values[requests.DUE] = cast("int", values[items.LEASE]) + 1
        removed = OF_THE_INDEX if values.get(items.TOLD) else change.removed
        return replace(change, values=values, removed=removed)


def taking_to_send(item: Item, *, owner: str, lease_ms: int) -> Change:
    """Return the change by which a sender takes an item whose messages are to be sent. Of two senders, one does.

    Args:
        item: The item, as it was read: COMMITTED, and its lease has ended.
        owner: Token of the sender.
        lease_ms: When its lease ends, in milliseconds since the epoch.
    """
    seen: Attributes = {
        items.STATUS: Status.COMMITTED,
        items.FENCE: item.fence,
        items.OWNER: item.owner,
        items.LEASE: item.lease,
    }
    return Change(item_id=item.id, values={items.OWNER: owner, items.LEASE: lease_ms}, where=seen)
