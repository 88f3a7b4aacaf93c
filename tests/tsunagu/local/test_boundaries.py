"""Permissions boundaries of templates: a role may do only what its policies and its boundary allow."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.tsunagu.local.machines import Machine, machine, task
from tests.tsunagu.local.rest_api import allow
from tsunagu.local.embedded_cloud import EmbeddedCloud

Resources = dict[str, dict[str, Any]]

CALLS = """
import boto3
def handler(event, context):
    boto3.client("sqs").list_queues()
    try:
        boto3.client("dynamodb").list_tables()
    except Exception as error:
        return error.response["Error"]["Code"]
"""
EVERYTHING = {"PolicyName": "all", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow("*", "*")]}}


def bounded(identity: dict[str, Any], *actions: str) -> Resources:
    """Describe a role or user that may do everything, within a boundary."""
    document = {"Version": "2012-10-17", "Statement": [allow([*actions], "*")]}
    properties = identity["Properties"] | {"Policies": [EVERYTHING], "PermissionsBoundary": {"Ref": "Boundary"}}
    return {
        "Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}},
        "Identity": identity | {"Properties": properties},
    }


def role(*services: str) -> dict[str, Any]:
    principal = {"Service": [f"{service}.amazonaws.com" for service in services], "AWS": "*"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}


def client_as(cloud: EmbeddedCloud, service: str, role_name: str) -> Any:
    arn = f"arn:aws:iam::000000000000:role/{role_name}"
    keys = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    return client(cloud, service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def client(cloud: EmbeddedCloud, service: str, key: str, secret: str, token: str | None = None) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=cloud.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def test_role_of_a_template_may_do_only_what_its_boundary_allows(
    cloud: EmbeddedCloud, deploy: Callable[..., Any]
) -> None:
    stack = f"boundary-{uuid.uuid4().hex[:8]}"
    resources = bounded(role("lambda"), "sqs:ListQueues")
    name = deploy(resources, stack=stack)["Identity"]

    client_as(cloud, "sqs", name).list_queues()
    with pytest.raises(ClientError, match="dynamodb:ListTables"):
        client_as(cloud, "dynamodb", name).list_tables()
    resources["Identity"]["Properties"].pop("PermissionsBoundary")
    deploy(resources, stack=stack)

    client_as(cloud, "dynamodb", name).list_tables()


def test_user_of_a_template_may_do_only_what_its_boundary_allows(
    cloud: EmbeddedCloud, deploy: Callable[..., Any]
) -> None:
    name = deploy(bounded({"Type": "AWS::IAM::User", "Properties": {}}, "sqs:ListQueues"))["Identity"]
    key = cloud.client("iam").create_access_key(UserName=name)["AccessKey"]
    keys = (key["AccessKeyId"], key["SecretAccessKey"])

    client(cloud, "sqs", *keys).list_queues()
    with pytest.raises(ClientError, match="dynamodb:ListTables"):
        client(cloud, "dynamodb", *keys).list_tables()


def test_handler_may_do_only_what_the_boundary_of_its_role_allows(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Resources]
) -> None:
    handler = function(CALLS)["Function"]
    handler["Properties"]["Role"] = {"Fn::GetAtt": ["Identity", "Arn"]}
    resources = bounded(role("lambda"), "sqs:*", "logs:*")

    name = deploy({**resources, "Function": handler})["Function"]

    answer = cloud.client("lambda").invoke(FunctionName=name)
    assert json.loads(answer["Payload"].read()) == "AccessDeniedException"


@pytest.mark.parametrize(("action", "status"), [("sns:Publish", "SUCCEEDED"), ("sqs:SendMessage", "FAILED")])
def test_service_may_do_only_what_the_boundary_of_its_role_allows(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], eventually: Callable[..., Any], action: str, status: str
) -> None:
    publish = task("sns:publish", {"TopicArn": "${Topic}", "Message": "x"})
    resources = machine(substitutions={"Topic": {"Ref": "Topic"}}, Call=publish)
    resources |= {"Topic": {"Type": "AWS::SNS::Topic"}, **bounded(role("states"), action)}
    resources["MachineRole"] = resources.pop("Identity")

    execution = Machine(cloud=cloud, ids=deploy(resources), eventually=eventually).run()

    assert execution["status"] == status, execution
