"""The DynamoDB of the benchmarks does the work that is measured: it keeps items and holds conditions."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from benchmarks.dynamodb.process import Server, running_server
from tests.tsunagu.runtime.idempotency.item_store_contract import Effects, ItemStoreContract
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.single_writes import SingleWriteItemStore

NOW = 1_000
POWERTOOLS_CONDITION = (
    "attribute_not_exists(#id) OR #expiry < :now OR "
    "(#status = :inprogress AND attribute_exists(#until) AND #until < :now_in_millis)"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server(delay_ms=0) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.fixture
def table_name() -> str:
    return f"table-{uuid4()}"


@pytest.mark.parametrize("store", [DynamoDbItemStore, SingleWriteItemStore], indirect=True)
class TestDynamoDbOfTheBenchmarks(ItemStoreContract):
    @pytest.fixture
    def store(self, request: pytest.FixtureRequest, client: Any, table_name: str) -> DynamoDbItemStore:
        made: DynamoDbItemStore = request.param(client, table_name)
        return made

    @pytest.fixture
    def effects(self, client: Any, table_name: str) -> Effects:
        def read() -> list[Mapping[str, object]]:
            deserialize = TypeDeserializer().deserialize
            items = client.scan(TableName=table_name)["Items"]
            return [{name: deserialize(value) for name, value in item.items()} for item in items]

        return read


@pytest.mark.parametrize(
    ("found", "is_taken_over"),
    [
        ({}, True),
        ({"status": "COMPLETED", "expiry": NOW + 1}, False),
        ({"status": "COMPLETED", "expiry": NOW - 1}, True),
        ({"status": "INPROGRESS", "expiry": NOW + 1, "until": NOW * 1_000 + 1}, False),
        ({"status": "INPROGRESS", "expiry": NOW + 1, "until": NOW * 1_000 - 1}, True),
        ({"status": "INPROGRESS", "expiry": NOW + 1}, False),
    ],
)
def test_the_condition_of_powertools_holds_as_on_dynamodb(
    client: Any, table_name: str, found: Mapping[str, str | int], *, is_taken_over: bool
) -> None:
    item = {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in found.items()}
    if found:
        client.put_item(TableName=table_name, Item={"id": {"S": "key"}, **item})

    assert _was_put(client, table_name) is is_taken_over


def _was_put(client: Any, table_name: str) -> bool:
    try:
        client.put_item(
            TableName=table_name,
            Item={"id": {"S": "key"}},
            ConditionExpression=POWERTOOLS_CONDITION,
            ExpressionAttributeNames={"#id": "id", "#expiry": "expiry", "#until": "until", "#status": "status"},
            ExpressionAttributeValues={
                ":now": {"N": str(NOW)},
                ":now_in_millis": {"N": str(NOW * 1_000)},
                ":inprogress": {"S": "INPROGRESS"},
            },
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def test_balance_is_added_to(client: Any, table_name: str) -> None:
    key = {"account": {"S": "a"}, "entry": {"S": "BALANCE#EUR"}}
    for amount in ("5", "7"):
        client.update_item(
            TableName=table_name,
            Key=key,
            UpdateExpression="ADD balance :amount, payments :one",
            ExpressionAttributeValues={":amount": {"N": amount}, ":one": {"N": "1"}},
        )

    assert client.get_item(TableName=table_name, Key=key)["Item"] == {
        **key, "balance": {"N": "12"}, "payments": {"N": "2"},
    }  # fmt: skip
