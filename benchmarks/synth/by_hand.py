"""The stack of `examples/invoices`, written with the CDK alone: the same resources with the same properties.

Run as a script, it synthesizes the stack. `CODE` names the zip file of the function.
"""

import os
from collections.abc import Sequence
from typing import Any, cast

from aws_cdk import App, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

MINUTE = Duration.minutes(1)
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
QUIET = cloudwatch.TreatMissingData.NOT_BREACHING


class InvoicesStack(Stack):
    """A queue, its function with idempotency table, and alarms that reach operators."""

    def __init__(self, scope: App, construct_id: str, code: str) -> None:
        super().__init__(scope, construct_id)
        self.invoices = dynamodb.TableV2(
            self,
            "InvoicesTable",
            partition_key=dynamodb.Attribute(name="number", type=dynamodb.AttributeType.STRING),
        )
        self.dead_letters = self._dead_letter_queue()
        self.queue = self._queue()
        self.items = self._items()
        self.topic_key, self.topic = self._topic("Topic", "Notifications of dead letters")
        self.alarm_topic_key, self.alarm_topic = self._topic("AlarmTopic", "Alarms on configuration faults")
        self._queue_alarms()
        self.log_group = logs.LogGroup(self, "LogGroup", retention=logs.RetentionDays.ONE_MONTH)
        self.role = self._role()
        self.function = self._function(code)
        self._function_alarms()
        lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=self.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=10,
            report_batch_item_failures=True,
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]),
        )
        CfnOutput(self, "QueueUrl", value=self.queue.queue_url)

    def _dead_letter_queue(self) -> sqs.Queue:
        return sqs.Queue(
            self,
            "DeadLetterQueue",
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _queue(self) -> sqs.Queue:
        return sqs.Queue(
            self,
            "Queue",
            retention_period=Duration.days(4),
            visibility_timeout=MINUTE,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=1_000),
            redrive_allow_policy=sqs.RedriveAllowPolicy(redrive_permission=sqs.RedrivePermission.DENY_ALL),
        )

    def _items(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "Items",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expiration",
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
        )

    def _topic(self, name: str, description: str) -> tuple[kms.Key, sns.Topic]:
        conditions = {
            "StringEquals": {"aws:SourceAccount": self.account},
            "ArnLike": {"aws:SourceArn": f"arn:{self.partition}:cloudwatch:{self.region}:{self.account}:alarm:*"},
        }
        settings: dict[str, Any] = {
            "sid": "AllowCloudwatch",
            "principals": [iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            "conditions": conditions,
        }
        key = kms.Key(self, f"{name}Key", description=description, enable_key_rotation=True)
        use = iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=["*"], **settings)
        key.add_to_resource_policy(use)
        topic = sns.Topic(self, name, master_key=key, enforce_ssl=True)
        publish = iam.PolicyStatement(actions=["sns:Publish"], resources=[topic.topic_arn], **settings)
        topic.add_to_resource_policy(publish)
        return key, topic

    def _queue_alarms(self) -> None:
        self._alarm(
            "DeadLetterAlarm",
            "The dead-letter queue has messages: a message could not be processed.",
            self.dead_letters.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum"),
        )
        self._alarm(
            "MessageAgeAlarm",
            "Messages wait for a quarter of their retention: their consumer is stuck or too slow.",
            self.queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum"),
            threshold=86_400,
        )

    def _role(self) -> iam.Role:
        tracing = iam.PolicyStatement(actions=["xray:PutTelemetryRecords", "xray:PutTraceSegments"], resources=["*"])
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Tracing": iam.PolicyDocument(statements=[tracing])},
        )
        allowed: Sequence[tuple[Sequence[str], str]] = (
            (("logs:CreateLogStream", "logs:PutLogEvents"), self.log_group.log_group_arn),
            (("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), self.queue.queue_arn),
            (("sqs:ChangeMessageVisibility",), self.queue.queue_arn),
            (("sqs:SendMessage",), self.dead_letters.queue_arn),
            (
                ("dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"),
                self.items.table_arn,
            ),
            (("sns:Publish",), self.topic.topic_arn),
            (("kms:Decrypt", "kms:GenerateDataKey"), self.topic_key.key_arn),
            (("dynamodb:PutItem",), self.invoices.table_arn),
        )
        for actions_of_one, resource in allowed:
            role.add_to_policy(iam.PolicyStatement(actions=[*actions_of_one], resources=[resource]))
        return role

    def _function(self, code: str) -> lambda_.Function:
        function = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(code),
            handler="invoices.handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            role=self.role,
            environment=self._environment(),
            timeout=Duration.seconds(10),
            memory_size=256,
            log_group=self.log_group,
            logging_format=lambda_.LoggingFormat.JSON,
        )
        # `tracing` would add X-Ray's permissions once more.
        resource = cast("lambda_.CfnFunction", function.node.default_child)
        resource.tracing_config = lambda_.CfnFunction.TracingConfigProperty(mode="Active")
        return function

    def _environment(self) -> dict[str, str]:
        return {
            "IDEMPOTENCY_TABLE_NAME": self.items.table_name,
            "IDEMPOTENCY_WINDOW_SECONDS": "1987200",
            "QUEUE_ARN": self.queue.queue_arn,
            "QUEUE_URL": self.queue.queue_url,
            "DEAD_LETTER_QUEUE_URL": self.dead_letters.queue_url,
            "NOTIFICATION_TOPIC_ARN": self.topic.topic_arn,
            "MAX_ATTEMPTS": "5",
            "FUNCTION_TIMEOUT_SECONDS": "10",
            "METRICS_NAMESPACE": "Tsunagu",
            "SINGLE_WRITES": "false",
            "LEASE_SECONDS": "0",
            "LOG_TRACEBACKS": "false",
            "PUBLISH_ERROR_TEXT": "false",
            "SHARED_KEYS": "",
            "INVOICES_TABLE_NAME": self.invoices.table_name,
        }

    def _function_alarms(self) -> None:
        self._alarm(
            "ConfigurationFaultAlarm",
            "A call failed that no retry mends: a permission is missing, a name is wrong, or a resource was deleted or "
            "disabled. The log lines of the function name the call. Its messages wait for the repair.",
            self._metric("ConfigurationFaults"),
            self.alarm_topic,
            evaluation_periods=20,
            datapoints_to_alarm=1,
        )
        self._alarm(
            "FailureAfterCommitAlarm",
            "A business function failed after its transaction was committed. The effect stands, and the message is "
            "complete, but what the function wanted after the commit was not done. The log names the place.",
            self._metric("FailuresAfterCommit"),
        )
        often: dict[str, Any] = {"evaluation_periods": 5, "datapoints_to_alarm": 3}
        self._alarm(
            "ErrorAlarm",
            "Invocations of a function fail as a whole: it is killed, times out, or cannot be imported. "
            "The log has why.",
            self.function.metric_errors(period=MINUTE),
            **often,
        )
        self._alarm(
            "ThrottleAlarm",
            "Lambda refuses invocations of a function: its concurrency, or that of the account, is used up.",
            self.function.metric_throttles(period=MINUTE),
            **often,
        )
        self._alarm(
            "FailedCallAlarm",
            "Calls of a function fail after all retries. The log names the call, the resource and the error.",
            self._metric("CallsFailed"),
            **often,
        )
        self._alarm(
            "LostLeaseAlarm",
            "Another worker took over a message that was in work: its lease ended before the function did, or was "
            "released.",
            self._metric("LeasesLost"),
            datapoints_to_alarm=1,
        )

    def _metric(self, name: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="Tsunagu",
            metric_name=name,
            dimensions_map={"function_name": self.function.function_name},
            statistic="Sum",
            period=MINUTE,
        )

    def _alarm(
        self,
        name: str,
        description: str,
        metric: cloudwatch.Metric,
        *more_topics: sns.Topic,
        threshold: float = 1,
        evaluation_periods: int = 1,
        datapoints_to_alarm: int | None = None,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            datapoints_to_alarm=datapoints_to_alarm,
            comparison_operator=AT_LEAST,
            treat_missing_data=QUIET,
        )
        for topic in (self.topic, *more_topics):
            alarm.add_alarm_action(actions.SnsAction(topic))


if __name__ == "__main__":
    app = App()
    InvoicesStack(app, "Invoices", os.environ["CODE"])
    app.synth()
