"""The DynamoDB item store on moto: reads and transactions. moto has no parameters in BatchExecuteStatement."""

import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError, ParamValidationError
from botocore.stub import Stubber

from tests.tsunagu.runtime.idempotency.item_store_contract import change, new_item, transact
from tsunagu.contracts import items
from tsunagu.runtime.aws.clients import client_config, dynamodb_client
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.errors import ConditionFailedError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import BusinessWrite, Outcome

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def client() -> "DynamoDBClient":
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return client


@pytest.fixture
def item(client: "DynamoDBClient") -> Item:
    item = new_item()
    serialize = TypeSerializer().serialize
    values = {name: getattr(item, name) for name in item.__slots__}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    client.put_item(TableName="items", Item={name: serialize(value) for name, value in plain.items()})
    return item


def test_hundreds_of_items_are_read(client: "DynamoDBClient", item: Item) -> None:
    ids = [f"absent-{n}" for n in range(250)]

    assert DynamoDbItemStore(client, "items").read([*ids, item.id]) == [None] * 250 + [item]


def test_transaction_with_another_fencing_token_is_refused_with_the_item(client: "DynamoDBClient", item: Item) -> None:
    verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 9}))

    assert (verdict.outcome, verdict.found) == (Outcome.REFUSED, item)


def test_condition_of_a_business_write_has_an_error_for_the_business_function(
    client: "DynamoDBClient", item: Item
) -> None:
    write = BusinessWrite(
        operation="ConditionCheck", table_name="items", target={"id": "absent"}, condition="attribute_exists(id)"
    )

    verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 1}), write)

    assert (verdict.outcome, type(verdict.error)) == (Outcome.FAILED, ConditionFailedError)


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        (["TransactionConflict", "None"], Outcome.CONFLICT),
        (["None", "TransactionConflict"], Outcome.CONFLICT),
        (["None", "ThrottlingError"], Outcome.UNAVAILABLE),
        (["ProvisionedThroughputExceeded", "None"], Outcome.UNAVAILABLE),
    ],
)
def test_cancelled_transaction_has_the_outcome_of_the_part_that_failed(
    client: "DynamoDBClient", item: Item, codes: list[str], outcome: Outcome
) -> None:
    write = BusinessWrite(operation="Put", table_name="items", target={"id": "x"})
    with Stubber(client) as stub:
        stub.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": [{"Code": code} for code in codes]},
        )

        verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 1}), write)

    assert verdict.outcome is outcome


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("ValidationException", []),
        ("SerializationException", []),
        ("TransactionCanceledException", ["None", "ValidationError"]),
    ],
)
def test_transaction_that_dynamodb_always_refuses_fails_with_its_error(
    client: "DynamoDBClient", item: Item, code: str, reasons: list[str]
) -> None:
    with Stubber(client) as stub:
        fields = {"CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else None
        stub.add_client_error("transact_write_items", code, modeled_fields=fields)

        write = BusinessWrite(operation="Put", table_name="items", target={"id": "x"})
        verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 1}), write)

    assert verdict.outcome is Outcome.FAILED
    assert isinstance(verdict.error, ClientError)


def test_value_that_the_sdk_refuses_fails_with_its_error(client: "DynamoDBClient", item: Item) -> None:
    wrong: Any = 7
    write = BusinessWrite(operation="Put", table_name=wrong, target={"id": "x"})

    verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 1}), write)

    assert (verdict.outcome, type(verdict.error)) == (Outcome.FAILED, ParamValidationError)


@pytest.mark.parametrize("target", [{"id": "a", 5: "b"}, {"id": "a", "counts": {None: 1}}, {"id": "a", "l": [{1: 2}]}])
def test_attribute_name_that_is_not_text_fails_and_is_not_converted(item: Item, target: dict[Any, Any]) -> None:
    client = dynamodb_client(client_config(5))  # without the SDK's validation
    write = BusinessWrite(operation="Put", table_name="items", target=target)

    verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 1}), write)

    assert (verdict.outcome, type(verdict.error)) == (Outcome.FAILED, TypeError)
    assert re.fullmatch(r"the attribute names of a write must be text, got (5|None|1)", str(verdict.error))


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "InternalServerError",
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ValidationException",
        "SerializationException",
    ],
)
def test_call_that_fails_leaves_every_entry_unavailable(client: "DynamoDBClient", item: Item, code: str) -> None:
    store = DynamoDbItemStore(client, "items")
    with Stubber(client) as stub:
        stub.add_client_error("batch_execute_statement", code)
        stub.add_client_error("batch_get_item", code)

        inserted = store.insert([item, new_item()])
        read = store.read([item.id])

    assert [verdict.outcome for verdict in inserted] == [Outcome.UNAVAILABLE] * 2
    assert [getattr(answer, "outcome", None) for answer in read] == [Outcome.UNAVAILABLE]


def test_only_the_throttled_statement_of_a_call_is_unavailable(client: "DynamoDBClient") -> None:
    with Stubber(client) as stub:
        throttled = {"Error": {"Code": "ThrottlingError", "Message": "slow down"}}
        stub.add_response("batch_execute_statement", {"Responses": [{"TableName": "items"}, throttled]})

        verdicts = DynamoDbItemStore(client, "items").insert([new_item(), new_item()])

    assert [verdict.outcome for verdict in verdicts] == [Outcome.APPLIED, Outcome.UNAVAILABLE]
