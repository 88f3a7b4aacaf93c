import pytest
from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from tests.tsunagu.cdk.constructs.synthesized import only, permissions, properties, resources
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.contracts import items, requests
from tsunagu.errors import InvalidPropsError

TABLE = "AWS::DynamoDB::Table"
ACTIONS = {"dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"}
SINGLE_ACTIONS = {"dynamodb:PutItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"}
INSERTS = {"dynamodb:PartiQLInsert", "dynamodb:PutItem"}
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/Items"
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/5a0d6f1e-9c3b-4a38-8d7c-2f0a2b6c1d11"


def role(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def test_key_and_ttl_attribute_are_those_of_the_contract(stack: Stack) -> None:
    IdempotencyTable(stack, "Items")

    table = properties(stack, TABLE)
    assert table["KeySchema"] == [{"AttributeName": items.ID, "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": items.ID, "AttributeType": "S"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": items.EXPIRATION, "Enabled": True}


def test_function_without_transactions_may_not_update_single_items(stack: Stack) -> None:
    table = IdempotencyTable(stack, "Items")

    table.grant_idempotency(role(stack), transactions=False)

    assert {action for action, _ in permissions(stack)} == ACTIONS - {"dynamodb:UpdateItem"}


@pytest.mark.parametrize(("single_writes", "expected"), [(False, ACTIONS - INSERTS), (True, SINGLE_ACTIONS - INSERTS)])
def test_function_that_creates_no_items_may_not_insert_any(
    stack: Stack, single_writes: bool, expected: set[str]
) -> None:
    table = IdempotencyTable(stack, "Items")

    table.grant_idempotency(role(stack), single_writes=single_writes, inserts=False)

    assert {action for action, _ in permissions(stack)} == expected


def test_table_is_on_demand_and_recovers_to_any_second(stack: Stack) -> None:
    IdempotencyTable(stack, "Items")

    table = properties(stack, TABLE)
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize(("protect", "policy"), [(True, "Retain"), (False, "Delete")])
def test_protection_decides_what_becomes_of_the_table(stack: Stack, protect: bool, policy: str) -> None:
    IdempotencyTable(stack, "Items", IdempotencyTableProps(protect=protect))

    table = only(stack, TABLE)
    assert table["Properties"]["DeletionProtectionEnabled"] is protect
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == policy


def test_grant_gives_what_the_store_calls_and_no_more(stack: Stack) -> None:
    IdempotencyTable(stack, "Items").grant_idempotency(role(stack))

    assert permissions(stack) == {(action, "ItemsTable") for action in ACTIONS}


def test_existing_table_is_used_as_it_is(stack: Stack) -> None:
    existing = dynamodb.Table.from_table_arn(stack, "Existing", TABLE_ARN)

    IdempotencyTable(stack, "Items", IdempotencyTableProps(existing=existing)).grant_idempotency(role(stack))

    assert not resources(stack, TABLE)
    assert permissions(stack) == {(action, TABLE_ARN) for action in ACTIONS}


def test_key_of_an_existing_table_is_granted_too(stack: Stack) -> None:
    key = kms.Key.from_key_arn(stack, "Key", KEY_ARN)
    existing = dynamodb.Table.from_table_attributes(stack, "Existing", table_arn=TABLE_ARN, encryption_key=key)

    IdempotencyTable(stack, "Items", IdempotencyTableProps(existing=existing)).grant_idempotency(role(stack))

    assert ("kms:Decrypt", KEY_ARN) in permissions(stack)


def test_items_of_a_request_are_found_through_an_index_of_keys(stack: Stack) -> None:
    IdempotencyTable(stack, "Items", IdempotencyTableProps(request_index=True))

    [index] = properties(stack, TABLE)["GlobalSecondaryIndexes"]
    assert index["IndexName"] == items.REQUEST_INDEX
    assert index["KeySchema"] == [{"AttributeName": items.REQUEST_ID, "KeyType": "HASH"}]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_finding_by_request_is_a_permission_of_its_own_on_the_index_alone(stack: Stack) -> None:
    existing = dynamodb.Table.from_table_arn(stack, "Existing", TABLE_ARN)
    table = IdempotencyTable(stack, "Items", IdempotencyTableProps(existing=existing, request_index=True))

    table.grant_find_by_request(role(stack))

    assert permissions(stack) == {("dynamodb:Query", f"{TABLE_ARN}/index/{items.REQUEST_INDEX}")}


def test_finding_by_request_needs_the_index(stack: Stack) -> None:
    table = IdempotencyTable(stack, "Items")

    with pytest.raises(
        InvalidPropsError, match=r"^Stack/Items: request_index must be True, because items are found by"
    ):
        table.grant_find_by_request(role(stack))


def test_table_of_requests_has_a_stream_and_a_sparse_index_of_what_is_due(stack: Stack) -> None:
    IdempotencyTable(stack, "Items", IdempotencyTableProps(requests=True))

    table = properties(stack, TABLE)
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    [index] = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == requests.OPEN_INDEX
    assert index["KeySchema"] == [
        {"AttributeName": requests.OPEN, "KeyType": "HASH"},
        {"AttributeName": requests.DUE, "KeyType": "RANGE"},
    ]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    assert types == {items.ID: "S", requests.OPEN: "S", requests.DUE: "N"}


def test_table_without_requests_has_no_stream(stack: Stack) -> None:
    IdempotencyTable(stack, "Items")

    assert "StreamSpecification" not in properties(stack, TABLE)


def test_sweeping_is_a_permission_of_its_own(stack: Stack) -> None:
    existing = dynamodb.Table.from_table_arn(stack, "Existing", TABLE_ARN)
    table = IdempotencyTable(stack, "Items", IdempotencyTableProps(existing=existing, requests=True))

    table.grant_sweep(role(stack))

    assert permissions(stack) == {
        ("dynamodb:Query", f"{TABLE_ARN}/index/{requests.OPEN_INDEX}"),
        ("dynamodb:BatchGetItem", TABLE_ARN),
        ("dynamodb:UpdateItem", TABLE_ARN),
    }


def test_a_worker_of_events_writes_records_itself(stack: Stack) -> None:
    existing = dynamodb.Table.from_table_arn(stack, "Existing", TABLE_ARN)
    table = IdempotencyTable(stack, "Items", IdempotencyTableProps(existing=existing, requests=True))

    table.grant_record(role(stack))

    assert permissions(stack) == {("dynamodb:PutItem", TABLE_ARN)}


def test_writing_records_needs_a_table_of_requests(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match=r"^Stack/Items: requests must be True, because the table is to hold"):
        IdempotencyTable(stack, "Items").grant_record(role(stack))


def test_sweeping_needs_a_table_of_requests(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match=r"^Stack/Items: requests must be True, because the table is to hold"):
        IdempotencyTable(stack, "Items").grant_sweep(role(stack))
