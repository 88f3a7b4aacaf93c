import pytest
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2

from tests.tsunagu.cdk.constructs.synthesized import properties, resources
from tsunagu.cdk.constructs.network import Network
from tsunagu.cdk.constructs.private_endpoints import CALLED_SERVICES, PrivateEndpoints, PrivateEndpointsProps

ENDPOINT = "AWS::EC2::VPCEndpoint"


@pytest.fixture
def vpc(stack: Stack) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        vpc_cidr_block="10.0.0.0/16",
        availability_zones=["eu-west-1a"],
        isolated_subnet_ids=["subnet-11111111"],
        isolated_subnet_route_table_ids=["rtb-11111111"],
    )


def isolated(vpc: ec2.IVpc, *groups: ec2.ISecurityGroup) -> Network:
    subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    return Network(vpc=vpc, subnets=subnets, security_groups=groups)


def services(stack: Stack, endpoint_type: str) -> list[str]:
    endpoints = [resource["Properties"] for resource in resources(stack, ENDPOINT).values()]
    names = (str(found["ServiceName"]) for found in endpoints if found["VpcEndpointType"] == endpoint_type)
    return sorted(name.rstrip("'}]").rpartition(".")[2] for name in names)


def test_services_that_the_runtime_calls_are_reached_by_default(stack: Stack, vpc: ec2.IVpc) -> None:
    PrivateEndpoints(stack, "Endpoints", PrivateEndpointsProps(network=isolated(vpc)))

    assert services(stack, "Gateway") == ["dynamodb", "s3"]
    assert services(stack, "Interface") == ["sns", "sqs"]


def test_other_services_are_reached_on_request(stack: Stack, vpc: ec2.IVpc) -> None:
    asked = (*CALLED_SERVICES, ec2.InterfaceVpcEndpointAwsService.KMS)

    PrivateEndpoints(stack, "Endpoints", PrivateEndpointsProps(network=isolated(vpc), services=asked))

    assert services(stack, "Interface") == ["kms", "sns", "sqs"]


def test_endpoints_are_in_the_subnets_of_the_functions(stack: Stack, vpc: ec2.IVpc) -> None:
    PrivateEndpoints(stack, "Endpoints", PrivateEndpointsProps(network=isolated(vpc)))

    endpoints = [resource["Properties"] for resource in resources(stack, ENDPOINT).values()]
    places = {place for found in endpoints for place in found.get("SubnetIds", found.get("RouteTableIds"))}
    assert places == {"subnet-11111111", "rtb-11111111"}


def test_endpoints_accept_the_groups_of_the_functions_only(stack: Stack, vpc: ec2.IVpc) -> None:
    group = ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-0a1b2c3d4e5f60718")
    props = PrivateEndpointsProps(network=isolated(vpc, group), services=[ec2.InterfaceVpcEndpointAwsService.SQS])

    PrivateEndpoints(stack, "Endpoints", props)

    assert "SecurityGroupIngress" not in properties(stack, "AWS::EC2::SecurityGroup")
    rule = properties(stack, "AWS::EC2::SecurityGroupIngress")
    assert (rule["SourceSecurityGroupId"], rule["FromPort"]) == ("sg-0a1b2c3d4e5f60718", 443)


def test_endpoints_accept_the_vpc_where_the_network_names_no_group(stack: Stack, vpc: ec2.IVpc) -> None:
    services_asked = [ec2.InterfaceVpcEndpointAwsService.SQS]

    PrivateEndpoints(stack, "Endpoints", PrivateEndpointsProps(network=isolated(vpc), services=services_asked))

    [rule] = properties(stack, "AWS::EC2::SecurityGroup")["SecurityGroupIngress"]
    assert (rule["CidrIp"], rule["FromPort"]) == ("10.0.0.0/16", 443)
