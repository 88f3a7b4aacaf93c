"""Custom resources of the CDK whose functions do not run here: a template that has them deploys, and is deleted."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3

from tests.apps import new_app
from tsunagu.local.embedded_cloud import EmbeddedCloud


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(new_app(outdir=str(tmp_path), analytics_reporting=False), "Probe")


@pytest.fixture
def deploy_stack(deploy: Callable[..., Any], stack: Stack) -> Callable[[str], dict[str, str]]:
    """Deploy the stack without its functions, which need assets, under this name."""

    def synthesize_and_deploy(name: str) -> dict[str, str]:
        template = stack.node.root.synth().get_stack_by_name(stack.stack_name).template  # type: ignore[attr-defined]
        resources = template["Resources"]
        functions = {key for key, found in resources.items() if found["Type"] == "AWS::Lambda::Function"}
        for resource in resources.values():
            resource.get("Properties", {}).pop("ServiceToken", None)
        kept = {key: found for key, found in resources.items() if key not in functions}
        ids: dict[str, str] = deploy(kept, stack=name)
        return ids

    return synthesize_and_deploy


def test_default_security_group_of_a_vpc_is_closed(
    cloud: EmbeddedCloud, stack: Stack, deploy_stack: Callable[[str], dict[str, str]]
) -> None:
    ec2.Vpc(stack, "Vpc", max_azs=1, nat_gateways=0, restrict_default_security_group=True)

    ids = deploy_stack(f"probe-{uuid.uuid4().hex[:8]}")

    [vpc_id] = [physical_id for physical_id in ids.values() if physical_id.startswith("vpc-")]
    groups = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
    [default] = [group for group in groups if group["VpcId"] == vpc_id]
    assert (default["IpPermissions"], default["IpPermissionsEgress"]) == ([], [])


@pytest.mark.parametrize("versioned", [False, True])
def test_bucket_that_is_emptied_first_is_deleted_with_its_stack(
    cloud: EmbeddedCloud, stack: Stack, deploy_stack: Callable[[str], dict[str, str]], versioned: bool
) -> None:
    name, client = f"probe-{uuid.uuid4().hex[:8]}", cloud.client("s3")
    bucket = s3.Bucket(
        stack, "Bucket", versioned=versioned, auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY
    )
    bucket_name = deploy_stack(name)[stack.get_logical_id(bucket.node.default_child)]  # type: ignore[arg-type]
    client.put_object(Bucket=bucket_name, Key="a", Body=b"1")
    client.delete_object(Bucket=bucket_name, Key="a")
    client.put_object(Bucket=bucket_name, Key="a", Body=b"2")

    cloud.client("cloudformation").delete_stack(StackName=name)
    cloud.client("cloudformation").get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    assert bucket_name not in [found["Name"] for found in client.list_buckets()["Buckets"]]
