"""DynamoDB's item store keeps the contract that the fake keeps."""

from collections.abc import Mapping
from uuid import uuid4

import pytest
from boto3.dynamodb.types import TypeDeserializer

from tests.e2e.deployed import Deployment
from tests.tsunagu.runtime.idempotency.item_store_contract import Effects, ItemStoreContract
from tests.tsunagu.runtime.requests.request_store_contract import RequestStoreContract, RequestTable
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.request_records import DynamoDbRequestRecords
from tsunagu.runtime.aws.single_writes import SingleWriteItemStore


@pytest.fixture(scope="module")
def table_name(deployment: Deployment) -> str:
    name = f"contract-{uuid4()}"
    deployment.cloud.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return name


@pytest.mark.parametrize("store", [DynamoDbItemStore, SingleWriteItemStore], indirect=True)
class TestDynamoDbItemStore(ItemStoreContract):
    @pytest.fixture
    def store(self, request: pytest.FixtureRequest, deployment: Deployment, table_name: str) -> DynamoDbItemStore:
        made: DynamoDbItemStore = request.param(deployment.cloud.client("dynamodb"), table_name)
        return made

    @pytest.fixture
    def effects(self, deployment: Deployment, table_name: str) -> Effects:
        def read() -> list[Mapping[str, object]]:
            deserialize = TypeDeserializer().deserialize
            pages = deployment.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table_name)
            items = [item for page in pages for item in page["Items"]]
            return [{name: deserialize(value) for name, value in item.items()} for item in items]

        return read


@pytest.mark.parametrize("table", [DynamoDbItemStore, SingleWriteItemStore], indirect=True)
class TestDynamoDbRequestStore(RequestStoreContract):
    @pytest.fixture
    def table(self, request: pytest.FixtureRequest, deployment: Deployment, table_name: str) -> RequestTable:
        store: DynamoDbItemStore = request.param(deployment.cloud.client("dynamodb"), table_name)
        return RequestTable(store, DynamoDbRequestRecords(store))
