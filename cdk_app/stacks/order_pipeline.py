"""The stack of the order pipeline: inventory and billing in parallel, then shipping, then notifications."""

from typing import TYPE_CHECKING, Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb

from cdk_app.handler_packages import handler_package
from cdk_app.settings import StageSettings
from cdk_app.stacks.log_retention import RETENTION_BY_DAYS
from lambdas.contracts.orders import OrdersEnvironment
from tsunagu.cdk import (
    ConnectedService,
    CustomerManagedKey,
    CustomerManagedKeyProps,
    HandlerFunctionProps,
    QueueChannel,
    QueueChannelProps,
    Service,
    ServicePipeline,
    ServicePipelineProps,
    Step,
    removal_policy,
)

if TYPE_CHECKING:
    from constructs import Construct

_PIPELINE = "orders"
_HANDLER_TIMEOUT = Duration.seconds(5)
_PREPROCESSOR_TIMEOUT = Duration.seconds(20)


class OrderPipelineStack(Stack):
    """Process orders: inventory and billing reserve, shipping ships, and a queue gets each completed order.

    Tests and other programs read the outputs by name, so that their names are public contract.
    """

    def __init__(self, scope: "Construct", construct_id: str, *, settings: StageSettings, **stack_props: Any) -> None:
        super().__init__(scope, construct_id, termination_protection=settings.protect, **stack_props)
        self._settings = settings
        key_props = CustomerManagedKeyProps(description="Messages of the order queues", protect=settings.protect)
        self._queue_key = CustomerManagedKey(self, "QueueKey", key_props).key
        self._orders = self._orders_table()
        self._notifications = QueueChannel(self, "NotificationsChannel", self._channel_props())
        self._pipeline = ServicePipeline(self, "Orders", self._pipeline_props())
        self._pipeline.dead_letter_notifier.watch_channel(self._notifications, self._notifications)
        for service in self._pipeline.services.values():
            self._orders.grant(service.receiver.handler.function, "dynamodb:PutItem", "dynamodb:UpdateItem")
        self._add_outputs()

    def _pipeline_props(self) -> ServicePipelineProps:
        preprocessor = HandlerFunctionProps(**self._handler("preprocessor"), timeout=_PREPROCESSOR_TIMEOUT)
        return ServicePipelineProps(
            name=_PIPELINE,
            preprocessor=preprocessor,
            steps=[
                Step(name="reserve", services=[self._service("inventory"), self._service("billing")]),
                Step(name="ship", services=[self._service("shipping")]),
            ],
            subscribers={"Notifications": self._notifications},
            queue_key=self._queue_key,
            protect=self._settings.protect,
        )

    def _service(self, name: str) -> Service:
        environment = [OrdersEnvironment(orders_table_name=self._orders.table_name)]
        return Service(name=name, environment=environment, handler_timeout=_HANDLER_TIMEOUT, **self._handler(name))

    def _handler(self, name: str) -> dict[str, Any]:
        """Return the settings of every function of the stage."""
        return {
            "package": handler_package(name),
            "platform": self._settings.platform,
            "log_retention": RETENTION_BY_DAYS[self._settings.log_retention_days],
            "protect": self._settings.protect,
        }

    def _channel_props(self) -> QueueChannelProps:
        return QueueChannelProps(handler_timeout=_HANDLER_TIMEOUT, key=self._queue_key, protect=self._settings.protect)

    def _orders_table(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "OrdersTable",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self._settings.protect,
            removal_policy=removal_policy(protect=self._settings.protect),
        )

    def _add_outputs(self) -> None:
        pipeline = self._pipeline
        self._output("PipelineName", _PIPELINE)
        self._output("PreprocessorFunctionName", pipeline.preprocessor.function.function_name)
        if pipeline.run_sweeper is not None:
            self._output("RunSweeperFunctionName", pipeline.run_sweeper.handler.function.function_name)
        self._output("IdempotencyTableName", pipeline.table.table.table_name)
        self._output("ClaimBucketName", pipeline.bucket.bucket.bucket_name)
        self._output("OrdersTableName", self._orders.table_name)
        self._output("NotifierTopicArn", pipeline.completion_topic.topic.topic_arn)
        self._output("DeadLetterTopicArn", pipeline.dead_letter_notifier.topic.topic_arn)
        self._output("AlarmTopicArn", pipeline.dead_letter_notifier.alarm_topic.topic_arn)
        self._output("NotificationsQueueUrl", self._notifications.queue.queue_url)
        for name, service in pipeline.services.items():
            self._add_outputs_of(name.capitalize(), service)

    def _add_outputs_of(self, name: str, service: ConnectedService) -> None:
        self._output(f"{name}QueueUrl", service.channel.queue.queue_url)
        self._output(f"{name}DeadLetterQueueUrl", service.channel.dead_letter_queue.queue_url)
        self._output(f"{name}FunctionName", service.receiver.handler.function.function_name)

    def _output(self, name: str, value: str) -> None:
        CfnOutput(self, name, value=value)
