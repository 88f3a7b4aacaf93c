"""A topic that notifies operators of dead letters: the runtime publishes the reason, and alarms cover the rest."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.function_alarms import AlarmRule, FunctionMetrics
from tsunagu.cdk.constructs.grants import Grantor
from tsunagu.cdk.constructs.key_access import (
    CLOUDWATCH,
    SEND_ACTIONS,
    CustomerKey,
    CustomerManaged,
    allow_service,
    source_conditions,
)
from tsunagu.cdk.constructs.messaging_alarms import ALL_MESSAGING_ALARMS, AgeRule, MessagingAlarms
from tsunagu.cdk.constructs.metric_panels import MetricPanel
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.constructs.topic_subscription import TopicSubscription
from tsunagu.cdk.props import CheckedProps, is_known
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.telemetry import METRICS_NAMESPACE, Metric
from tsunagu.errors import InvalidPropsError

_PERIOD = Duration.minutes(1)
# Of a message that waits for a configuration to be mended: `tsunagu.runtime.retry` has the same time.
LONGEST_PAUSE = Duration.minutes(15)
_PAUSE_SLACK = Duration.minutes(5)

_ALARM_SETTINGS: Mapping[str, Any] = {
    "comparison_operator": cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    "treat_missing_data": cloudwatch.TreatMissingData.NOT_BREACHING,  # SQS reports no metrics for an idle queue
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterNotifierProps(CheckedProps):
    """Settings of a dead-letter notifier.

    Attributes:
        existing: Topic to use instead of a new one. An imported topic and its key keep their policies, which must let
            CloudWatch publish. Default: a new topic.
        key: Customer-managed key of the topic. It may be the key of the queues, too. Default: a new key, or the key of
            the existing topic.
        alarm_topic: Topic that gets the alarms on configuration faults, besides the topic of the notifications, which
            may be what is at fault. An imported topic and its key must let CloudWatch publish. Default: a new topic
            with a key of its own, made with the first of these alarms.
        alarms: When the alarms are raised, who gets them besides these topics, and which are left out. Default: all.
        protect: Keep the key when its stack is deleted. Default: it is kept.

    Raises:
        InvalidPropsError: One of the topics is a FIFO topic, or its key is not customer-managed.
    """

    existing: sns.ITopic | None = None
    key: CustomerKey | None = None
    alarm_topic: sns.ITopic | None = None
    alarms: MessagingAlarms = ALL_MESSAGING_ALARMS
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        for prop, topic in (("existing", self.existing), ("alarm_topic", self.alarm_topic)):
            if topic is not None:
                check_alarm_topic(prop, topic)


class DeadLetterNotifier(CheckedConstruct):
    """Notify operators of dead letters on one encrypted topic; subscribe people and tools to it.

    Alarms on configuration faults go to a second topic too, because the first one or its key may be what is at fault.

    Attributes:
        topic: Topic of the notifications and the alarms.
        key: Key of the topic; None when the key of an existing topic is not known.
    """

    def __init__(self, scope: Construct, construct_id: str, props: DeadLetterNotifierProps | None = None) -> None:
        super().__init__(scope, construct_id)
        settings = props or DeadLetterNotifierProps()
        self._protect = settings.protect
        self._rules = settings.alarms
        self._alarm_topic = settings.alarm_topic
        if settings.existing is None:
            self.key: kms.IKey | None = settings.key or self._new_key("TopicKey", "Notifications of dead letters")
            self.topic: sns.ITopic = sns.Topic(self, "Topic", master_key=self.key, enforce_ssl=True)
            mark(self.topic, Kind.DEAD_LETTER_NOTIFIER, self, protected=settings.protect)
        else:
            self.key = settings.key or settings.existing.master_key
            self.topic = settings.existing
        self._allow_alarms(self.topic, self.key)
        if self._alarm_topic is not None and self._alarm_topic is not self.topic:
            self._allow_alarms(self._alarm_topic, self._alarm_topic.master_key)
        for topic in self._rules.more_topics:
            self._allow_alarms(topic, topic.master_key)

    @property
    def alarm_topic(self) -> sns.ITopic:
        """Topic that also gets the alarms on configuration faults; subscribe people and tools to it, too."""
        if self._alarm_topic is None:
            key = self._new_key("AlarmTopicKey", "Alarms on configuration faults")
            self._alarm_topic = sns.Topic(self, "AlarmTopic", master_key=key, enforce_ssl=True)
            self._allow_alarms(self._alarm_topic, key)
        return self._alarm_topic

    def watch_channel(
        self, scope: Construct, channel: QueueChannel
    ) -> tuple[cloudwatch.Alarm | None, cloudwatch.Alarm | None]:
        """Create an alarm on dead letters of `channel`, and an alarm on messages that wait too long.

        The first alarm also covers messages that SQS itself moved to the dead-letter queue, for which the runtime
        publishes no reason. The second alarm comes after a quarter of the retention, so that three quarters are left to
        repair the consumer.

        Args:
            scope: Where the alarms are created, usually the receiver. Channel and notifier may be in other stacks.
            channel: The channel to watch.

        Returns:
            The alarm on dead letters, and the alarm on the age of messages; None for one that is left out.
        """
        dead_letters = self._dead_letter_alarm(
            scope, channel.dead_letter_queue, "could not be processed", self._rules.dead_letters
        )
        age = self._age_alarm(scope, channel, self._rules.message_age)
        channel.dead_letter_alarm, channel.message_age_alarm = dead_letters, age
        return dead_letters, age

    def _age_alarm(self, scope: Construct, channel: QueueChannel, rule: AgeRule | None) -> cloudwatch.Alarm | None:
        if rule is None:
            return None
        how_long = "for a quarter of their retention" if rule.age is None else "too long"
        return self._alarm(
            scope,
            "MessageAgeAlarm",
            f"Messages wait {how_long}: their consumer is stuck or too slow.",
            channel.metric_oldest_message_age(period=_PERIOD, statistic="Maximum"),
            threshold=rule.threshold(channel.props.retention),
            evaluation_periods=rule.minutes,
        )

    def watch_subscription(self, subscription: TopicSubscription) -> cloudwatch.Alarm | None:
        """Create an alarm on messages of `subscription` that SNS could not deliver; None if it is left out.

        Raises:
            InvalidPropsError: The dead-letter queue is in another region, where the alarm cannot be.
        """
        queue = subscription.dead_letter_queue
        own, region = Stack.of(subscription).region, queue.env.region
        rule = self._rules.undelivered
        if rule is not None and is_known(own) and is_known(region) and own != region:
            msg = f"subscription must have its dead-letter queue in {own}, where the alarm on it is, got {region}"
            raise props_error(self, msg)
        return self._dead_letter_alarm(subscription, queue, "could not be delivered by SNS", rule)

    def watch_function(
        self,
        scope: Construct,
        function: lambda_.IFunction,
        *,
        metrics_namespace: str = METRICS_NAMESPACE,
        longest_pause: Duration = LONGEST_PAUSE,
    ) -> cloudwatch.Alarm | None:
        """Create an alarm on configuration faults: calls of `function` that no retry mends.

        It is raised within minutes, by the first of them. It ends when there was none for some minutes longer than the
        longest pause. It goes to the topic of the notifications and to `alarm_topic`.

        Args:
            scope: Where the alarm is created, usually the receiver.
            function: A function with the runtime of this library.
            metrics_namespace: CloudWatch namespace of its metrics.
            longest_pause: Longest time between two deliveries of a message that waits for the fault to be mended.
                Default, and least: 15 minutes.
        """
        pause_seconds = max(longest_pause.to_seconds(), LONGEST_PAUSE.to_seconds()) + _PAUSE_SLACK.to_seconds()
        rule = self._rules.configuration_faults
        if rule is None:
            return None
        periods = math.ceil(pause_seconds / _PERIOD.to_seconds())
        return self._alarm(
            scope,
            "ConfigurationFaultAlarm",
            "A call failed that no retry mends: a permission is missing, a name is wrong, or a resource was "
            "deleted or disabled. The log lines of the function name the call. Its messages wait for the repair.",
            FunctionMetrics(function, metrics_namespace).metric(Metric.CONFIGURATION_FAULTS),
            self.alarm_topic,
            threshold=rule.threshold,
            evaluation_periods=max(periods, rule.minutes),
            datapoints_to_alarm=rule.datapoints_to_alarm,
        )

    def watch_commits(
        self, scope: Construct, function: lambda_.IFunction, *, metrics_namespace: str = METRICS_NAMESPACE
    ) -> cloudwatch.Alarm | None:
        """Create an alarm on failures after the commit, which leave undone what a business function wanted after it.

        Args:
            scope: Where the alarm is created, usually the receiver.
            function: A function with the runtime of this library.
            metrics_namespace: CloudWatch namespace of its metrics.
        """
        return self._ruled(
            scope,
            "FailureAfterCommitAlarm",
            "A business function failed after its transaction was committed. The effect stands, and the message is "
            "complete, but what the function wanted after the commit was not done. The log names the place.",
            FunctionMetrics(function, metrics_namespace).metric(Metric.FAILURES_AFTER_COMMIT),
            rule=self._rules.failures_after_commit,
        )

    def watch_outboxes(
        self, scope: Construct, function: lambda_.IFunction, *, metrics_namespace: str = METRICS_NAMESPACE
    ) -> cloudwatch.Alarm | None:
        """Create an alarm on messages of HTTP requests that the sweeper gave up, because they can never be sent.

        Args:
            scope: Where the alarm is created, usually the sweeper.
            function: The function of the sweeper.
            metrics_namespace: CloudWatch namespace of its metrics.
        """
        return self._ruled(
            scope,
            "OutboxAlarm",
            "Messages of an HTTP request can never be sent. The effect of the request stands, and its item keeps the "
            "messages and the reason. The log names the item.",
            FunctionMetrics(function, metrics_namespace).metric(Metric.FAILURES_AFTER_COMMIT),
            rule=self._rules.failures_after_commit,
        )

    def watch_dead_letter_queue(
        self, scope: Construct, queue: sqs.IQueue, what_happened: str
    ) -> cloudwatch.Alarm | None:
        """Create an alarm on messages in a dead-letter queue that is behind no channel.

        Args:
            scope: Where the alarm is created.
            queue: The dead-letter queue.
            what_happened: End of the sentence "a message …" in the description of the alarm.
        """
        return self._dead_letter_alarm(scope, queue, what_happened, self._rules.dead_letters)

    def watch_runs(
        self, scope: Construct, function: lambda_.IFunction, *, period: Duration = _PERIOD
    ) -> tuple[cloudwatch.Alarm | None, cloudwatch.Alarm | None]:
        """Create alarms on a function that a schedule invokes: it fails, and it does not run.

        Each is raised after three ticks of the last five. One that fails goes on by itself at the next tick.

        Args:
            scope: Where the alarms are created.
            function: The function.
            period: Time from one tick to the next. Default: one minute.

        Returns:
            The alarm on runs that fail, and the alarm on runs that are missing; None for one that is left out.
        """
        failed = self._ruled(
            scope,
            "RunsFailAlarm",
            "Runs of a scheduled function fail: a call failed, or the run was killed. The log names the call.",
            function.metric_errors(period=period),
            rule=self._rules.failed_runs,
        )
        missing = self._ruled(
            scope,
            "RunsMissingAlarm",
            "A scheduled function does not run: its schedule is disabled or denied, or the function is throttled.",
            function.metric_invocations(period=period),
            rule=self._rules.missing_runs and dataclasses.replace(self._rules.missing_runs, threshold=1),
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        return failed, missing

    def watch_unfinished_runs(
        self, scope: Construct, metric: cloudwatch.Metric, rule: AlarmRule | None
    ) -> cloudwatch.Alarm | None:
        """Create an alarm on runs of a pipeline that should have ended long ago.

        Args:
            scope: Where the alarm is created, usually the sweeper.
            metric: Their number.
            rule: When it is raised. None: there is no alarm.
        """
        description = (
            "Runs of a pipeline are not done long after their start: a message was purged or expired, a deployment "
            "removed a service or a step, or a dead letter was not redriven. `tsunagu runs` lists them, and why."
        )
        return self._ruled(scope, "RunsUnfinishedAlarm", description, metric, rule=rule)

    def watch_pipe(self, scope: Construct, metric: cloudwatch.Metric) -> cloudwatch.Alarm | None:
        """Create an alarm on a pipe whose executions fail.

        Args:
            scope: Where the alarm is created, usually the pipe.
            metric: Executions of the pipe that failed.
        """
        description = (
            "Executions of a pipe fail: it may not read its stream, or not send to its queue. Accepted requests wait "
            "for the sweeper, which sends them again later."
        )
        return self._ruled(scope, "PipeAlarm", description, metric, rule=self._rules.pipe_failures)

    def notify_of(self, alarm: cloudwatch.Alarm) -> None:
        """Let an alarm of this account and region publish to the topic."""
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def watch_gateway(self, scope: Construct, metric: cloudwatch.Metric) -> cloudwatch.Alarm | None:
        """Create an alarm on an API that answers requests with a status of 500 and above.

        It is raised after three minutes of the last five: a service that is not available for a moment is no alarm.

        Args:
            scope: Where the alarm is created, usually the gateway.
            metric: Answers with such a status.
        """
        description = (
            "An API answers requests with a status of 500 and above: its role lacks a permission, or a service that it "
            "calls refuses requests or is not available."
        )
        errors = metric.with_(period=_PERIOD)
        return self._ruled(scope, "ServerErrorAlarm", description, errors, rule=self._rules.server_errors)

    def watch_web_api(self, scope: Construct, metric: cloudwatch.Metric) -> cloudwatch.Alarm | None:
        """Create an alarm on a web application that answers with a status of 500 and above.

        It is raised after three minutes of the last five, as `watch_gateway` is.

        Args:
            scope: Where the alarm is created, usually the API.
            metric: Answers with such a status.
        """
        description = (
            "A web application answers with a status of 500 and above: a route raises, or its function is throttled, "
            "runs out of time or memory, or does not start. The log of the function says which, or has nothing."
        )
        errors = metric.with_(period=_PERIOD)
        return self._ruled(scope, "ServerErrorAlarm", description, errors, rule=self._rules.server_errors)

    def metric_messages_published(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of notifications that were published; `options` are those of a CloudWatch metric."""
        return self.topic.metric_number_of_messages_published(**options)

    def metric_notifications_delivered(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of deliveries to subscribers; `options` are those of a CloudWatch metric."""
        return self.topic.metric_number_of_notifications_delivered(**options)

    def metric_notifications_failed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of deliveries that failed; `options` are those of a CloudWatch metric."""
        return self.topic.metric_number_of_notifications_failed(**options)

    def metric_panels(self, period: Duration) -> Sequence[MetricPanel]:
        """Return what is worth a graph: notifications, and what became of them."""
        metrics = (
            self.metric_messages_published(period=period),
            self.metric_notifications_delivered(period=period),
            self.metric_notifications_failed(period=period),
        )
        return [MetricPanel(title="Notifications", metrics=metrics)]

    def queue_channels(self) -> Sequence[QueueChannel]:
        """Return no channel: a notifier has none."""
        return []

    def grant_notify(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` publish to the topic, and use the topic's key."""
        grantor = Grantor(self, self.topic, self.key)
        return grantor.grant(grantee, ["sns:Publish"], self.topic.topic_arn, key_actions=SEND_ACTIONS)

    def _dead_letter_alarm(
        self, scope: Construct, queue: sqs.IQueue, what_happened: str, rule: AlarmRule | None
    ) -> cloudwatch.Alarm | None:
        if rule is None:
            acknowledge(queue, "tsunagu::DeadLetterAlarm", "the alarms of the notifier leave this one out")
        return self._ruled(
            scope,
            "DeadLetterAlarm",
            f"The dead-letter queue has messages: a message {what_happened}.",
            queue.metric_approximate_number_of_messages_visible(period=_PERIOD, statistic="Maximum"),
            rule,
        )

    def _ruled(
        self,
        scope: Construct,
        construct_id: str,
        description: str,
        metric: cloudwatch.Metric,
        rule: AlarmRule | None,
        **settings: Any,
    ) -> cloudwatch.Alarm | None:
        """Create an alarm that is raised as a rule says; None: there is none."""
        if rule is None:
            return None
        periods = {"evaluation_periods": 1} if rule.minutes == 1 else rule.periods
        ruled = {"threshold": rule.threshold, **periods, **settings}
        return self._alarm(scope, construct_id, description, metric, **ruled)

    def _alarm(
        self,
        scope: Construct,
        construct_id: str,
        description: str,
        metric: cloudwatch.Metric,
        *more_topics: sns.ITopic,
        **settings: Any,
    ) -> cloudwatch.Alarm:
        """Create an alarm that goes to the topic, to `more_topics`, and to those of the props."""
        alarm = cloudwatch.Alarm(
            scope, construct_id, alarm_description=description, metric=metric, **{**_ALARM_SETTINGS, **settings}
        )
        for topic in dict.fromkeys((self.topic, *more_topics, *self._rules.more_topics)):
            alarm.add_alarm_action(actions.SnsAction(topic))
        return alarm

    def _allow_alarms(self, topic: sns.ITopic, key: kms.IKey | None) -> None:
        """Let alarms of this account and region publish, by the policies of the topic and of its key."""
        alarms = Stack.of(self).format_arn(
            service="cloudwatch", resource="alarm", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        if key is not None:
            allow_service(self, key, CLOUDWATCH, source_arn=alarms)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowCloudwatch",
                principals=[iam.ServicePrincipal(CLOUDWATCH)],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions=source_conditions(self, alarms),
            )
        )

    def _new_key(self, construct_id: str, description: str) -> kms.IKey:
        props = CustomerManagedKeyProps(description=description, protect=self._protect)
        return CustomerManagedKey(self, construct_id, props).key


def check_alarm_topic(prop: str, topic: sns.ITopic) -> None:
    """Refuse a topic to which alarms cannot publish.

    Raises:
        InvalidPropsError: It is a FIFO topic, or its key is not customer-managed.
    """
    if topic.fifo:
        msg = f"{prop} must be a standard topic, because alarms cannot publish to a FIFO topic, got a FIFO topic"
        raise InvalidPropsError(msg)
    if topic.master_key is not None:
        CustomerManaged().check(f"the key of {prop}", topic.master_key)
