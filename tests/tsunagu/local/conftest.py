"""One embedded cloud for all contract tests, with IAM enforced, and what they deploy to it."""

import json
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.clouds import shared_cloud
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.testing.patience import eventually

Resources = dict[str, dict[str, Any]]
Statements = list[dict[str, Any]]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with shared_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="session", name="eventually")
def patiently() -> Callable[..., Any]:
    """Look again and again until something is there, and return it."""
    return partial(eventually, seconds=60)


@pytest.fixture(scope="session")
def deploy(cloud: EmbeddedCloud) -> Callable[..., dict[str, str]]:
    """Create a stack, or update it when it is named; return the physical ids of its resources."""
    cloudformation = cloud.client("cloudformation")

    def create_or_update(resources: Resources, *, stack: str | None = None) -> dict[str, str]:
        name = stack or f"probe-{uuid.uuid4().hex[:8]}"
        body = json.dumps({"Resources": resources})
        request = {"StackName": name, "TemplateBody": body, "Capabilities": ["CAPABILITY_IAM"]}
        pages = cloudformation.get_paginator("describe_stacks").paginate()
        existing = [entry["StackName"] for page in pages for entry in page["Stacks"]]
        if name in existing:
            cloudformation.update_stack(**request)
            cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        else:
            cloudformation.create_stack(**request)
            cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        described = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in described}

    return create_or_update


@pytest.fixture(scope="session")
def client_of(cloud: EmbeddedCloud) -> Callable[..., Any]:
    """Return a client with the permissions of these policy statements, and no others."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}

    def assume(service: str, statements: Statements) -> Any:
        iam, name = cloud.client("iam"), f"probe-{uuid.uuid4().hex[:8]}"
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="exact", PolicyDocument=_policy(statements))
        keys = cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="probe")["Credentials"]
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=cloud.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    return assume


@pytest.fixture(scope="session")
def table(cloud: EmbeddedCloud) -> Callable[[], str]:
    """Create a table with a string key `id`, and return its name."""

    def create() -> str:
        name = f"probe-{uuid.uuid4().hex[:8]}"
        cloud.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    return create


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).parents[3]


@pytest.fixture(scope="session")
def function() -> Callable[..., Resources]:
    """Return the resources `Role` and `Function` of a function with this code, its handler being `handler`."""

    def describe(code: str, **properties: Any) -> Resources:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
        defaults = {
            "Code": {"ZipFile": code},
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Runtime": "python3.13",
            "Timeout": 10,
        }
        return {
            "Role": {"Type": "AWS::IAM::Role", "Properties": role},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": defaults | properties},
        }

    return describe


def _policy(statements: Statements) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
