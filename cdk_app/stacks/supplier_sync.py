"""The stack of the supplier: a job that stores its price list each minute, one run at a time."""

from typing import TYPE_CHECKING, Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_scheduler as scheduler

from cdk_app.handler_packages import handler_package
from cdk_app.settings import StageSettings
from cdk_app.stacks.log_retention import RETENTION_BY_DAYS
from lambdas.contracts.suppliers import SUPPLIER_SYNC, SuppliersEnvironment
from tsunagu.cdk import SingleFlightSchedule, SingleFlightScheduleProps, removal_policy

if TYPE_CHECKING:
    from constructs import Construct

_SUPPLIER = "acme"
_TICK = Duration.minutes(1)
_HANDLER_TIMEOUT = Duration.minutes(5)
_LONGEST_RUN = Duration.hours(1)
_SUCCESS_WITHIN = Duration.hours(2)


class SupplierSyncStack(Stack):
    """Store the price list of a supplier, which takes longer than a minute: ticks that come meanwhile are skipped.

    Tests and other programs read the outputs by name, so that their names are public contract.
    """

    def __init__(self, scope: "Construct", construct_id: str, *, settings: StageSettings, **stack_props: Any) -> None:
        super().__init__(scope, construct_id, termination_protection=settings.protect, **stack_props)
        self._settings = settings
        prices = self._prices_table()
        job = SingleFlightSchedule(self, "SupplierSync", self._job_props(prices))
        prices.grant(job.receiver.handler.function, "dynamodb:PutItem", "dynamodb:UpdateItem")
        for name, value in job.outputs.items():
            self._output(name, value)
        self._output("PricesTableName", prices.table_name)
        self._output("DeadLetterQueueUrl", job.channel.dead_letter_queue.queue_url)
        self._output("FunctionName", job.receiver.handler.function.function_name)
        self._output("ScheduleName", job.schedule.schedule_name)
        self._output("NotificationTopicArn", job.dead_letter_notifier.topic.topic_arn)
        self._output("AlarmTopicArn", job.dead_letter_notifier.alarm_topic.topic_arn)

    def _job_props(self, prices: dynamodb.Table) -> SingleFlightScheduleProps:
        environment = SuppliersEnvironment(
            prices_table_name=prices.table_name, supplier=_SUPPLIER, supplier_url=self._settings.supplier_url
        )
        return SingleFlightScheduleProps(
            package=handler_package("supplier_sync"),
            environment=[environment],
            job=SUPPLIER_SYNC,
            schedule=scheduler.ScheduleExpression.rate(_TICK),
            handler_timeout=_HANDLER_TIMEOUT,
            enabled=self._settings.schedules,
            longest_run=_LONGEST_RUN,
            success_alarm_after=_SUCCESS_WITHIN,
            platform=self._settings.platform,
            log_retention=RETENTION_BY_DAYS[self._settings.log_retention_days],
            protect=self._settings.protect,
        )

    def _prices_table(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "PricesTable",
            partition_key=dynamodb.Attribute(name="supplier", type=dynamodb.AttributeType.STRING),
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
