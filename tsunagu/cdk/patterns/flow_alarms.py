"""Alarms over whole flows: what each pattern does not watch by itself, and one alarm over everything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct, IConstruct

from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, check_alarm_topic
from tsunagu.cdk.constructs.flow_metrics import FlowMetrics
from tsunagu.cdk.constructs.function_alarms import AT_ONCE, PERIOD, AlarmRule
from tsunagu.cdk.constructs.metric_panels import path_in_stack
from tsunagu.cdk.constructs.queue_channel import RETENTION_SECONDS, QueueChannel
from tsunagu.cdk.patterns.idempotent_receiver import IdempotentReceiver
from tsunagu.cdk.props import Between, CheckedProps, Seconds
from tsunagu.errors import InvalidPropsError

BACKLOG_PERIOD = Duration.minutes(5)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html: a day of periods at most
BACKLOG_PERIODS = range(1, 289)
BACKLOG_MESSAGES = range(1, 1_000_001)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html: a rule has at most 100
# alarms and 10,240 characters, which is 50 ARNs of some 200.
ALARMS_PER_RULE = 50

Age = Annotated[Duration, Seconds(RETENTION_SECONDS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueBacklog(CheckedProps):
    """When a queue counts as one that its consumer does not keep up with.

    Attributes:
        messages: Least number of messages that wait all the time, 1 to 1,000,000. Default: 100.
        periods: Periods of five minutes in a row, 1 to 288, in each of which no more messages were deleted than sent.
            Default: 6, which is half an hour.

    Raises:
        InvalidPropsError: A number is out of range.
    """

    messages: Annotated[int, Between(BACKLOG_MESSAGES)] = 100
    periods: Annotated[int, Between(BACKLOG_PERIODS)] = 6


_HALF_AN_HOUR = QueueBacklog()
_MANY = AlarmRule(threshold=10, minutes=15, minutes_to_alarm=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowAlarmsProps(CheckedProps):
    """Settings of the alarms over flows. None leaves an alarm out.

    Attributes:
        flows: The flows: patterns, channels without a receiver, and notifiers.
        topics: Topics that get the alarms that are made here, such as `dead_letter_notifier.topic`. The alarms that a
            flow has already keep their own. Default: none gets them; the console and `health` show them.
        dead_letters: Messages in the dead-letter queue of a channel that nothing watches. Default: the first one,
            because each of them is work that was not done.
        oldest_message_age: Age of a channel's oldest message. Default: a quarter of the channel's retention, so that
            three quarters are left to repair the consumer; a receiver has this alarm already, and gets no second one. A
            shorter time is an alarm of its own: how long somebody may wait for the effect of a message.
        backlog: A queue that does not become shorter. Default: 100 messages for half an hour. The age says so later: a
            queue that grows faster than it is emptied may take days until its oldest message is old.
        failed_attempts: Attempts of a receiver that fail. Default: at least 10 in a minute, in ten minutes of fifteen.
            Nothing is lost while attempts are left, so that no other alarm says it yet.
        notifications_failed: Notifications of a notifier that reach no subscriber. Default: the first one, because
            nobody else learns of it. Give a topic in `topics` that is not the notifier's own.
        health_topics: Topics that get the alarm over everything. Default: none, because each alarm tells it itself.

    Raises:
        InvalidPropsError: There is no flow, a number is out of range, or alarms cannot publish to a topic: it is a FIFO
            topic, or its key is not customer-managed.
    """

    flows: Sequence[FlowMetrics]
    topics: Sequence[sns.ITopic] = ()
    dead_letters: AlarmRule | None = AT_ONCE
    oldest_message_age: Age | Literal["quarter_of_retention"] | None = "quarter_of_retention"
    backlog: QueueBacklog | None = _HALF_AN_HOUR
    failed_attempts: AlarmRule | None = _MANY
    notifications_failed: AlarmRule | None = AT_ONCE
    health_topics: Sequence[sns.ITopic] = ()

    def __post_init__(self) -> None:
        """Refuse to watch nothing, and topics to which alarms cannot publish."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        for topic in self.topics:
            check_alarm_topic("topics", topic)
        for topic in self.health_topics:
            check_alarm_topic("health_topics", topic)
        if not self.flows:
            msg = "flows must have at least one flow, got none"
            raise InvalidPropsError(msg)


class FlowAlarms(CheckedConstruct):
    """Watch flows by the alarms that they have, and by those that are missing; one alarm is over all of them.

    Create it when the flows are complete: alarms that are made later are not part of `health`. Each metric of an alarm
    costs 0.10 USD a month, and `health` 0.50 USD.

    Attributes:
        existing: Alarms that the flows had already.
        added: Alarms that were made here.
        health: In the state ALARM while one of the alarms is: the flows are not healthy.
    """

    def __init__(self, scope: Construct, construct_id: str, props: FlowAlarmsProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self.existing = [*_existing(props.flows)]
        self.added = [*self._added()]
        for alarm in self.added:
            _notify(alarm, props.topics)
        self.health = self._health([*self.existing, *self.added])
        _notify(self.health, props.health_topics)

    def _added(self) -> Iterator[cloudwatch.Alarm]:
        flows = self._props.flows
        for channel in _distinct(channel for flow in flows for channel in flow.queue_channels()):
            yield from self._of_channel(channel)
        for receiver in _distinct(_below(flows, IdempotentReceiver)):
            yield from self._of_receiver(receiver)
        for notifier in _distinct(_below(flows, DeadLetterNotifier)):
            yield from self._of_notifier(notifier)

    def _of_channel(self, channel: QueueChannel) -> Iterator[cloudwatch.Alarm]:
        props, scope = self._props, self._scope_of(channel)
        if props.dead_letters is not None and channel.dead_letter_alarm is None:
            metric = channel.metric_dead_letters_visible(period=PERIOD, statistic="Maximum")
            yield _rule_alarm(scope, "DeadLetters", _DEAD_LETTERS, metric, props.dead_letters)
        age = self._age(channel)
        if age is not None:
            metric = channel.metric_oldest_message_age(period=PERIOD, statistic="Maximum")
            yield _alarm(scope, "OldestMessageAge", _AGE, metric, threshold=age.to_seconds())
        if props.backlog is not None:
            yield _backlog_alarm(scope, channel, props.backlog)

    def _age(self, channel: QueueChannel) -> Duration | None:
        """Return the age of an alarm that is missing."""
        wanted = self._props.oldest_message_age
        if wanted is None or isinstance(wanted, Duration):
            return wanted
        if channel.message_age_alarm is not None:
            return None
        return Duration.seconds(channel.props.retention.to_seconds() // 4)

    def _of_receiver(self, receiver: IdempotentReceiver) -> Iterator[cloudwatch.Alarm]:
        rule = self._props.failed_attempts
        if rule is not None:
            metric = receiver.metric_attempts_failed(period=PERIOD)
            yield _rule_alarm(self._scope_of(receiver), "FailedAttempts", _ATTEMPTS, metric, rule)

    def _of_notifier(self, notifier: DeadLetterNotifier) -> Iterator[cloudwatch.Alarm]:
        rule = self._props.notifications_failed
        if rule is not None:
            metric = notifier.metric_notifications_failed(period=PERIOD)
            yield _rule_alarm(self._scope_of(notifier), "FailedNotifications", _NOTIFICATIONS, metric, rule)

    def _scope_of(self, watched: IConstruct) -> Construct:
        """Return the scope of the alarms on a construct: below this one, with the ids of that construct."""
        scope: Construct = self
        for construct_id in path_in_stack(watched).split("/"):
            found = scope.node.try_find_child(construct_id)
            scope = found if isinstance(found, Construct) else Construct(scope, construct_id)
        return scope

    def _health(self, alarms: Sequence[cloudwatch.Alarm]) -> cloudwatch.CompositeAlarm:
        parts = [alarms[first : first + ALARMS_PER_RULE] for first in range(0, len(alarms), ALARMS_PER_RULE)]
        if len(parts) == 1:
            return self._composite("Health", parts[0])
        composites = [self._composite(f"Part{number}", part) for number, part in enumerate(parts, 1)]
        return self._composite("Health", composites)

    def _composite(self, construct_id: str, alarms: Sequence[cloudwatch.IAlarm]) -> cloudwatch.CompositeAlarm:
        return cloudwatch.CompositeAlarm(
            self,
            construct_id,
            alarm_description="One of the alarms of the flows is raised. The console shows which one, and it says why.",
            alarm_rule=cloudwatch.AlarmRule.any_of(
                *(cloudwatch.AlarmRule.from_alarm(alarm, cloudwatch.AlarmState.ALARM) for alarm in alarms)
            ),
        )


_DEAD_LETTERS = "The dead-letter queue has messages: a message could not be processed."
_AGE = "The oldest message of a queue waits for longer than stated: its consumer is stuck or too slow."
_BACKLOG = "Messages wait, and no more of them are processed than arrive: the consumer does not keep up, or is stuck."
_ATTEMPTS = (
    "Many attempts at messages fail. They are tried again until no attempts are left. The log has why each failed."
)
_NOTIFICATIONS = "Notifications of dead letters reach no subscriber: an endpoint is gone, or a permission is missing."


def _existing(flows: Sequence[FlowMetrics]) -> Iterator[cloudwatch.Alarm]:
    """Iterate over the alarms below the flows, and those on their channels, each once."""
    of_channels = (
        alarm
        for flow in flows
        for channel in flow.queue_channels()
        for alarm in (channel.dead_letter_alarm, channel.message_age_alarm)
        if alarm is not None
    )
    yield from _distinct([*_below(flows, cloudwatch.Alarm), *of_channels])


def _below(flows: Sequence[FlowMetrics], kind: type[Any]) -> Iterator[Any]:
    for flow in flows:
        if isinstance(flow, Construct):
            yield from (each for each in flow.node.find_all() if isinstance(each, kind))


def _distinct(constructs: Any) -> Iterator[Any]:
    """Iterate over constructs, each once: two flows may share a channel."""
    yield from {each.node.path: each for each in constructs}.values()


def _notify(alarm: cloudwatch.AlarmBase, topics: Sequence[sns.ITopic]) -> None:
    for topic in topics:
        alarm.add_alarm_action(actions.SnsAction(topic))


def _backlog_alarm(scope: Construct, channel: QueueChannel, backlog: QueueBacklog) -> cloudwatch.Alarm:
    """Return the alarm on a queue that does not become shorter. SQS counts a message as deleted when it is done."""
    options: dict[str, Any] = {"period": BACKLOG_PERIOD}
    expression = cloudwatch.MathExpression(
        expression=f"IF(waiting >= {backlog.messages} AND FILL(deleted, 0) <= FILL(sent, 0), 1, 0)",
        using_metrics={
            "waiting": channel.metric_messages_visible(**options, statistic="Minimum"),
            "deleted": channel.metric_messages_deleted(**options),
            "sent": channel.metric_messages_sent(**options),
        },
        **options,
        label="does not become shorter",
    )
    return _alarm(scope, "Backlog", _BACKLOG, expression, threshold=1, evaluation_periods=backlog.periods)


def _rule_alarm(
    scope: Construct, construct_id: str, description: str, metric: cloudwatch.IMetric, rule: AlarmRule
) -> cloudwatch.Alarm:
    return _alarm(
        scope,
        construct_id,
        description,
        metric,
        threshold=rule.threshold,
        evaluation_periods=rule.minutes,
        datapoints_to_alarm=rule.minutes_to_alarm or min(3, rule.minutes),
    )


def _alarm(
    scope: Construct, construct_id: str, description: str, metric: cloudwatch.IMetric, **settings: Any
) -> cloudwatch.Alarm:
    defaults: dict[str, Any] = {
        "evaluation_periods": 1,
        "comparison_operator": cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        "treat_missing_data": cloudwatch.TreatMissingData.NOT_BREACHING,
    }
    return cloudwatch.Alarm(
        scope, construct_id, alarm_description=description, metric=metric, **{**defaults, **settings}
    )
