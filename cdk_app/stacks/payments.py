"""The stack of the payments: a FIFO queue and a standard queue, each with a receiver."""

from typing import TYPE_CHECKING, Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb

from cdk_app.handler_packages import handler_package
from cdk_app.settings import StageSettings
from cdk_app.stacks.log_retention import RETENTION_BY_DAYS
from lambdas.contracts.payments import PaymentsEnvironment
from tsunagu.cdk import (
    CustomerManagedKey,
    CustomerManagedKeyProps,
    DeadLetterNotifier,
    DeadLetterNotifierProps,
    IdempotencyTable,
    IdempotencyTableProps,
    IdempotentReceiver,
    IdempotentReceiverProps,
    QueueChannel,
    QueueChannelProps,
    removal_policy,
)

if TYPE_CHECKING:
    from constructs import Construct

_HANDLER_TIMEOUT = Duration.seconds(5)
_PACKAGE = handler_package("payments")


class PaymentsStack(Stack):
    """Record each payment once, and add it to the balance of its account.

    Tests and other programs read the outputs by name, so that their names are public contract.
    """

    def __init__(self, scope: "Construct", construct_id: str, *, settings: StageSettings, **stack_props: Any) -> None:
        super().__init__(scope, construct_id, termination_protection=settings.protect, **stack_props)
        self._settings = settings
        key_props = CustomerManagedKeyProps(description="Messages of the payment queues", protect=settings.protect)
        self._queue_key = CustomerManagedKey(self, "QueueKey", key_props).key
        self._payments = self._payments_table()
        self._items = IdempotencyTable(self, "IdempotencyTable", IdempotencyTableProps(protect=settings.protect))
        self._dead_letter_notifier = DeadLetterNotifier(
            self, "DeadLetterNotifier", DeadLetterNotifierProps(protect=settings.protect)
        )
        self._add_receiver("Fifo", fifo=True)
        self._add_receiver("Standard", fifo=False)
        self._output("PaymentsTableName", self._payments.table_name)
        self._output("IdempotencyTableName", self._items.table.table_name)
        self._output("NotificationTopicArn", self._dead_letter_notifier.topic.topic_arn)
        self._output("AlarmTopicArn", self._dead_letter_notifier.alarm_topic.topic_arn)

    def _add_receiver(self, kind: str, *, fifo: bool) -> None:
        channel = QueueChannel(
            self,
            f"{kind}Channel",
            QueueChannelProps(
                handler_timeout=_HANDLER_TIMEOUT,
                fifo=fifo,
                high_throughput=fifo,
                key=self._queue_key,
                protect=self._settings.protect,
            ),
        )
        receiver = IdempotentReceiver(self, f"{kind}Receiver", self._receiver_props(channel))
        self._payments.grant(receiver.handler.function, "dynamodb:PutItem", "dynamodb:UpdateItem")
        self._output(f"{kind}QueueUrl", channel.queue.queue_url)
        self._output(f"{kind}DeadLetterQueueUrl", channel.dead_letter_queue.queue_url)
        self._output(f"{kind}FunctionName", receiver.handler.function.function_name)

    def _receiver_props(self, channel: QueueChannel) -> IdempotentReceiverProps:
        return IdempotentReceiverProps(
            package=_PACKAGE,
            environment=[PaymentsEnvironment(payments_table_name=self._payments.table_name)],
            channel=channel,
            table=self._items,
            shared_keys="payments",  # a payment may come through both queues
            dead_letter_notifier=self._dead_letter_notifier,
            platform=self._settings.platform,
            log_retention=RETENTION_BY_DAYS[self._settings.log_retention_days],
            protect=self._settings.protect,
        )

    def _payments_table(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "PaymentsTable",
            partition_key=dynamodb.Attribute(name="account", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="entry", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self._settings.protect,
            removal_policy=removal_policy(protect=self._settings.protect),
        )

    def _output(self, name: str, value: str) -> None:
        CfnOutput(self, name, value=value)
