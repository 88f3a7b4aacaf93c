"""The CloudFormation template around the plain lock, with the settings that the payments stack's standard queue has."""

import json
import sys
from pathlib import Path
from typing import Any

STACK_NAME = "plain-lock"

_CODE = Path(__file__).with_name("plain_lock.py")


def template() -> str:
    """Return the template."""
    return json.dumps(
        {
            "Resources": {
                "Queue": _resource("SQS::Queue", VisibilityTimeout=30, SqsManagedSseEnabled=True),
                "Locks": _table("id"),
                "Payments": _table("account", "entry"),
                "Role": _role(),
                "Function": _function(),
                "Mapping": _resource(
                    "Lambda::EventSourceMapping",
                    EventSourceArn=_attribute("Queue", "Arn"),
                    FunctionName={"Ref": "Function"},
                    BatchSize=10,
                    FunctionResponseTypes=["ReportBatchItemFailures"],
                ),
            },
            "Outputs": {
                "QueueUrl": {"Value": {"Ref": "Queue"}},
                "FunctionName": {"Value": {"Ref": "Function"}},
                "PaymentsTableName": {"Value": {"Ref": "Payments"}},
            },
        }
    )


def _function() -> dict[str, Any]:
    return _resource(
        "Lambda::Function",
        Handler="index.handler",
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Role=_attribute("Role", "Arn"),
        Code={"ZipFile": _CODE.read_text(encoding="utf-8")},
        MemorySize=256,
        Timeout=5,
        LoggingConfig={"LogFormat": "JSON"},
        Environment={"Variables": {"LOCKS_TABLE": {"Ref": "Locks"}, "PAYMENTS_TABLE": {"Ref": "Payments"}}},
    )


def _role() -> dict[str, Any]:
    queue = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility")
    logs = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
    statements = [
        _allow(queue, _attribute("Queue", "Arn")),
        _allow(("dynamodb:PutItem",), _attribute("Locks", "Arn")),
        _allow(("dynamodb:PutItem", "dynamodb:UpdateItem"), _attribute("Payments", "Arn")),
        _allow(logs, "*"),
    ]
    trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return _resource(
        "IAM::Role",
        AssumeRolePolicyDocument=_policy([trusted]),
        Policies=[{"PolicyName": "consume", "PolicyDocument": _policy(statements)}],
    )


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(actions: tuple[str, ...], resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [*actions], "Resource": resource}


def _table(*key: str) -> dict[str, Any]:
    return _resource(
        "DynamoDB::Table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in key],
        KeySchema=[
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(key, ("HASH", "RANGE"), strict=False)
        ],
    )


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _attribute(resource: str, name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [resource, name]}
