"""Where in a VPC a function runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A VPC, and the part of it that functions use.

    A function needs a VPC only to reach what is inside one. An event source mapping always polls from outside: Lambda's
    own pollers read the queue, with the function's role, so that neither the function's security groups nor a policy of
    a VPC endpoint for SQS apply to them, and a queue policy that lets only a VPC endpoint in (`aws:SourceVpce`) shuts
    the pollers out. Deny by role or by account instead.

    Attributes:
        vpc: The VPC.
        subnets: Subnets for the functions, never public ones. Default: the private ones with a way out, else those
            without one, for which `PrivateEndpoints` makes the ways to AWS.
        security_groups: Groups for the functions. Default: a group of its own for each function, which nothing may
            enter.
    """

    vpc: "ec2.IVpc"
    subnets: "ec2.SubnetSelection | None" = None
    security_groups: Sequence["ec2.ISecurityGroup"] = ()
