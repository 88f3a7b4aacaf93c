"""The contract of item stores: the fake and the DynamoDB store must pass the same tests."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import uuid4

import pytest

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import ConditionFailedError
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, ItemStore, Outcome, Verdict

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


def transact(store: ItemStore, completion: Change, *writes: BusinessWrite) -> Verdict:
    """Commit one message."""
    (verdict,) = store.transact([Commit(completion, writes)], uuid4().hex)
    return verdict


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

        assert transact(store, change(item, {items.FENCE: 1}), write).outcome is Outcome.APPLIED
        assert effect in effects()

    def test_refused_transaction_writes_nothing_and_returns_the_item(
        self, store: ItemStore, effects: Effects, table_name: str
    ) -> None:
        item, effect = new_item(), {"id": f"effect#{uuid4()}"}
        store.insert([item])
        write = BusinessWrite(operation="Put", table_name=table_name, target=effect)

        verdict = transact(store, change(item, {items.FENCE: 2}), write)

        assert (verdict.outcome, verdict.found) == (Outcome.REFUSED, item)
        assert effect not in effects()

    def test_refused_business_write_has_an_error_for_the_business_function(
        self, store: ItemStore, table_name: str
    ) -> None:
        item, effect = new_item(), {"id": f"effect#{uuid4()}"}
        write = BusinessWrite(
            operation="Put", table_name=table_name, target=effect, condition="attribute_not_exists(id)"
        )
        first = new_item()
        store.insert([first, item])
        transact(store, change(first, {items.FENCE: 1}), write)

        verdict = transact(store, change(item, {items.FENCE: 1}), write)

        assert (verdict.outcome, type(verdict.error)) == (Outcome.FAILED, ConditionFailedError)
        assert "got writes [1] of 1 refused" in str(verdict.error)
        assert store.read([item.id]) == [item]

    def test_transaction_of_several_messages_applies_all_or_names_those_at_fault(
        self, store: ItemStore, effects: Effects, table_name: str
    ) -> None:
        written = [new_item() for _ in range(4)]
        store.insert(written)
        writes = [
            BusinessWrite(operation="Put", table_name=table_name, target={"id": f"effect#{uuid4()}"}) for _ in written
        ]
        taken = BusinessWrite(
            operation="Put", table_name=table_name, target=writes[0].target, condition="attribute_not_exists(id)"
        )
        transact(store, change(written[0], {items.FENCE: 1}), writes[0])
        right = [Commit(change(item, {items.FENCE: 1}), [write]) for item, write in zip(written, writes, strict=True)]
        late = Commit(change(written[1], {items.FENCE: 9}), [writes[1]])
        refused = Commit(change(written[2], {items.FENCE: 1}), [taken])

        verdicts = store.transact([late, refused, right[3]], uuid4().hex)

        assert [verdict.outcome for verdict in verdicts] == [Outcome.REFUSED, Outcome.FAILED, Outcome.CANCELLED]
        assert verdicts[0].found == written[1]
        assert store.read([item.id for item in written[1:]]) == written[1:]
        assert [verdict.outcome for verdict in store.transact(right[1:], uuid4().hex)] == [Outcome.APPLIED] * 3
        assert all(write.target in effects() for write in writes)

    def test_second_call_with_a_token_changes_nothing_and_has_the_same_answer(self, store: ItemStore) -> None:
        written = [new_item(), new_item()]
        store.insert(written)
        commits = [Commit(change(item, {items.FENCE: 1, items.STATUS: item.status}), []) for item in written]
        token = uuid4().hex

        answers = [store.transact(commits, token) for _ in range(2)]

        assert [[verdict.outcome for verdict in answer] for answer in answers] == [[Outcome.APPLIED] * 2] * 2
