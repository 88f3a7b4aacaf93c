"""VPC, subnets and security groups of functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2

from tsunagu.cdk.props import CheckedProps


@dataclass(frozen=True, slots=True, kw_only=True)
class Network(CheckedProps):
    """A VPC, and the subnets and security groups that functions use.

    A function needs a VPC only to reach resources inside it. An event source mapping polls from outside the VPC:
    Lambda's own pollers read the queue with the function's role. The function's security groups and the policy of a VPC
    endpoint do not apply to the pollers. A queue policy that allows only a VPC endpoint (`aws:SourceVpce`) blocks them:
    restrict the queue by role or by account instead.

    Attributes:
        vpc: The VPC.
        subnets: Subnets of the functions, not public ones. Default: private subnets with internet access, or else
            isolated subnets, for which `PrivateEndpoints` makes the endpoints of AWS services.
        security_groups: Security groups of the functions. Default: a new group for each function, without inbound
            rules.
    """

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection | None = None
    security_groups: Sequence[ec2.ISecurityGroup] = ()
