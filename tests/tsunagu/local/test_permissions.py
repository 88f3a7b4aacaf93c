"""IAM as AWS checks it: the parts of batches and transactions, each on its own resource."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tsunagu.local.embedded_cloud import EmbeddedCloud

NO_MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:none"
MAPPING = "3f1c9a2e-0000-4000-8000-000000000000"
ACCOUNT_TABLES = "arn:aws:dynamodb:us-east-1:000000000000:table"
INSERT = "INSERT INTO \"{}\" VALUE {{'id': ?}}"
SELECT = 'SELECT * FROM "{}" WHERE id = ?'
UPDATE = 'UPDATE "{}" SET n = ? WHERE id = ?'
FENCED_UPDATE = 'UPDATE "{}" SET fence = ? WHERE id = ? AND fence = ?'


def allow(table: str, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": f"{ACCOUNT_TABLES}/{table}"}


def insert(table: str, key: str) -> dict[str, Any]:
    return {"Statement": INSERT.format(table), "Parameters": [{"S": key}]}


def update(table: str, key: str) -> dict[str, Any]:
    return {"Statement": UPDATE.format(table), "Parameters": [{"N": "1"}, {"S": key}]}


def test_batch_of_inserts_is_allowed_by_partiql_insert_on_the_table(
    client_of: Callable[..., Any], table: Callable[[], str]
) -> None:
    name = table()
    dynamodb = client_of("dynamodb", [allow(name, "dynamodb:PartiQLInsert")])

    answer = dynamodb.batch_execute_statement(Statements=[insert(name, "a"), insert(name, "b")])

    assert answer["Responses"] == [{"TableName": name}, {"TableName": name}]


@pytest.mark.parametrize("action", ["dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:BatchExecuteStatement"])
def test_batch_of_inserts_is_not_allowed_by_another_action(
    client_of: Callable[..., Any], table: Callable[[], str], action: str
) -> None:
    name = table()
    dynamodb = client_of("dynamodb", [allow(name, action)])

    with pytest.raises(ClientError, match="dynamodb:PartiQLInsert"):
        dynamodb.batch_execute_statement(Statements=[insert(name, "a")])


def test_each_statement_of_a_batch_is_checked_on_its_own_table(
    client_of: Callable[..., Any], table: Callable[[], str]
) -> None:
    mine, other = table(), table()
    dynamodb = client_of("dynamodb", [allow(mine, "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate")])

    with pytest.raises(ClientError, match="dynamodb:PartiQLUpdate"):
        dynamodb.batch_execute_statement(Statements=[insert(mine, "a"), update(other, "a")])


def test_statement_outside_a_batch_is_checked_too(client_of: Callable[..., Any], table: Callable[[], str]) -> None:
    name = table()
    dynamodb = client_of("dynamodb", [allow(name, "dynamodb:PartiQLInsert")])
    dynamodb.execute_statement(**insert(name, "a"))

    with pytest.raises(ClientError, match="dynamodb:PartiQLSelect"):
        dynamodb.execute_statement(Statement=SELECT.format(name), Parameters=[{"S": "a"}])


def test_each_part_of_a_transaction_is_checked(client_of: Callable[..., Any], table: Callable[[], str]) -> None:
    name = table()
    put = {"Put": {"TableName": name, "Item": {"id": {"S": "a"}}}}
    check = {
        "ConditionCheck": {"TableName": name, "Key": {"id": {"S": "b"}}, "ConditionExpression": "attribute_exists(id)"}
    }
    dynamodb = client_of("dynamodb", [allow(name, "dynamodb:PutItem")])
    dynamodb.transact_write_items(TransactItems=[put])

    with pytest.raises(ClientError, match="dynamodb:ConditionCheckItem"):
        dynamodb.transact_write_items(TransactItems=[put, check])


def test_batch_of_sends_is_allowed_by_send_message(cloud: EmbeddedCloud, client_of: Callable[..., Any]) -> None:
    url = cloud.client("sqs").create_queue(QueueName="batch-of-sends")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:batch-of-sends"
    entries = [{"Id": "1", "MessageBody": "x"}]
    sender = client_of("sqs", [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}])
    reader = client_of("sqs", [{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": arn}])

    assert len(sender.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 1
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.send_message_batch(QueueUrl=url, Entries=entries)


def test_queue_that_demands_tls_accepts_calls_over_loopback(cloud: EmbeddedCloud, deploy: Callable[..., Any]) -> None:
    tls_only = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [tls_only]}}
    url = deploy(
        {"Queue": {"Type": "AWS::SQS::Queue"}, "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy}}
    )["Queue"]

    assert cloud.client("sqs").send_message(QueueUrl=url, MessageBody="x")["MessageId"]


def test_refused_conditional_update_in_a_batch_returns_the_old_item(
    cloud: EmbeddedCloud, table: Callable[[], str]
) -> None:
    name, dynamodb = table(), cloud.client("dynamodb")
    dynamodb.put_item(TableName=name, Item={"id": {"S": "a"}, "fence": {"N": "7"}})
    statement = {
        "Statement": FENCED_UPDATE.format(name),
        "Parameters": [{"N": "4"}, {"S": "a"}, {"N": "3"}],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }

    (answer,) = dynamodb.batch_execute_statement(Statements=[statement])["Responses"]

    assert answer["Error"]["Code"] == "ConditionalCheckFailed"
    assert answer["Error"]["Item"] == {"id": {"S": "a"}, "fence": {"N": "7"}}


def test_query_of_an_index_is_allowed_on_the_index_and_returns_the_keys(
    cloud: EmbeddedCloud, client_of: Callable[..., Any], deploy: Callable[..., Any]
) -> None:
    index = {
        "IndexName": "ByOrder",
        "KeySchema": [{"AttributeName": "order", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    properties = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "order")],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [index],
    }
    name = deploy({"Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}})["Table"]
    item = {"id": {"S": "1"}, "order": {"S": "o"}, "more": {"S": "x"}}
    cloud.client("dynamodb").put_item(TableName=name, Item=item)
    query = {
        "TableName": name,
        "IndexName": "ByOrder",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "order"},
        "ExpressionAttributeValues": {":o": {"S": "o"}},
    }

    found = client_of("dynamodb", [allow(f"{name}/index/ByOrder", "dynamodb:Query")]).query(**query)["Items"]

    assert found == [{"id": {"S": "1"}, "order": {"S": "o"}}]
    with pytest.raises(ClientError, match="dynamodb:Query"):
        client_of("dynamodb", [allow(name, "dynamodb:Query")]).query(**query)


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("dynamodb", lambda client: client.get_item(TableName="none", Key={"id": {"S": "1"}})),
        ("stepfunctions", lambda client: client.start_execution(stateMachineArn=NO_MACHINE)),
        ("events", lambda client: client.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}])),
        ("kms", lambda client: client.describe_key(KeyId="none")),
        ("secretsmanager", lambda client: client.get_secret_value(SecretId="none")),
    ],
)
def test_denial_of_a_json_service_has_status_400(client_of: Callable[..., Any], service: str, call: Any) -> None:
    client = client_of(service, [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}])

    with pytest.raises(ClientError, match="AccessDenied") as denied:
        call(client)

    assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_denial_of_a_rest_service_has_status_403(client_of: Callable[..., Any]) -> None:
    client = client_of("lambda", [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}])

    with pytest.raises(ClientError, match="AccessDenied") as denied:
        client.list_functions()

    assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(
    ("operation", "parameters", "action"),
    [
        ("get_function_concurrency", {"FunctionName": "none"}, "GetFunctionConcurrency"),
        ("delete_function_concurrency", {"FunctionName": "none"}, "DeleteFunctionConcurrency"),
        ("get_function_event_invoke_config", {"FunctionName": "none"}, "GetFunctionEventInvokeConfig"),
        ("get_event_source_mapping", {"UUID": MAPPING}, "GetEventSourceMapping"),
        ("update_event_source_mapping", {"UUID": MAPPING, "Enabled": True}, "UpdateEventSourceMapping"),
        ("list_event_source_mappings", {}, "ListEventSourceMappings"),
    ],
)
def test_calls_about_functions_are_checked_by_their_own_action(
    client_of: Callable[..., Any], operation: str, parameters: dict[str, Any], action: str
) -> None:
    other = {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": "*"}

    with pytest.raises(ClientError, match=f"lambda:{action}\\b"):
        getattr(client_of("lambda", [other]), operation)(**parameters)
