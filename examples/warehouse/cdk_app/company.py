"""What the company has already: named in cdk.json on AWS, and made by two stacks for the embedded cloud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aws_cdk import App, Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from tsunagu.cdk import Network, PrivateEndpoints, PrivateEndpointsProps, acknowledge

# The account and the region of the embedded cloud.
ACCOUNT, REGION, SECOND_REGION = "000000000000", "us-east-1", "eu-west-1"
ROLE_NAME, TABLE_NAME, BOUNDARY_NAME = "warehouse-receipts", "stock", "team-boundary"
TOPIC_NAME, UNDELIVERED_NAME = "deliveries", "undelivered"
# What any function of the company may do at most.
BOUNDARY = (
    "dynamodb:*",
    "ec2:*NetworkInterface*",
    "kms:*",
    "lambda:*",
    "logs:*",
    "s3:*",
    "sns:Publish",
    "sqs:*",
    "states:*",
    "xray:*",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyResources:
    """What the company gives the team, by ARN and id.

    Attributes:
        account: Account of the team.
        region: Region of the team.
        key_arn: Key of everything that holds messages.
        boundary_arn: Permissions boundary of each role.
        receipts_role_arn: Role of the function that books receipts.
        stock_table_arn: Table of the stock, with the partition key `sku`.
        deliveries_topic_arn: Topic of the deliveries, in a second region.
        undelivered_queue_arn: Where SNS leaves what it cannot deliver, in that region.
        vpc_id: VPC of the team.
        zones: Its availability zones.
        subnet_ids: Its private subnets, one a zone. They reach AWS services by endpoints.
        connection_arn: Connection of CodePipeline to the repository.
    """

    account: str
    region: str
    key_arn: str
    boundary_arn: str
    receipts_role_arn: str
    stock_table_arn: str
    deliveries_topic_arn: str
    undelivered_queue_arn: str
    vpc_id: str
    zones: Sequence[str]
    subnet_ids: Sequence[str]
    connection_arn: str

    @classmethod
    def from_context(cls, app: App) -> Self:
        """Return what cdk.json names."""
        context: Mapping[str, Any] = app.node.get_context("company")
        return cls(**context)


class TopicsStack(Stack):
    """The deliveries, which another team announces in a second region."""

    def __init__(self, scope: App) -> None:
        super().__init__(scope, "Topics", env=Environment(account=ACCOUNT, region=SECOND_REGION))
        topic = sns.Topic(self, "Deliveries", topic_name=TOPIC_NAME)
        undelivered = sqs.Queue(
            self, "Undelivered", queue_name=UNDELIVERED_NAME, enforce_ssl=True, retention_period=Duration.days(14)
        )
        self._allow_sns(undelivered)
        for named in (topic, undelivered):
            acknowledge(named, "tsunagu::FixedName", "teams of other regions refer to it by this name")
        metric = undelivered.metric_approximate_number_of_messages_visible()
        alarm = metric.create_alarm(self, "Alarm", threshold=1, evaluation_periods=1)
        alarm.add_alarm_action(actions.SnsAction(sns.Topic(self, "Operations")))

    def _allow_sns(self, queue: sqs.Queue) -> None:
        topic_arn = f"arn:aws:sns:{SECOND_REGION}:{ACCOUNT}:{TOPIC_NAME}"
        sender = iam.PrincipalWithConditions(
            iam.ServicePrincipal("sns.amazonaws.com"), {"ArnEquals": {"aws:SourceArn": topic_arn}}
        )
        queue.grant_send_messages(sender)


class CompanyStack(Stack):
    """The company's key, boundary, role, table and network."""

    def __init__(self, scope: App) -> None:
        super().__init__(scope, "Company", env=Environment(account=ACCOUNT, region=REGION))
        self._key = self._company_key()
        self._boundary = iam.ManagedPolicy(
            self,
            "Boundary",
            managed_policy_name=BOUNDARY_NAME,
            statements=[iam.PolicyStatement(actions=[*BOUNDARY], resources=["*"])],
        )
        self._role = iam.Role(
            self,
            "ReceiptsRole",
            role_name=ROLE_NAME,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            permissions_boundary=self._boundary,
        )
        self._stock = dynamodb.TableV2(
            self,
            "Stock",
            table_name=TABLE_NAME,
            partition_key=dynamodb.Attribute(name="sku", type=dynamodb.AttributeType.STRING),
            removal_policy=RemovalPolicy.DESTROY,
        )
        for named in (self._role, self._stock):
            acknowledge(named, "tsunagu::FixedName", "teams refer to it by this name")
        self._vpc = self._network()

    def _company_key(self) -> kms.Key:
        key = kms.Key(self, "Key", removal_policy=RemovalPolicy.DESTROY)
        for service in ("cloudwatch", "sns"):
            key.grant(iam.ServicePrincipal(f"{service}.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey*")
        return key

    def _network(self) -> ec2.Vpc:
        subnets = [ec2.SubnetConfiguration(name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)]
        zones = [f"{REGION}{letter}" for letter in "ab"]
        vpc = ec2.Vpc(self, "Vpc", availability_zones=zones, nat_gateways=0, subnet_configuration=subnets)
        PrivateEndpoints(self, "Endpoints", PrivateEndpointsProps(network=Network(vpc=vpc)))
        return vpc

    def resources(self) -> CompanyResources:
        """Return the company's resources, for whoever imports them."""
        return CompanyResources(
            account=ACCOUNT,
            region=REGION,
            key_arn=self._key.key_arn,
            boundary_arn=f"arn:aws:iam::{ACCOUNT}:policy/{BOUNDARY_NAME}",
            receipts_role_arn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}",
            stock_table_arn=f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE_NAME}",
            deliveries_topic_arn=f"arn:aws:sns:{SECOND_REGION}:{ACCOUNT}:{TOPIC_NAME}",
            undelivered_queue_arn=f"arn:aws:sqs:{SECOND_REGION}:{ACCOUNT}:{UNDELIVERED_NAME}",
            vpc_id=self._vpc.vpc_id,
            zones=self._vpc.availability_zones,
            subnet_ids=[subnet.subnet_id for subnet in self._vpc.isolated_subnets],
            connection_arn="",
        )
