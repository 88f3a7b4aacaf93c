"""What our API is compared with: the same kind of gateway with a function that records the request, and answers."""

import json
import sys
from pathlib import Path
from typing import Any

STACK_NAME = "synchronous-api"
STAGE = "v1"

_CODE = Path(__file__).with_name("recorder.py")


def template() -> str:
    """Return the CloudFormation template."""
    return json.dumps(
        {
            "Resources": {
                "Records": _resource(
                    "DynamoDB::Table",
                    BillingMode="PAY_PER_REQUEST",
                    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                ),
                "Role": _role(),
                "Function": _resource(
                    "Lambda::Function",
                    Handler="index.handler",
                    Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
                    Role=_attribute("Role", "Arn"),
                    Code={"ZipFile": _CODE.read_text(encoding="utf-8")},
                    MemorySize=256,
                    Timeout=5,
                    Environment={"Variables": {"RECORDS_TABLE": {"Ref": "Records"}}},
                ),
                **_api(),
            },
            "Outputs": {
                "ApiUrl": {
                    "Value": {"Fn::Sub": f"https://${{Api}}.execute-api.${{AWS::Region}}.amazonaws.com/{STAGE}/"}
                }
            },
        }
    )


def _api() -> dict[str, Any]:
    uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"
    return {
        "Api": _resource("ApiGateway::RestApi", Name=STACK_NAME),
        "Path": _resource(
            "ApiGateway::Resource",
            RestApiId={"Ref": "Api"},
            ParentId=_attribute("Api", "RootResourceId"),
            PathPart="reports",
        ),
        "Method": _resource(
            "ApiGateway::Method",
            RestApiId={"Ref": "Api"},
            ResourceId={"Ref": "Path"},
            HttpMethod="POST",
            AuthorizationType="AWS_IAM",
            Integration={"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Sub": uri}},
        ),
        "Deployment": {
            **_resource("ApiGateway::Deployment", RestApiId={"Ref": "Api"}),
            "DependsOn": ["Method"],
        },
        "Stage": _resource(
            "ApiGateway::Stage", RestApiId={"Ref": "Api"}, DeploymentId={"Ref": "Deployment"}, StageName=STAGE
        ),
        "Permission": _resource(
            "Lambda::Permission",
            Action="lambda:InvokeFunction",
            FunctionName={"Ref": "Function"},
            Principal="apigateway.amazonaws.com",
        ),
    }


def _role() -> dict[str, Any]:
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": _attribute("Records", "Arn")},
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"},
    ]
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return _resource(
        "IAM::Role",
        AssumeRolePolicyDocument=_policy([trust]),
        Policies=[{"PolicyName": "record", "PolicyDocument": _policy(statements)}],
    )


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _attribute(resource: str, name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [resource, name]}
