"""The contract of item stores: the fake and the DynamoDB store must pass the same tests."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import uuid4

import pytest

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import ConditionFailedError
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import BusinessWrite, ItemStore, Outcome

Effects = Callable[[], list[Mapping[str, object]]]
OTHER_STATUS = {items.STATUS: Status.COMPLETED}


def new_item(**values: object) -> Item:
    item = Item(
        id=f"orders#{uuid4()}",
        status=Status.INPROGRESS,
        owner="me",
        fence=1,
        lease=items.NEVER,
        payload_hash="hash",
        reason='quoted "reason" with ünicode',
        message_ids=("m-1", "m-2"),
        expiration=1_900_000_000,
    )
    return replace(item, **values)  # type: ignore[arg-type]


def change(item: Item, where: Mapping[str, str | int]) -> Change:
    return Change(item_id=item.id, values={items.STATUS: Status.COMPLETED, items.TOLD: ("m-1",)}, where=where)


class ItemStoreContract:
    """Needs the fixtures `store`, and `effects`: what business writes left behind."""

    def test_item_is_read_as_it_was_inserted(self, store: ItemStore) -> None:
        item = new_item()

        assert store.insert([item])[0].outcome is Outcome.APPLIED
        assert store.read([item.id]) == [item]

    def test_absent_item_is_read_as_none(self, store: ItemStore) -> None:
        assert store.read(["absent"]) == [None]

    def test_existing_item_is_not_inserted_again_and_stays_as_it_was(self, store: ItemStore) -> None:
        item = new_item()
        store.insert([item])

        assert store.insert([replace(item, owner="you")])[0].outcome is Outcome.REFUSED
        assert store.read([item.id]) == [item]

    def test_each_entry_of_a_large_batch_has_a_verdict_of_its_own(self, store: ItemStore) -> None:
        written = [new_item() for _ in range(120)]
        store.insert(written[::2])

        outcomes = [verdict.outcome for verdict in store.insert(written)]

        assert outcomes == [Outcome.REFUSED, Outcome.APPLIED] * 60
        assert store.read([item.id for item in written]) == written

    def test_change_is_applied_where_all_its_conditions_hold(self, store: ItemStore) -> None:
        item = new_item()
        store.insert([item])

        verdicts = store.update([change(item, {items.OWNER: "me", items.FENCE: 1})])

        assert verdicts[0].outcome is Outcome.APPLIED
        assert store.read([item.id]) == [replace(item, status=Status.COMPLETED, told=("m-1",))]

    @pytest.mark.parametrize("where", [{items.OWNER: "you"}, {items.FENCE: 2}, {items.STATUS: Status.DEAD}])
    def test_refused_change_returns_the_item(self, store: ItemStore, where: Mapping[str, str | int]) -> None:
        item = new_item()
        store.insert([item])

        verdict = store.update([change(item, {items.LEASE: items.NEVER, **where})])[0]

        assert (verdict.outcome, verdict.found) == (Outcome.REFUSED, item)
        assert store.read([item.id]) == [item]

    def test_change_of_an_absent_item_creates_none(self, store: ItemStore) -> None:
        item = new_item()

        verdict = store.update([change(item, {items.FENCE: 1})])[0]

        assert (verdict.outcome, verdict.found) == (Outcome.REFUSED, None)
        assert store.read([item.id]) == [None]

    def test_each_change_of_a_large_batch_is_decided_by_itself(self, store: ItemStore) -> None:
        written = [new_item(fence=1 + number % 2) for number in range(60)]
        store.insert(written)

        outcomes = [verdict.outcome for verdict in store.update([change(item, {items.FENCE: 1}) for item in written])]

        assert outcomes == [Outcome.APPLIED, Outcome.REFUSED] * 30

    def test_transaction_applies_the_change_and_the_writes(
        self, store: ItemStore, effects: Effects, table_name: str
    ) -> None:
        item, effect = new_item(), {"id": f"effect#{uuid4()}"}
        store.insert([item])
        write = BusinessWrite(operation="Put", table_name=table_name, target=effect)

        assert store.transact(change(item, {items.FENCE: 1}), [write]).outcome is Outcome.APPLIED
        assert effect in effects()

    def test_refused_transaction_writes_nothing_and_returns_the_item(
        self, store: ItemStore, effects: Effects, table_name: str
    ) -> None:
        item, effect = new_item(), {"id": f"effect#{uuid4()}"}
        store.insert([item])
        write = BusinessWrite(operation="Put", table_name=table_name, target=effect)

        verdict = store.transact(change(item, {items.FENCE: 2}), [write])

        assert (verdict.outcome, verdict.found) == (Outcome.REFUSED, item)
        assert effect not in effects()

    def test_refused_business_write_raises_an_error_for_the_business_function(
        self, store: ItemStore, table_name: str
    ) -> None:
        item, effect = new_item(), {"id": f"effect#{uuid4()}"}
        write = BusinessWrite(
            operation="Put", table_name=table_name, target=effect, condition="attribute_not_exists(id)"
        )
        first = new_item()
        store.insert([first, item])
        store.transact(change(first, {items.FENCE: 1}), [write])

        with pytest.raises(ConditionFailedError, match=r"got writes \[1\] of 1 refused"):
            store.transact(change(item, {items.FENCE: 1}), [write])
        assert store.read([item.id]) == [item]
