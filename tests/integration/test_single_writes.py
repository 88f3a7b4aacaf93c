"""The store by single writes keeps the contract, against moto."""

from collections.abc import Mapping

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from lambdas.runtime.aws.single_writes import SingleWriteItemStore
from tests.lambdas.runtime.item_store_contract import Effects, ItemStoreContract


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
