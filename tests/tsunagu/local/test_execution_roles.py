"""What an execution calls, it calls with the permissions of its machine's role."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.tsunagu.local.machines import Machine, machine, task
from tests.tsunagu.local.rest_api import allow, service_role
from tsunagu.local.embedded_cloud import EmbeddedCloud

Resources = dict[str, dict[str, Any]]

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
}
TABLE_ARN = {"Fn::GetAtt": ["Table", "Arn"]}
UPDATE = {"TableName": "${Table}", "Key": {"id": {"S": "a"}}, "UpdateExpression": "SET n = :n"}
UPDATE |= {"ExpressionAttributeValues": {":n": {"N": "1"}}}
CALLS: dict[str, tuple[str, Any, Any, str]] = {  # action, resource, arguments, error of a denial
    "dynamodb:updateItem": ("dynamodb:UpdateItem", TABLE_ARN, UPDATE, "DynamoDB.AmazonDynamoDBException"),
    "dynamodb:getItem": (
        "dynamodb:GetItem",
        TABLE_ARN,
        {"TableName": "${Table}", "Key": {"id": {"S": "a"}}},
        "DynamoDB.AmazonDynamoDBException",
    ),
    "aws-sdk:dynamodb:updateItem": ("dynamodb:UpdateItem", TABLE_ARN, UPDATE, "DynamoDb.AccessDeniedException"),
    "sqs:sendMessage": (
        "sqs:SendMessage",
        {"Fn::GetAtt": ["Queue", "Arn"]},
        {"QueueUrl": "${Queue}", "MessageBody": "x"},
        "SQS.AmazonSQSException",
    ),
    "sns:publish": (
        "sns:Publish",
        {"Ref": "Topic"},
        {"TopicArn": "${Topic}", "Message": "x"},
        "SNS.AmazonSNSException",
    ),
    "lambda:invoke": (
        "lambda:InvokeFunction",
        {"Fn::GetAtt": ["Function", "Arn"]},
        {"FunctionName": "${Function}", "Payload": {}},
        "Lambda.AWSLambdaException",
    ),
}


def build(call: str, function: Callable[..., Resources], *statements: dict[str, Any]) -> Resources:
    names = {name: {"Ref": name} for name in ("Table", "Queue", "Topic", "Function")}
    return {
        "Table": TABLE,
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Topic": {"Type": "AWS::SNS::Topic"},
        **function("def handler(event, context):\n    return 1\n"),
        **machine(*statements, substitutions=names, Call=task(call, CALLS[call][2])),
    }


@pytest.fixture
def run(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], eventually: Callable[..., Any]
) -> Callable[[Resources], dict[str, Any]]:
    def deploy_and_run(resources: Resources) -> dict[str, Any]:
        return Machine(cloud=cloud, ids=deploy(resources), eventually=eventually).run()

    return deploy_and_run


@pytest.mark.parametrize("call", CALLS)
def test_each_call_needs_its_permission(
    function: Callable[..., Resources], run: Callable[[Resources], dict[str, Any]], call: str
) -> None:
    action, resource, _arguments, denial = CALLS[call]

    allowed = run(build(call, function, allow(action, resource)))
    denied = run(build(call, function, allow("sqs:ListQueues", "*")))

    assert allowed["status"] == "SUCCEEDED", allowed
    assert (denied["status"], denied["error"]) == ("FAILED", denial)
    assert action in denied["cause"]


def test_permission_holds_for_the_items_that_it_names(
    function: Callable[..., Resources], run: Callable[[Resources], dict[str, Any]]
) -> None:
    def run_with(key: str) -> dict[str, Any]:
        condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [key]}}
        statement = allow("dynamodb:UpdateItem", TABLE_ARN) | {"Condition": condition}
        return run(build("dynamodb:updateItem", function, statement))

    assert run_with("a")["status"] == "SUCCEEDED"
    assert run_with("b")["error"] == "DynamoDB.AmazonDynamoDBException"


def test_role_must_trust_step_functions(
    function: Callable[..., Resources], run: Callable[[Resources], dict[str, Any]]
) -> None:
    resources = build("dynamodb:updateItem", function, allow("dynamodb:UpdateItem", TABLE_ARN))
    resources["MachineRole"] = service_role("events", allow("dynamodb:UpdateItem", TABLE_ARN))

    assert "not authorized to assume the role" in run(resources)["cause"]
