"""The stack of the order API: one function that answers HTTP and consumes a queue, and the table of its orders."""

from typing import TYPE_CHECKING, Any, Literal

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb

from cdk_app.handler_packages import handler_package
from cdk_app.settings import StageSettings
from cdk_app.stacks.log_retention import RETENTION_BY_DAYS
from lambdas.contracts.order_api import OrderApiEnvironment
from tsunagu.cdk import (
    ApiAndQueueFunction,
    ApiAndQueueFunctionProps,
    CustomerManagedKey,
    CustomerManagedKeyProps,
    HandlerPackage,
    ImagePackage,
    QueueChannel,
    QueueChannelProps,
    ReceiverSettings,
    WebApiSettings,
    removal_policy,
)

if TYPE_CHECKING:
    from constructs import Construct

_HANDLER_TIMEOUT = Duration.seconds(10)  # messages of a killed function come back after six times that
_PACKAGE = handler_package("order_api")
# The queue takes 5 of 25, so that a burst of messages leaves 20 to the API.
_QUEUE_CONCURRENCY, _RESERVED_CONCURRENCY = 5, 25


class OrderApiStack(Stack):
    """Take orders over HTTP and from a queue, by one service.

    Tests and other programs read the outputs by name, so that their names are public contract.
    """

    def __init__(
        self,
        scope: "Construct",
        construct_id: str,
        *,
        settings: StageSettings,
        mode: Literal["shared", "split"] = "shared",
        api_kind: Literal["http", "rest"] = "http",
        package: HandlerPackage | ImagePackage = _PACKAGE,
        **stack_props: Any,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=settings.protect, **stack_props)
        self._settings = settings
        key_props = CustomerManagedKeyProps(description="Messages of the order queue", protect=settings.protect)
        self._queue_key = CustomerManagedKey(self, "QueueKey", key_props).key
        self._orders = self._orders_table()
        self._service = ApiAndQueueFunction(
            self,
            "OrderApi",
            ApiAndQueueFunctionProps(
                function=self._function(package),
                mode=mode,
                api=WebApiSettings(kind=api_kind, access_log_retention=RETENTION_BY_DAYS[settings.log_retention_days]),
                channel=self._channel(),
                sends_to_queue=True,
                protect=settings.protect,
            ),
        )
        self._grant_table()
        self._add_outputs()

    def _channel(self) -> QueueChannel:
        props = QueueChannelProps(handler_timeout=_HANDLER_TIMEOUT, key=self._queue_key, protect=self._settings.protect)
        return QueueChannel(self, "Channel", props)

    def _function(self, package: HandlerPackage | ImagePackage) -> ReceiverSettings:
        return ReceiverSettings(
            package=package,
            platform=self._settings.platform,
            environment=[OrderApiEnvironment(orders_table_name=self._orders.table_name)],
            max_concurrency=_QUEUE_CONCURRENCY,
            reserved_concurrency=_RESERVED_CONCURRENCY,
            log_retention=RETENTION_BY_DAYS[self._settings.log_retention_days],
            protect=self._settings.protect,
        )

    def _grant_table(self) -> None:
        """Let the API create, cancel, show and list orders; and the queue confirm and cancel them."""
        self._orders.grant(
            self._service.function, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem"
        )
        if self._service.queue_function is not self._service.function:
            self._orders.grant(self._service.queue_function, "dynamodb:GetItem", "dynamodb:UpdateItem")

    def _orders_table(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "OrdersTable",
            partition_key=dynamodb.Attribute(name="order_id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self._settings.protect,
            removal_policy=removal_policy(protect=self._settings.protect),
        )

    def _add_outputs(self) -> None:
        service = self._service
        self._output("OrderApiUrl", service.api.url)
        self._output("OrderApiFunctionName", service.function.function_name)
        self._output("OrderApiQueueFunctionName", service.queue_function.function_name)
        self._output("OrderApiQueueUrl", service.channel.queue.queue_url)
        self._output("OrderApiDeadLetterQueueUrl", service.channel.dead_letter_queue.queue_url)
        self._output("OrderApiTableName", self._orders.table_name)
        self._output("OrderApiIdempotencyTableName", service.table.table.table_name)
        self._output("NotificationTopicArn", service.dead_letter_notifier.topic.topic_arn)
        self._output("AlarmTopicArn", service.dead_letter_notifier.alarm_topic.topic_arn)
        if service.api.access_logs is not None:
            self._output("OrderApiAccessLogGroupName", service.api.access_logs.log_group_name)

    def _output(self, name: str, value: str) -> None:
        CfnOutput(self, name, value=value)
