"""The warehouse: receipts from a topic of a second region, shipments through a pipeline, a stock-take each night."""

from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Duration, Stack, TimeZone
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from tsunagu.cdk import (
    HandlerFunctionProps,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    Network,
    Platform,
    QueueChannel,
    QueueChannelProps,
    Service,
    ServicePipeline,
    ServicePipelineProps,
    SingleFlightSchedule,
    SingleFlightScheduleProps,
    Step,
    TopicChannel,
    TopicChannelProps,
    removal_policy,
)

from cdk_app.company import CompanyResources
from lambdas.contracts.environment import WarehouseEnvironment
from lambdas.contracts.names import STOCKTAKE

LAMBDAS = Path(__file__).parents[1] / "lambdas"
TIMEOUT = Duration.seconds(10)


class WarehouseStack(Stack):
    """Three flows beside tables: one of the team, and one of the company."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        company: CompanyResources,
        platform: Platform,
        protect: bool,
        **stack_props: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack_props)
        self._company, self._platform, self._protect = company, platform, protect
        boundary = iam.ManagedPolicy.from_managed_policy_arn(self, "Boundary", company.boundary_arn)
        iam.PermissionsBoundary.of(self).apply(boundary)
        self._key = kms.Key.from_key_arn(self, "CompanyKey", company.key_arn)
        self._stock = dynamodb.TableV2.from_table_arn(self, "Stock", company.stock_table_arn)
        self._journal = self._journal_table()
        self._receipts()
        self._shipments()
        self._stocktake()
        CfnOutput(self, "JournalTableName", value=self._journal.table_name)
        CfnOutput(self, "StockTableName", value=self._stock.table_name)

    def _receipts(self) -> None:
        """Book each delivery that the topic announces once, in the company's network and with the company's role."""
        channel = QueueChannel(
            self, "ReceiptsChannel", QueueChannelProps(handler_timeout=TIMEOUT, key=self._key, protect=self._protect)
        )
        topic = sns.Topic.from_topic_arn(self, "Deliveries", self._company.deliveries_topic_arn)
        undelivered = sqs.Queue.from_queue_arn(self, "Undelivered", self._company.undelivered_queue_arn)
        deliveries = TopicChannel(self, "DeliveriesTopic", TopicChannelProps(existing=topic, protect=self._protect))
        deliveries.subscribe(channel, dead_letter_queue=undelivered)
        role = iam.Role.from_role_arn(self, "ReceiptsRole", self._company.receipts_role_arn)
        receiver = IdempotentReceiver(
            self,
            "Receipts",
            IdempotentReceiverProps(**self._handler("receipts"), channel=channel, role=role, network=self._network()),
        )
        self._stock.grant(receiver.handler.function, "dynamodb:UpdateItem")
        self._journal.grant(receiver.handler.function, "dynamodb:PutItem")
        CfnOutput(self, "ReceiptsQueueUrl", value=channel.queue.queue_url)
        CfnOutput(self, "ReceiptsDeadLetterQueueUrl", value=channel.dead_letter_queue.queue_url)

    def _shipments(self) -> None:
        """Pick and label an order side by side, then ship it."""
        preprocessor = HandlerFunctionProps(**self._handler("shipments", "start"), timeout=Duration.seconds(20))
        services = {name: self._service(name) for name in ("pick", "label", "ship")}
        pipeline = ServicePipeline(
            self,
            "Shipments",
            ServicePipelineProps(
                name="shipments",
                preprocessor=preprocessor,
                steps=[
                    Step(name="prepare", services=[services["pick"], services["label"]]),
                    Step(name="ship", services=[services["ship"]]),
                ],
                queue_key=self._key,
                protect=self._protect,
            ),
        )
        functions = {name: service.receiver.handler.function for name, service in pipeline.services.items()}
        self._stock.grant(functions["pick"], "dynamodb:UpdateItem")
        self._journal.grant(functions["ship"], "dynamodb:PutItem")

    def _service(self, name: str) -> Service:
        return Service(name=name, handler_timeout=TIMEOUT, **self._handler("shipments", name))

    def _stocktake(self) -> None:
        """Write the stock of each night into the journal, one run at a time."""
        job = SingleFlightSchedule(
            self,
            "Stocktake",
            SingleFlightScheduleProps(
                **self._handler("stocktake"),
                job=STOCKTAKE,
                schedule=scheduler.ScheduleExpression.cron(hour="2", minute="0", time_zone=TimeZone.EUROPE_BERLIN),
                handler_timeout=Duration.minutes(1),
            ),
        )
        self._stock.grant(job.receiver.handler.function, "dynamodb:Scan")
        self._journal.grant(job.receiver.handler.function, "dynamodb:PutItem")

    def _handler(self, folder: str, module: str = "handler") -> dict[str, Any]:
        """Return the settings of every function."""
        return {
            "package": HandlerPackage(
                path=LAMBDAS / folder, handler=f"{module}.handler", include=[LAMBDAS / "contracts"]
            ),
            "environment": [
                WarehouseEnvironment(
                    stock_table_name=self._stock.table_name, journal_table_name=self._journal.table_name
                )
            ],
            "platform": self._platform,
            "protect": self._protect,
        }

    def _network(self) -> Network:
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=self._company.vpc_id,
            availability_zones=[*self._company.zones],
            isolated_subnet_ids=[*self._company.subnet_ids],
        )
        return Network(vpc=vpc, subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED))

    def _journal_table(self) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            "Journal",
            partition_key=dynamodb.Attribute(name="entry", type=dynamodb.AttributeType.STRING),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self._protect,
            removal_policy=removal_policy(protect=self._protect),
        )
