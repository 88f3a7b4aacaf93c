"""The item store of single writes keeps the contract of item stores, against moto."""

from collections.abc import Mapping
from dataclasses import replace

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from tests.tsunagu.runtime.idempotency.item_store_contract import Effects, ItemStoreContract, change, new_item
from tsunagu.contracts import items
from tsunagu.runtime.aws.single_writes import SingleWriteItemStore
from tsunagu.runtime.idempotency.store import Commit, ItemStore, Outcome


class TestSingleWriteItemStore(ItemStoreContract):
    @pytest.fixture
    def table_name(self) -> str:
        return "items"

    @pytest.fixture
    def store(self, table_name: str) -> SingleWriteItemStore:
        client = boto3.client("dynamodb")
        client.create_table(
            TableName=table_name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        return SingleWriteItemStore(client, table_name)

    @pytest.fixture
    def effects(self, store: SingleWriteItemStore) -> Effects:
        def read() -> list[Mapping[str, object]]:
            deserialize = TypeDeserializer().deserialize
            items = store.client.scan(TableName=store.table_name)["Items"]
            return [{name: deserialize(value) for name, value in item.items()} for item in items]

        return read

    def test_second_call_with_a_token_changes_nothing_and_has_the_same_answer(self, store: ItemStore) -> None:
        """moto knows no tokens. Then the second call is refused, with the item that the first one wrote."""
        item = new_item()
        store.insert([item])
        commits = [Commit(change(item, {items.FENCE: 1, items.STATUS: item.status}), [])]

        answers = [store.transact(commits, "token")[0] for _ in range(2)]

        assert [answer.outcome for answer in answers] == [Outcome.APPLIED, Outcome.REFUSED]
        assert [answer.found for answer in answers][1] == store.read([item.id])[0]

    def test_entry_that_dynamodb_always_refuses_affects_no_other(self, store: SingleWriteItemStore) -> None:
        entries = [new_item() for _ in range(12)]
        spoiled = replace(entries[5], id="")  # an empty key is a ValidationException

        outcomes = [verdict.outcome for verdict in store.insert([*entries[:5], spoiled, *entries[6:]])]

        assert outcomes == [*[Outcome.APPLIED] * 5, Outcome.UNAVAILABLE, *[Outcome.APPLIED] * 6]
