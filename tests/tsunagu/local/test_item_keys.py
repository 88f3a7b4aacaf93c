"""Items and keys that do not fit the key of their table are refused, by whichever call they come."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tsunagu.local.embedded_cloud import EmbeddedCloud

NAME = "probe-item-keys"
A, ONE = {"S": "a"}, {"N": "1"}
KEY = {"id": A, "n": ONE}
OTHER_KEYS = [{"pk": A}, {"id": A}, {"id": A, "n": A}, {**KEY, "more": A}]
# An item may have more than the key.
OTHER_ITEMS = [*OTHER_KEYS[:3], {**KEY, "order": ONE}]
SET = {"UpdateExpression": "SET x = :x", "ExpressionAttributeValues": {":x": A}}
EXISTS = {"ConditionExpression": "attribute_not_exists(x)"}

Call = Callable[[Any, dict[str, Any]], Any]


def in_transaction(operation: str, **request: Any) -> Call:
    """Describe a transaction with one member; the key comes with the call."""
    return lambda client, key: client.transact_write_items(
        TransactItems=[{operation: {"TableName": NAME, "Key": key, **request}}]
    )


def inserting(execute: Call) -> Call:
    """Describe a call that inserts an item by a statement."""
    return lambda client, item: execute(client, insert(item))


KEYED: dict[str, Call] = {
    "GetItem": lambda client, key: client.get_item(TableName=NAME, Key=key),
    "UpdateItem": lambda client, key: client.update_item(TableName=NAME, Key=key, **SET),
    "DeleteItem": lambda client, key: client.delete_item(TableName=NAME, Key=key),
    "BatchGetItem": lambda client, key: client.batch_get_item(RequestItems={NAME: {"Keys": [key]}}),
    "BatchWriteItem": lambda client, key: client.batch_write_item(
        RequestItems={NAME: [{"DeleteRequest": {"Key": key}}]}
    ),
    "TransactGetItems": lambda client, key: client.transact_get_items(
        TransactItems=[{"Get": {"TableName": NAME, "Key": key}}]
    ),
    "TransactWriteItems, Update": in_transaction("Update", **SET),
    "TransactWriteItems, Delete": in_transaction("Delete"),
    "TransactWriteItems, ConditionCheck": in_transaction("ConditionCheck", **EXISTS),
}
STATEMENTS: dict[str, Call] = {
    "ExecuteStatement": lambda client, request: client.execute_statement(**request),
    "ExecuteTransaction": lambda client, request: client.execute_transaction(TransactStatements=[request]),
    "BatchExecuteStatement": lambda client, request: outcome(client.batch_execute_statement(Statements=[request])),
}
PUTS: dict[str, Call] = {
    "PutItem": lambda client, item: client.put_item(TableName=NAME, Item=item),
    "BatchWriteItem": lambda client, item: client.batch_write_item(
        RequestItems={NAME: [{"PutRequest": {"Item": item}}]}
    ),
    "TransactWriteItems": lambda client, item: client.transact_write_items(
        TransactItems=[{"Put": {"TableName": NAME, "Item": item}}]
    ),
    **{name: inserting(execute) for name, execute in STATEMENTS.items()},
}


def outcome(answer: Any) -> Any:
    """Raise the error of a batch's one statement, as the other calls do."""
    [response] = answer["Responses"]
    if "Error" in response:
        raise ClientError(response, "BatchExecuteStatement")
    return answer


def insert(item: dict[str, Any]) -> dict[str, Any]:
    names = ", ".join(f"'{name}': ?" for name in item)
    return {"Statement": f'INSERT INTO "{NAME}" VALUE {{{names}}}', "Parameters": [*item.values()]}


def update(key: dict[str, Any]) -> dict[str, Any]:
    where = " AND ".join(f"{name} = ?" for name in key)
    statement = f'UPDATE "{NAME}" SET x = ? WHERE {where}'  # noqa: S608 - the names are those of this test
    return {"Statement": statement, "Parameters": [A, *key.values()]}


@pytest.fixture(scope="module")
def dynamodb(cloud: EmbeddedCloud) -> Any:
    """A client, and an empty table with a sort key and an index."""
    client = cloud.client("dynamodb")
    types = {"id": "S", "n": "N", "order": "S"}
    client.create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "ByOrder",
                "KeySchema": [{"AttributeName": "order", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return client


@pytest.mark.parametrize("call", KEYED)
def test_other_key_is_refused(dynamodb: Any, call: str) -> None:
    for key in OTHER_KEYS:
        with pytest.raises(ClientError, match="Validation"):
            KEYED[call](dynamodb, key)

    assert dynamodb.scan(TableName=NAME)["Items"] == []


@pytest.mark.parametrize("call", PUTS)
def test_item_without_the_key_or_with_another_type_of_it_is_refused(dynamodb: Any, call: str) -> None:
    for item in OTHER_ITEMS:
        with pytest.raises(ClientError, match="Validation"):
            PUTS[call](dynamodb, item)

    assert dynamodb.scan(TableName=NAME)["Items"] == []


@pytest.mark.parametrize("call", STATEMENTS)
def test_statement_on_another_key_is_refused(dynamodb: Any, call: str) -> None:
    for key in OTHER_KEYS[:3]:
        with pytest.raises(ClientError, match="Validation"):
            STATEMENTS[call](dynamodb, update(key))


def test_reason_of_a_cancelled_transaction_is_at_the_place_of_its_member(dynamodb: Any) -> None:
    sound = {"ConditionCheck": {"TableName": NAME, "Key": KEY, **EXISTS}}
    keyless = {"Put": {"TableName": NAME, "Item": {"x": A}}}

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as refused:
        dynamodb.transact_write_items(TransactItems=[sound, keyless])

    reasons = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ValidationError"]
    assert "Missing the key id" in reasons[1]["Message"]


def test_items_and_keys_that_fit_are_taken_by_each_call(dynamodb: Any) -> None:
    for put in PUTS.values():
        put(dynamodb, {**KEY, "x": A, "order": A})
        dynamodb.delete_item(TableName=NAME, Key=KEY)
    for call in KEYED.values():
        dynamodb.delete_item(TableName=NAME, Key=KEY)
        call(dynamodb, KEY)
    dynamodb.put_item(TableName=NAME, Item=KEY)
    for execute in STATEMENTS.values():
        execute(dynamodb, update(KEY))

    assert dynamodb.scan(TableName=NAME)["Items"] == [{**KEY, "x": A}]
    dynamodb.delete_item(TableName=NAME, Key=KEY)
