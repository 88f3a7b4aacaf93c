"""A topic that notifies operators of dead letters: the runtime publishes the reason, and alarms cover the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.function_watch import FunctionWatch
from tsunagu.cdk.constructs.grants import Grantor
from tsunagu.cdk.constructs.key_access import (
    CLOUDWATCH,
    SEND_ACTIONS,
    CustomerKey,
    CustomerManaged,
    allow_service,
    source_conditions,
)
from tsunagu.cdk.constructs.messaging_alarms import ALL_MESSAGING_ALARMS, MessagingAlarms
from tsunagu.cdk.constructs.metric_panels import MetricPanel
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.props import CheckedProps
from tsunagu.contracts.flows import Kind
from tsunagu.errors import InvalidPropsError


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


class DeadLetterNotifier(FunctionWatch):
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

    def notify_of(self, alarm: cloudwatch.Alarm) -> None:
        """Let an alarm of this account and region publish to the topic."""
        alarm.add_alarm_action(actions.SnsAction(self.topic))

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
