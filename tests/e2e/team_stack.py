"""The app of a team that has a table, a queue, a role, a company key and a topic in a second region already."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, Duration, Environment, PhysicalName, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from cdk_app.settings import EMBEDDED_STAGE, load_settings
from tests.apps import new_app
from tests.e2e.handlers.parcels.environment import ParcelsEnvironment
from tsunagu.cdk import (
    DeadLetterNotifier,
    DeadLetterNotifierProps,
    HandlerPackage,
    IdempotencyTable,
    IdempotencyTableProps,
    IdempotentReceiver,
    IdempotentReceiverProps,
    Network,
    Platform,
    PrivateEndpoints,
    PrivateEndpointsProps,
    QueueChannel,
    QueueChannelProps,
    TopicChannel,
    TopicChannelProps,
    acknowledge,
    add_checks,
)
from tsunagu.contracts import items

PROJECT = Path(__file__).parents[2]
ACCOUNT, REGION, SECOND_REGION = "000000000000", "us-east-1", "eu-west-1"
COMPANY, TEAM = "company", "parcels"
TOPIC_NAME = "parcel-events"
TIMEOUT_SECONDS = 10
RECEIVES = 100
TIMEOUT = Duration.seconds(TIMEOUT_SECONDS)
# What any function of the company may do at most. The runtime needs no more.
BOUNDARY = ("dynamodb:*", "kms:*", "logs:*", "sns:Publish", "sqs:*", "xray:*", "ec2:*NetworkInterface*")


class CompanyStack(Stack):
    """What the company gives its teams: a key, and the boundary of each role."""

    def __init__(self, scope: App) -> None:
        super().__init__(scope, COMPANY, env=Environment(account=ACCOUNT, region=REGION))
        key = kms.Key(self, "Key", removal_policy=RemovalPolicy.DESTROY)
        for service in ("cloudwatch", "sns"):
            key.grant(iam.ServicePrincipal(f"{service}.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey*")
        self.key_arn = key.key_arn
        self.boundary = iam.ManagedPolicy(
            self, "Boundary", statements=[iam.PolicyStatement(actions=[*BOUNDARY], resources=["*"])]
        )
        CfnOutput(self, "BoundaryArn", value=self.boundary.managed_policy_arn)


class TopicsStack(Stack):
    """Events of another team, in a second region."""

    def __init__(self, scope: App) -> None:
        super().__init__(scope, "topics", env=Environment(account=ACCOUNT, region=SECOND_REGION))
        topic = sns.Topic(self, "Parcels", topic_name=TOPIC_NAME)
        acknowledge(topic, "tsunagu::FixedName", "teams of other regions subscribe to it by this name")
        self.topic_arn = f"arn:aws:sns:{SECOND_REGION}:{ACCOUNT}:{TOPIC_NAME}"
        self.undelivered = self._watched_queue()
        CfnOutput(self, "TopicArn", value=topic.topic_arn)

    def _watched_queue(self) -> sqs.Queue:
        """Return a queue for what SNS cannot deliver, which is in the region of the topic, with its alarm."""
        name = PhysicalName.GENERATE_IF_NEEDED
        queue = sqs.Queue(self, "Undelivered", enforce_ssl=True, retention_period=Duration.days(14), queue_name=name)
        acknowledge(queue, "tsunagu::FixedName", "another region refers to it")
        metric = queue.metric_approximate_number_of_messages_visible()
        alarm = metric.create_alarm(self, "Alarm", threshold=1, evaluation_periods=1)
        alarm.add_alarm_action(actions.SnsAction(sns.Topic(self, "Operations")))
        return queue


class TeamStack(Stack):
    """A receiver of these events, with tables, a queue, a role and a network of the team, and the company's key."""

    def __init__(self, scope: App, company: CompanyStack, topics: TopicsStack, platform: Platform) -> None:
        super().__init__(scope, TEAM, env=Environment(account=ACCOUNT, region=REGION))
        key = kms.Key.from_key_arn(self, "CompanyKey", company.key_arn)
        iam.PermissionsBoundary.of(self).apply(company.boundary)
        parcels = self._table("Parcels", "number")
        notifier = DeadLetterNotifier(self, "Notifier", DeadLetterNotifierProps(protect=False))
        channel = self._channel(key)
        existing = sns.Topic.from_topic_arn(self, "Events", topics.topic_arn)
        topic = TopicChannel(self, "Topic", TopicChannelProps(existing=existing, protect=False))
        topic.subscribe(channel, dead_letter_queue=topics.undelivered)
        receiver = IdempotentReceiver(
            self,
            "Receiver",
            IdempotentReceiverProps(
                package=HandlerPackage(path=Path(__file__).parent / "handlers" / "parcels"),
                environment=[ParcelsEnvironment(parcels_table_name=parcels.table_name)],
                channel=channel,
                table=self._items(),
                role=self._role(),
                dead_letter_notifier=notifier,
                network=self._network(),
                platform=platform,
                protect=False,
            ),
        )
        parcels.grant(receiver.handler.function, "dynamodb:PutItem")
        for name, value in {
            "QueueUrl": channel.queue.queue_url,
            "DeadLetterQueueUrl": channel.dead_letter_queue.queue_url,
            "ParcelsTableName": parcels.table_name,
            "RoleName": receiver.handler.role.role_name,
            "FunctionName": receiver.handler.function.function_name,
        }.items():
            CfnOutput(self, name, value=value)

    def _channel(self, key: kms.IKey) -> QueueChannel:
        """Return a channel of the team's own queue, which has the company's key."""
        kept = sqs.Queue(
            self, "OwnDeadLetters", encryption_master_key=key, enforce_ssl=True, retention_period=Duration.days(14)
        )
        own = sqs.Queue(
            self,
            "OwnQueue",
            encryption_master_key=key,
            enforce_ssl=True,
            visibility_timeout=Duration.seconds(6 * TIMEOUT_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=kept, max_receive_count=RECEIVES),
        )
        props = QueueChannelProps(handler_timeout=TIMEOUT, existing=own, key=key, max_receive_count=RECEIVES)
        return QueueChannel(self, "Channel", props)

    def _role(self) -> iam.Role:
        return iam.Role(self, "OwnRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))

    def _table(self, construct_id: str, key: str, **props: Any) -> dynamodb.TableV2:
        partition_key = dynamodb.Attribute(name=key, type=dynamodb.AttributeType.STRING)
        return dynamodb.TableV2(
            self, construct_id, partition_key=partition_key, removal_policy=RemovalPolicy.DESTROY, **props
        )

    def _items(self) -> IdempotencyTable:
        existing = self._table("OwnItems", items.ID, time_to_live_attribute=items.EXPIRATION)
        return IdempotencyTable(self, "Items", IdempotencyTableProps(existing=existing, protect=False))

    def _network(self) -> Network:
        subnets = [ec2.SubnetConfiguration(name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)]
        zones = [f"{REGION}{letter}" for letter in "ab"]
        vpc = ec2.Vpc(self, "Vpc", availability_zones=zones, nat_gateways=0, subnet_configuration=subnets)
        network = Network(vpc=vpc, subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED))
        PrivateEndpoints(self, "Endpoints", PrivateEndpointsProps(network=network))
        return network


def synthesize_team(output: Path) -> Path:
    """Write the cloud assembly of the app into the folder `output`. The checks of the library must find nothing."""
    context: Mapping[str, Any] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = new_app(outdir=str(output), context=context, analytics_reporting=False)
    company, topics = CompanyStack(app), TopicsStack(app)
    TeamStack(app, company, topics, load_settings(context["tsunagu"], EMBEDDED_STAGE).platform)
    add_checks(app)
    return Path(app.synth().directory)
