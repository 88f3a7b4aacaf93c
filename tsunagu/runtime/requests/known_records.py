"""The item store of one batch of requests: it knows their records, because the batch has just read them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import Commit, ItemStore, Outcome, Verdict
from tsunagu.runtime.requests.record import RequestRecord

_OPEN = {Status.INPROGRESS, Status.RELEASED, Status.COMMITTED}


class KnownRecords:
    """Answers from the records that were read, and hands everything else to the store behind it.

    * A record that is known is not inserted, and not read again. It may have changed since: each takeover is a
      conditional write, so an old answer does no harm.
    * A request that has not ended does not expire, however long it takes. One that has ended is not worked on again,
      as long as its record exists.
    * One whose outbox was given up is shown as failed. A worker that is late with its sends, or with the news that they
      failed, changes nothing of it: only a message that was redriven since does.
    * A failed request that is claimed again becomes open, so that the sweeper looks at it.
    * One that fails is due at once, so that the sweeper publishes that in its next run.

    Args:
        store: The store behind it.
        clock: The time.
        scope: Scope of the requests.
        known: Records by their ids; or why one could not be read.
    """

    def __init__(
        self, store: ItemStore, clock: Clock, scope: str, known: Mapping[str, RequestRecord | Verdict]
    ) -> None:
        self._store = store
        self._clock = clock
        self._scope = scope
        self._known = known

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that do not exist yet. Those of known records do."""
        others = [item for item in new_items if item.id not in self._known]
        answers = iter(self._store.insert(others) if others else [])
        return [Verdict(Outcome.REFUSED) if item.id in self._known else next(answers) for item in new_items]

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        """Return the items of known records, and read the others."""
        others = [item_id for item_id in item_ids if item_id not in self._known]
        answers = iter(self._store.read(others) if others else [])
        return [self._item(item_id) if item_id in self._known else next(answers) for item_id in item_ids]

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes."""
        return self._store.update([self._change(change) for change in changes])

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        """Apply all `commits` in one transaction, or none of them."""
        return self._store.transact([Commit(self._change(each.change), each.writes) for each in commits], token)

    def _item(self, item_id: str) -> Item | Verdict:
        known = self._known[item_id]
        return replace(known.item, expiration=0) if isinstance(known, RequestRecord) else known

    def _change(self, change: Change) -> Change:
        known = self._known.get(change.item_id)
        if known is None:
            return change
        values, where = {**change.values}, {**change.where}
        if where.get(items.STATUS) == Status.COMMITTED:
            where[items.TOLD] = _told(known)
        is_given_up = bool(values.get(items.TOLD, where.get(items.TOLD)))
        is_open = values.get(items.STATUS, where.get(items.STATUS)) in _OPEN and not is_given_up
        if items.EXPIRATION in values and is_open:
            values[items.EXPIRATION] = requests.NO_EXPIRATION
        if change.where.get(items.STATUS) == Status.DEAD and values.get(items.STATUS) == Status.INPROGRESS:
            now_ms = self._clock.now_ms()
            partition = requests.open_partition_of(self._scope, change.item_id)
            values |= {requests.REOPENED: now_ms, requests.OPEN: partition, requests.DUE: now_ms}
        if _fails(change):
            values[requests.DUE] = self._clock.now_ms()
        return replace(change, values=values, where=where)


def _fails(change: Change) -> bool:
    """Return whether a change ends a request as FAILED: it is dead, or its outbox is given up."""
    is_committed = change.where.get(items.STATUS) == Status.COMMITTED
    return change.values.get(items.STATUS) == Status.DEAD or (is_committed and bool(change.values.get(items.TOLD)))


def _told(known: RequestRecord | Verdict) -> tuple[str, ...]:
    """Return who had been told of an outbox that cannot be sent when the record was read; a claim forgets them."""
    if isinstance(known, RequestRecord) and known.item.status is Status.COMMITTED:
        return known.item.told
    return ()
