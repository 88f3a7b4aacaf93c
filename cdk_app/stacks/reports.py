"""The stack of the reports: two APIs that accept a request at once, and whose worker makes the report later."""

from typing import TYPE_CHECKING, Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb

from cdk_app.handler_packages import handler_package
from cdk_app.settings import StageSettings
from cdk_app.stacks.log_retention import RETENTION_BY_DAYS
from lambdas.contracts.reports import ReportRequest, ReportsEnvironment
from tsunagu.cdk import (
    AsyncRequestApi,
    AsyncRequestApiProps,
    DeadLetterNotifier,
    DeadLetterNotifierProps,
    ReceiverSettings,
    removal_policy,
)
from tsunagu.contracts.requests import API_NAME_OUTPUT

if TYPE_CHECKING:
    from constructs import Construct

LONGEST_WORK = Duration.seconds(15)
_NAME = "reports"
_PACKAGE = handler_package("reports")
# The worker extends its lease while it works. After a kill, the next attempt waits for the end of a lease only.
_LEASE = Duration.seconds(10)
_DEADLINE = Duration.minutes(30)
_WORKERS, _ATTEMPTS = 20, 3


class ReportsStack(Stack):
    """Make each report once that somebody asked for, with a status until it is there.

    There are two APIs. `Reports` delivers requests by a queue. `EventReports` invokes its function asynchronously, for
    clients that have such an API: their requests have no record before they are started.

    Tests and other programs read the outputs by name, so that their names are public contract.
    """

    def __init__(
        self,
        scope: "Construct",
        construct_id: str,
        *,
        settings: StageSettings,
        longest_work: Duration = LONGEST_WORK,
        **stack_props: Any,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=settings.protect, **stack_props)
        self._settings = settings
        self._longest_work = longest_work
        self._register = self._register_table()
        self._dead_letter_notifier = DeadLetterNotifier(
            self, "DeadLetterNotifier", DeadLetterNotifierProps(protect=settings.protect)
        )
        self._add_api("Reports", delivery="queue", cancellable=True)
        self._add_api("EventReports", delivery="lambda_event", account_log_role=False)
        self._output(API_NAME_OUTPUT, _NAME)
        self._output("ReportsTableName", self._register.table_name)
        self._output("NotificationTopicArn", self._dead_letter_notifier.topic.topic_arn)
        self._output("AlarmTopicArn", self._dead_letter_notifier.alarm_topic.topic_arn)

    def _add_api(self, name: str, **props: Any) -> None:
        api = AsyncRequestApi(self, name, self._api_props(**props))
        self._register.grant(api.worker.function, "dynamodb:PutItem", "dynamodb:UpdateItem")
        self._output(f"{name}FunctionName", api.worker.function.function_name)
        self._output(f"{name}SweeperFunctionName", api.sweeper.handler.function.function_name)
        self._output(f"{name}RequestsTableName", api.table.table.table_name)
        self._output(f"{name}ResultBucketName", api.results.bucket.bucket_name)
        self._output(f"{name}LongestRequestSeconds", f"{api.longest_request.to_seconds():.0f}")
        self._output(f"{name}ApiUrl", api.gateway.url)
        if api.gateway.access_logs is not None:
            self._output(f"{name}AccessLogGroupName", api.gateway.access_logs.log_group_name)
        if api.channel is not None and api.pipe is not None:
            self._output(f"{name}QueueUrl", api.channel.queue.queue_url)
            self._output(f"{name}DeadLetterQueueUrl", api.channel.dead_letter_queue.queue_url)
            self._output(f"{name}PipeName", api.pipe.pipe.ref)
        if api.events is not None:
            self._output(f"{name}DeadLetterQueueUrl", api.events.dead_letter_queue.queue_url)

    def _api_props(self, **props: Any) -> AsyncRequestApiProps:
        return AsyncRequestApiProps(
            name=_NAME,
            request_model=ReportRequest,
            worker=ReceiverSettings(
                package=_PACKAGE,
                environment=[ReportsEnvironment(reports_table_name=self._register.table_name)],
                lease=_LEASE,
                batch_size=1,
                max_concurrency=_WORKERS,
                max_attempts=_ATTEMPTS,
                platform=self._settings.platform,
                log_retention=RETENTION_BY_DAYS[self._settings.log_retention_days],
                protect=self._settings.protect,
            ),
            timeout=self._longest_work,
            deadline=_DEADLINE,
            dead_letter_notifier=self._dead_letter_notifier,
            access_log_retention=RETENTION_BY_DAYS[self._settings.log_retention_days],
            protect=self._settings.protect,
            **props,
        )

    def _register_table(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "ReportsTable",
            partition_key=dynamodb.Attribute(name="month", type=dynamodb.AttributeType.STRING),
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
