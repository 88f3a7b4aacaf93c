"""Reads of a table, by moto; what moto does not refuse is put into the SDK's mouth."""

from collections.abc import Sequence
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from tests.tsunagu.runtime.table_reader_contract import FEW, KEYS, Make, TableReaderContract
from tsunagu import EnvironmentContractError, table_reader
from tsunagu.runtime.aws.tables import DynamoDbTableReader
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.table_reader import TableReader

KEY = {"account": "a-1", "entry": "e-1"}


def create(items: Sequence[dict[str, Any]]) -> None:
    resource = boto3.resource("dynamodb")
    table = resource.create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": KEYS[0], "KeyType": "HASH"}, {"AttributeName": KEYS[1], "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in KEYS],
        BillingMode="PAY_PER_REQUEST",
    )
    for item in items:
        table.put_item(Item=item)


def client() -> Any:
    return boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))


class TestDynamoDb(TableReaderContract):
    @pytest.fixture
    def table(self) -> Make:
        def make(items: Sequence[dict[str, Any]]) -> TableReader:
            create(items)
            return DynamoDbTableReader(client(), "ledger")

        return make


def test_every_read_is_consistent() -> None:
    dynamodb, asked = client(), []
    dynamodb.meta.events.register("provide-client-params.*.*", lambda params, **_: asked.append(params))
    create(FEW)
    reader = DynamoDbTableReader(dynamodb, "ledger")

    reader.get(KEY)
    reader.query({"account": "a-1"}, limit=2)
    reader.scan(limit=2)

    assert [params["ConsistentRead"] for params in asked] == [True] * 3


@pytest.mark.parametrize(
    ("code", "is_configuration_fault"),
    [("ProvisionedThroughputExceededException", False), ("AccessDeniedException", True)],
)
def test_read_without_an_answer_is_unavailable(code: str, is_configuration_fault: bool) -> None:
    dynamodb = client()
    with Stubber(dynamodb) as stub:
        stub.add_client_error("get_item", code)

        with pytest.raises(
            UnavailableError, match=f"must answer the read, got dynamodb:GetItem on ledger: {code}"
        ) as e:
            DynamoDbTableReader(dynamodb, "ledger").get(KEY)

    assert e.value.call == FailedCall("dynamodb:GetItem", "ledger", code, is_configuration_fault=is_configuration_fault)


def test_missing_table_is_a_configuration_fault() -> None:
    with pytest.raises(UnavailableError, match="got dynamodb:Scan on gone: ResourceNotFoundException") as raised:
        DynamoDbTableReader(client(), "gone").scan(limit=1)

    assert raised.value.call is not None
    assert raised.value.call.is_configuration_fault


def test_reader_has_the_time_outs_of_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    create(FEW)
    monkeypatch.setenv("FUNCTION_TIMEOUT_SECONDS", "20")

    assert table_reader("ledger").get(KEY) == KEY


@pytest.mark.parametrize(("text", "got"), [("", "none"), ("soon", "another text")])
def test_reader_without_the_time_out_of_its_function_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str, got: str
) -> None:
    monkeypatch.setenv("FUNCTION_TIMEOUT_SECONDS", text)

    with pytest.raises(EnvironmentContractError, match=f"FUNCTION_TIMEOUT_SECONDS must be .*, got {got}"):
        table_reader("ledger")
