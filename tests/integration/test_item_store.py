"""The DynamoDB item store on moto: reads and transactions. moto has no parameters in BatchExecuteStatement."""

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from tests.tsunagu.runtime.idempotency.item_store_contract import change, new_item, transact
from tsunagu.contracts import items
from tsunagu.contracts.telemetry import LogKey
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.single_writes import SingleWriteItemStore
from tsunagu.runtime.errors import ConditionFailedError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict

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


@pytest.mark.parametrize(
    ("target", "more"),
    [({"name": "no key"}, {}), ({"id": 7}, {}), ({"id": ""}, {}), ({"id": "a"}, {"condition": "no condition"})],
    ids=["no key", "key of another type", "empty key", "no condition"],
)
def test_business_write_that_dynamodb_can_never_take_fails_with_its_error(
    client: "DynamoDBClient", item: Item, target: dict[str, Any], more: dict[str, Any]
) -> None:
    write = BusinessWrite(operation="Put", table_name="items", target=target, **more)

    verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 1}), write)

    assert verdict.outcome is Outcome.FAILED
    assert isinstance(verdict.error, ClientError)


def test_business_table_that_does_not_exist_is_a_configuration_fault(
    client: "DynamoDBClient", item: Item, caplog: pytest.LogCaptureFixture
) -> None:
    write = BusinessWrite(operation="Put", table_name="gone", target={"id": "x"})

    verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 1}), write)

    assert verdict.outcome is Outcome.UNAVAILABLE
    assert str(verdict.problem) == "dynamodb:TransactWriteItems on items, gone: ResourceNotFoundException"
    assert verdict.problem is not None
    assert verdict.problem.is_configuration_fault
    (line,) = caplog.records
    assert [getattr(line, name) for name in (LogKey.OPERATION, LogKey.RESOURCE, LogKey.ERROR_CODE)] == [
        "dynamodb:TransactWriteItems",
        "items, gone",
        "ResourceNotFoundException",
    ]


def test_part_of_a_transaction_that_is_denied_is_named(client: "DynamoDBClient", item: Item) -> None:
    write = BusinessWrite(operation="Delete", table_name="orders", target={"id": "x"})
    with Stubber(client) as stub:
        reasons = [{"Code": "None"}, {"Code": "AccessDenied"}]
        fields = {"CancellationReasons": reasons}
        stub.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=fields)

        verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 1}), write)

    assert str(verdict.problem) == "dynamodb:DeleteItem on orders: AccessDenied"


@pytest.mark.parametrize(
    ("text", "resource"),
    [
        ("User: u is not authorized to perform: dynamodb:PutItem because no policy allows it", "orders"),
        ("User: u is not authorized to perform: dynamodb:UpdateItem because no policy allows it", "items, stock"),
        (
            (
                "User: u is not authorized to perform: dynamodb:UpdateItem on resource: "
                "arn:aws:dynamodb:eu-central-1:111122223333:table/stock because no policy allows it"
            ),
            "stock",
        ),
        ("no", "items, orders, stock"),
    ],
)
def test_denied_transaction_names_the_tables_that_the_action_is_denied_on(
    client: "DynamoDBClient", item: Item, text: str, resource: str
) -> None:
    writes = [
        BusinessWrite(operation="Put", table_name="orders", target={"id": "x"}),
        BusinessWrite(operation="Update", table_name="stock", target={"id": "x"}, update="ADD n :one"),
    ]
    with Stubber(client) as stub:
        stub.add_client_error("transact_write_items", "AccessDeniedException", text)

        verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 1}), *writes)

    assert verdict.problem is not None
    assert verdict.problem.resource == resource


def reading(keys: list[dict[str, dict[str, str]]]) -> dict[str, Any]:
    return {"RequestItems": {"items": {"Keys": keys, "ConsistentRead": True}}}


def test_key_that_dynamodb_refuses_keeps_no_other_item_of_the_call_from_being_read(client: "DynamoDBClient") -> None:
    first, wrong, last = keys = [{"id": {"S": name}} for name in ("orders#1", "x" * 2_049, "orders#2")]

    with Stubber(client) as stub:
        stub.add_client_error("batch_get_item", "ValidationException", expected_params=reading(keys))
        stub.add_response("batch_get_item", {"Responses": {"items": [first]}}, reading([first]))
        stub.add_client_error("batch_get_item", "ValidationException", expected_params=reading([wrong]))
        stub.add_response("batch_get_item", {"Responses": {"items": [last]}}, reading([last]))
        found = DynamoDbItemStore(client, "items").read_attributes([key["id"]["S"] for key in keys])

    assert (found[0], found[2]) == (first, last)
    assert isinstance(found[1], Verdict)


@pytest.mark.parametrize("store_class", [DynamoDbItemStore, SingleWriteItemStore])
def test_every_call_on_a_table_that_is_not_there_says_which_one_failed(
    client: "DynamoDBClient", item: Item, store_class: type[DynamoDbItemStore]
) -> None:
    client.delete_table(TableName="items")
    store = store_class(client, "items")
    if store_class is DynamoDbItemStore:  # moto has no parameters in BatchExecuteStatement
        stub = Stubber(client)
        for _ in range(2):
            stub.add_client_error("batch_execute_statement", "ResourceNotFoundException")
        stub.add_client_error("batch_get_item", "ResourceNotFoundException")
        stub.activate()

    problems = [
        store.insert([item])[0].problem,
        store.update([change(item, {items.FENCE: 1})])[0].problem,
        getattr(store.read([item.id])[0], "problem", None),
    ]

    names = ["PartiQLInsert", "PartiQLUpdate"] if store_class is DynamoDbItemStore else ["PutItem", "UpdateItem"]
    assert [str(problem) for problem in problems] == [
        f"dynamodb:{name} on items: ResourceNotFoundException" for name in (*names, "BatchGetItem")
    ]
    assert all(problem is not None and problem.is_configuration_fault for problem in problems)


def test_table_with_another_key_schema_is_a_configuration_fault(client: "DynamoDBClient", item: Item) -> None:
    client.create_table(
        TableName="others",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
    )

    (verdict,) = SingleWriteItemStore(client, "others").insert([item])

    assert verdict.problem is not None
    assert (verdict.problem.is_configuration_fault, verdict.problem.code) == (True, "ValidationException")


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


@pytest.mark.parametrize(
    "error", [ReadTimeoutError, ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError]
)
def test_call_without_an_answer_leaves_every_entry_unavailable(
    client: "DynamoDBClient", item: Item, error: type[BotoCoreError]
) -> None:
    def fail(**_call: object) -> None:
        raise error(endpoint_url="https://dynamodb")

    client.meta.events.register("before-call.dynamodb", fail)
    store = DynamoDbItemStore(client, "items")

    verdicts = [
        *store.insert([item]),
        *store.update([change(item, {items.FENCE: 1})]),
        *store.transact([Commit(change(item, {items.FENCE: 1}), [])] * 2, "token"),
    ]

    assert [verdict.outcome for verdict in verdicts] == [Outcome.UNAVAILABLE] * 4


def test_only_the_denied_statement_of_a_call_is_a_configuration_fault(client: "DynamoDBClient") -> None:
    with Stubber(client) as stub:
        denied = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        throttled = {"Error": {"Code": "ThrottlingError", "Message": "slow down"}}
        stub.add_response("batch_execute_statement", {"Responses": [denied, throttled]})

        verdicts = DynamoDbItemStore(client, "items").insert([new_item(), new_item()])

    problems = [verdict.problem for verdict in verdicts]
    assert [problem and problem.is_configuration_fault for problem in problems] == [True, False]


def test_statement_that_dynamodb_always_refuses_harms_no_other_of_its_call(client: "DynamoDBClient") -> None:
    applied: dict[str, Any] = {"Responses": [{"TableName": "items"}]}
    with Stubber(client) as stub:
        stub.add_client_error("batch_execute_statement", "ValidationException")
        stub.add_response("batch_execute_statement", applied)
        stub.add_client_error("batch_execute_statement", "ValidationException")
        stub.add_response("batch_execute_statement", applied)

        verdicts = DynamoDbItemStore(client, "items").insert([new_item(), new_item(), new_item()])

    assert [verdict.outcome for verdict in verdicts] == [Outcome.APPLIED, Outcome.UNAVAILABLE, Outcome.APPLIED]


def test_only_the_throttled_statement_of_a_call_is_unavailable(client: "DynamoDBClient") -> None:
    with Stubber(client) as stub:
        throttled = {"Error": {"Code": "ThrottlingError", "Message": "slow down"}}
        stub.add_response("batch_execute_statement", {"Responses": [{"TableName": "items"}, throttled]})

        verdicts = DynamoDbItemStore(client, "items").insert([new_item(), new_item()])

    assert [verdict.outcome for verdict in verdicts] == [Outcome.APPLIED, Outcome.UNAVAILABLE]
