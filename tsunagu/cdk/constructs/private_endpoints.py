"""The ways from a private subnet to the AWS services that handlers call."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.network import Network

# What the runtime calls, besides DynamoDB and S3. Lambda itself ships log lines and traces, SQS and SNS use their keys
# themselves, and the event source mapping polls from outside the VPC: none of these needs an endpoint.
CALLED_SERVICES = (ec2.InterfaceVpcEndpointAwsService.SQS, ec2.InterfaceVpcEndpointAwsService.SNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpointsProps:
    """Settings of private endpoints.

    Attributes:
        network: Where the functions run; the endpoints go into the same subnets and let in the same security groups,
            or the whole VPC where the network names none.
        services: Services reached through an interface endpoint, each with an hourly charge a zone. Default: SQS and
            SNS. Add Step Functions when a handler tells tasks their outcome, KMS and others when it calls them itself.
    """

    network: Network
    services: Sequence[ec2.InterfaceVpcEndpointAwsService] = CALLED_SERVICES


class PrivateEndpoints(Construct):
    """Let functions in subnets without a way out reach DynamoDB, S3, SQS, SNS and what else is asked for.

    Attributes:
        dynamodb: The gateway endpoint of DynamoDB, which costs nothing.
        s3: The gateway endpoint of S3, which costs nothing: a claim check is read and written through it.
        interfaces: An interface endpoint a service, in the order of the services.
    """

    def __init__(self, scope: Construct, construct_id: str, props: PrivateEndpointsProps) -> None:
        super().__init__(scope, construct_id)
        network = props.network
        self.dynamodb = self._gateway("DynamoDB", network, ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        self.s3 = self._gateway("S3", network, ec2.GatewayVpcEndpointAwsService.S3)
        self.interfaces = [self._interface(network, service) for service in props.services]

    def _gateway(
        self, construct_id: str, network: Network, service: ec2.GatewayVpcEndpointAwsService
    ) -> ec2.GatewayVpcEndpoint:
        subnets = [network.subnets] if network.subnets else None
        return ec2.GatewayVpcEndpoint(self, construct_id, vpc=network.vpc, service=service, subnets=subnets)

    def _interface(self, network: Network, service: ec2.InterfaceVpcEndpointAwsService) -> ec2.InterfaceVpcEndpoint:
        endpoint = ec2.InterfaceVpcEndpoint(
            self,
            service.short_name.title(),
            vpc=network.vpc,
            service=service,
            subnets=network.subnets,
            open=not network.security_groups,
        )
        if not network.security_groups:
            acknowledge(endpoint, "AwsSolutions-EC23", "it lets in the range of the VPC, which the rule cannot read")
        for group in network.security_groups:
            endpoint.connections.allow_default_port_from(group)
        return endpoint
