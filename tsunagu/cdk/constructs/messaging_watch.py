"""What a dead-letter notifier watches of messages: creates the alarms on queues, subscriptions, pipes and APIs."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.function_alarms import AlarmRule
from tsunagu.cdk.constructs.messaging_alarms import AgeRule, MessagingAlarms
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.constructs.topic_subscription import TopicSubscription
from tsunagu.cdk.props import is_known

PERIOD = Duration.minutes(1)
_ALARM_SETTINGS: Mapping[str, Any] = {
    "comparison_operator": cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    "treat_missing_data": cloudwatch.TreatMissingData.NOT_BREACHING,  # SQS reports no metrics for an idle queue
}


class MessagingWatch(CheckedConstruct):
    """Create alarms that publish to a topic, by the rules of `MessagingAlarms`.

    Attributes:
        topic: Topic that gets the alarms.
    """

    topic: sns.ITopic
    _rules: MessagingAlarms

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
            channel.metric_oldest_message_age(period=PERIOD, statistic="Maximum"),
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
        return self._server_error_alarm(scope, description, metric)

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
        return self._server_error_alarm(scope, description, metric)

    def _server_error_alarm(
        self, scope: Construct, description: str, metric: cloudwatch.Metric
    ) -> cloudwatch.Alarm | None:
        errors = metric.with_(period=PERIOD)
        return self._ruled(scope, "ServerErrorAlarm", description, errors, rule=self._rules.server_errors)

    def _dead_letter_alarm(
        self, scope: Construct, queue: sqs.IQueue, what_happened: str, rule: AlarmRule | None
    ) -> cloudwatch.Alarm | None:
        if rule is None:
            acknowledge(queue, "tsunagu::DeadLetterAlarm", "the alarms of the notifier leave this one out")
        return self._ruled(
            scope,
            "DeadLetterAlarm",
            f"The dead-letter queue has messages: a message {what_happened}.",
            queue.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="Maximum"),
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
