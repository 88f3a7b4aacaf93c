"""VPC endpoints, through which functions in isolated subnets reach the AWS services that they call."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.network import Network
from tsunagu.cdk.props import CheckedProps

# The services that the runtime calls besides DynamoDB and S3. Logs, traces, keys of SQS and SNS, and the polls of the
# event source mapping need no endpoint: AWS handles them outside the VPC.
CALLED_SERVICES = (ec2.InterfaceVpcEndpointAwsService.SQS, ec2.InterfaceVpcEndpointAwsService.SNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpointsProps(CheckedProps):
    """Settings of private endpoints.

    Attributes:
        network: Network of the functions. The endpoints are in the same subnets, and accept the same security groups,
            or the whole VPC when the network names no group.
        services: Services with an interface endpoint; AWS charges each by the hour and zone. Default: SQS and SNS. Add
            Step Functions when a handler reports the outcome of tasks, CloudWatch (`CLOUDWATCH_MONITORING`) for a
            `RequestSweeper`, and other services that a handler calls.
    """

    network: Network
    services: Sequence[ec2.InterfaceVpcEndpointAwsService] = CALLED_SERVICES


class PrivateEndpoints(CheckedConstruct):
    """Let functions in isolated subnets reach DynamoDB, S3, SQS, SNS and other services.

    Attributes:
        dynamodb: Gateway endpoint of DynamoDB, free of charge.
        s3: Gateway endpoint of S3, free of charge; the runtime reads and writes claims through it.
        interfaces: Interface endpoints, in the order of `services`.
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
            acknowledge(
                endpoint, "AwsSolutions-EC23", "it accepts the address range of the VPC, which the rule cannot resolve"
            )
        for group in network.security_groups:
            endpoint.connections.allow_default_port_from(group)
        return endpoint
