"""The item store of single writes keeps the contract of item stores, against moto."""

from collections.abc import Mapping
from dataclasses import replace

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from tests.tsunagu.runtime.idempotency.item_store_contract import Effects, ItemStoreContract, new_item
from tsunagu.runtime.aws.single_writes import SingleWriteItemStore
from tsunagu.runtime.idempotency.store import Outcome


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

    def test_entry_that_dynamodb_always_refuses_affects_no_other(self, store: SingleWriteItemStore) -> None:
        items = [new_item() for _ in range(12)]
        spoiled = replace(items[5], id="")  # an empty key is a ValidationException

        outcomes = [verdict.outcome for verdict in store.insert([*items[:5], spoiled, *items[6:]])]

        assert outcomes == [*[Outcome.APPLIED] * 5, Outcome.UNAVAILABLE, *[Outcome.APPLIED] * 6]
