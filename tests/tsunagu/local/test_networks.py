"""Networks that the same template makes and uses: a VPC, its endpoints, and the rules between security groups."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2

from tests.apps import new_app
from tsunagu.cdk import Network, PrivateEndpoints, PrivateEndpointsProps
from tsunagu.local.embedded_cloud import EmbeddedCloud

ISOLATED = ec2.SubnetType.PRIVATE_ISOLATED


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(new_app(outdir=str(tmp_path), analytics_reporting=False), "Network")


def deployed(deploy: Callable[..., Any], stack: Stack, *, name: str | None = None) -> dict[str, str]:
    template = stack.node.root.synth().get_stack_by_name(stack.stack_name).template  # type: ignore[attr-defined]
    ids: dict[str, str] = deploy(template["Resources"], stack=name)
    return ids


def endpoints(cloud: EmbeddedCloud, vpc_id: str) -> dict[str, dict[str, Any]]:
    """Endpoints of a VPC, by the service that they reach."""
    found = cloud.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    return {each["ServiceName"].rpartition(".")[2]: each for each in found if each["VpcId"] == vpc_id}


def test_endpoints_of_a_vpc_of_the_same_app_accept_its_addresses(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], stack: Stack
) -> None:
    subnets = [ec2.SubnetConfiguration(name="Isolated", subnet_type=ISOLATED)]
    addresses = ec2.IpAddresses.cidr("10.7.0.0/16")
    vpc = ec2.Vpc(stack, "Vpc", ip_addresses=addresses, max_azs=2, nat_gateways=0, subnet_configuration=subnets)
    PrivateEndpoints(stack, "Endpoints", PrivateEndpointsProps(network=Network(vpc=vpc)))

    ids = deployed(deploy, stack)

    [vpc_id] = [ids[name] for name in ids if name.startswith("Vpc") and ids[name].startswith("vpc-")]
    found = endpoints(cloud, vpc_id)
    assert found.keys() == {"dynamodb", "s3", "sqs", "sns"}
    assert len(found["sqs"]["SubnetIds"]) == 2
    assert len(found["s3"]["RouteTableIds"]) == 2
    groups = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
    opened = [rule for group in groups if group["VpcId"] == vpc_id for rule in group["IpPermissions"]]
    assert {address["CidrIp"] for rule in opened for address in rule["IpRanges"]} == {"10.7.0.0/16"}


def test_endpoints_accept_the_security_group_of_the_functions(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], stack: Stack
) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1)  # with a NAT gateway and its address
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc, allow_all_outbound=False)
    network = Network(vpc=vpc, security_groups=[group])
    PrivateEndpoints(stack, "Endpoints", PrivateEndpointsProps(network=network))

    ids = deployed(deploy, stack)

    groups = {found["GroupId"]: found for found in cloud.client("ec2").describe_security_groups()["SecurityGroups"]}
    functions = ids[stack.get_logical_id(group.node.default_child)]  # type: ignore[arg-type]
    accepting = [ids[name] for name in ids if name.startswith("Endpoints") and ids[name].startswith("sg-")]
    assert len(accepting) == 2
    for accepted in accepting:
        [rule] = groups[accepted]["IpPermissions"]
        assert (rule["FromPort"], [pair["GroupId"] for pair in rule["UserIdGroupPairs"]]) == (443, [functions])
    [gateway] = [ids[name] for name in ids if ids[name].startswith("nat-")]
    [described] = cloud.client("ec2").describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    assert described["State"] == "available"


def test_rule_that_leaves_the_template_leaves_its_group(cloud: EmbeddedCloud, deploy: Callable[..., Any]) -> None:
    def resources(*ports: int) -> dict[str, Any]:
        rules = {
            f"Rule{port}": {
                "Type": f"AWS::EC2::SecurityGroup{direction}",
                "Properties": {
                    "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
                    "IpProtocol": "tcp",
                    "FromPort": port,
                    "ToPort": port,
                    "CidrIp": "10.0.0.0/16",
                },
            }
            for port, direction in zip(ports, ("Ingress", "Egress"), strict=False)
        }
        group = {"GroupDescription": "probe", "VpcId": {"Ref": "Vpc"}, "SecurityGroupEgress": []}
        return {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": group},
            **rules,
        }

    def ports(group_id: str) -> list[list[int]]:
        [group] = cloud.client("ec2").describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
        return [
            [rule["FromPort"] for rule in group[direction] if "FromPort" in rule]
            for direction in ("IpPermissions", "IpPermissionsEgress")
        ]

    ids = deploy(resources(443, 5432), stack="probe-rules")
    before = ports(ids["Group"])
    deploy(resources(8443), stack="probe-rules")

    assert before == [[443], [5432]]
    assert ports(ids["Group"]) == [[8443], []]
