"""A connector: one topic, and a queue, a function and dead letters for each service."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from tsunagu.cdk.constructs.error_path import path_in_errors
from tsunagu.cdk.constructs.filter_policy import FilterPolicy
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.key_access import CustomerKey
from tsunagu.cdk.constructs.metric_panels import MetricPanel, labelled
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.ranges import IdempotencyWindow, MetricsNamespace
from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
from tsunagu.cdk.constructs.topic_subscription import TopicSubscription
from tsunagu.cdk.patterns.idempotent_receiver import (
    WINDOW_SLACK,
    IdempotentReceiver,
    IdempotentReceiverProps,
    check_window,
)
from tsunagu.cdk.patterns.service import Service
from tsunagu.cdk.patterns.subscribers import require_region_of_stack
from tsunagu.cdk.props import CheckedProps
from tsunagu.contracts.messages import SERVICE_ATTRIBUTE
from tsunagu.contracts.telemetry import METRICS_NAMESPACE
from tsunagu.errors import InvalidPropsError


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorProps(CheckedProps):
    """Settings of a connector.

    Attributes:
        services: Services that get the messages, each with a name of its own.
        topic: Topic to which they are subscribed, in the region of the stack. Default: a new topic.
        table: Table of their idempotency items. Default: a new table.
        dead_letter_notifier: Notifies operators of dead letters. Default: a new one.
        queue_key: Customer-managed key of the queues that the connector creates. Default: SQS's own key (SSE-SQS).
        idempotency_window: How long an item is kept after its last change. Default, and least: the longest way of a
            message to one of the services, with a redrive of SNS's and of SQS's dead letters, and a day.
        metrics_namespace: CloudWatch namespace of the metrics. Default: `Tsunagu`.
        single_writes: Write items one by one, for accounts that do not allow PartiQL. Default: in batches.
        protect: Keep stateful resources when their stack is deleted. Default: they are kept.

    Raises:
        InvalidPropsError: There is no service, two services have the same name, the window is too short, or the key is
            not customer-managed.
    """

    services: Sequence[Service]
    topic: TopicChannel | None = None
    table: IdempotencyTable | None = None
    dead_letter_notifier: DeadLetterNotifier | None = None
    queue_key: CustomerKey | None = None
    idempotency_window: IdempotencyWindow | None = None
    metrics_namespace: MetricsNamespace = METRICS_NAMESPACE
    single_writes: bool = False
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        require_distinct_services(self.services)
        if self.idempotency_window is not None:
            check_window(self.idempotency_window, self._least_window())

    @property
    def window(self) -> Duration:
        """How long an item is kept after its last change."""
        return self.idempotency_window or self._least_window()

    def _least_window(self) -> Duration:
        ways = [service.longest_way.to_seconds() for service in self.services]
        return Duration.seconds(max(ways) + WINDOW_SLACK.to_seconds())


class ConnectedService(NamedTuple):
    """Constructs that a connector created for one service.

    Attributes:
        channel: Queue of the service.
        subscription: Subscription of the queue to the topic, with its own dead-letter queue.
        receiver: Function of the service, with its event source mapping.
    """

    channel: QueueChannel
    subscription: TopicSubscription
    receiver: IdempotentReceiver


class Connector(CheckedConstruct):
    """Give each message of a topic to every service. A service that fails, is slow or is throttled affects no other.

    A message with the attribute `tsunagu_service` reaches only the service of that name.

    Attributes:
        topic: Topic to which producers publish.
        table: Table of the idempotency items.
        dead_letter_notifier: Notifies operators of dead letters.
        services: Constructs of each service, by the name of the service.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ConnectorProps) -> None:
        super().__init__(scope, construct_id)
        protect = props.protect
        self.topic = props.topic or TopicChannel(self, "Topic", TopicChannelProps(protect=protect))
        require_region_of_stack(self, "topic", self.topic)
        self.table = props.table or IdempotencyTable(self, "IdempotencyTable", IdempotencyTableProps(protect=protect))
        self.dead_letter_notifier = props.dead_letter_notifier or DeadLetterNotifier(
            self, "DeadLetterNotifier", DeadLetterNotifierProps(protect=protect)
        )
        self.services: Mapping[str, ConnectedService] = {
            service.name: self._connect(service, props) for service in props.services
        }

    def metric_panels(self, period: Duration) -> Sequence[MetricPanel]:
        """Return what is worth a graph, with a line for each service."""
        return service_panels(self.services, period)

    def queue_channels(self) -> Sequence[QueueChannel]:
        """Return the channels of the services."""
        return [service.channel for service in self.services.values()]

    def _connect(self, service: Service, props: ConnectorProps) -> ConnectedService:
        scope = Construct(self, service.construct_id)
        channel = service.channel or QueueChannel(scope, "Channel", _channel_props(service, props))
        subscription = self.topic.subscribe(channel, filter_policy=_for_service(service.name))
        self.dead_letter_notifier.watch_subscription(subscription)
        with path_in_errors(scope):
            receiver_props = self._receiver_props(service, channel, props)
        receiver = IdempotentReceiver(scope, "Receiver", receiver_props)
        return ConnectedService(channel, subscription, receiver)

    def _receiver_props(
        self, service: Service, channel: QueueChannel, props: ConnectorProps
    ) -> IdempotentReceiverProps:
        return IdempotentReceiverProps(
            **service.receiver_settings(),
            channel=channel,
            table=self.table,
            dead_letter_notifier=self.dead_letter_notifier,
            idempotency_window=props.window,
            metrics_namespace=props.metrics_namespace,
            single_writes=props.single_writes,
        )


def service_panels(services: Mapping[str, ConnectedService], period: Duration) -> Sequence[MetricPanel]:
    """Return what is worth a graph of some services, with a line for each service."""
    most: dict[str, Any] = {"period": period, "statistic": "Maximum"}

    def lines(metric: Callable[[ConnectedService], cloudwatch.Metric]) -> list[cloudwatch.IMetric]:
        return labelled([(name, metric(service)) for name, service in services.items()])

    return [
        MetricPanel(
            title="Messages", metrics=lines(lambda each: each.receiver.metric_messages_processed(period=period))
        ),
        MetricPanel(
            title="Attempts failed", metrics=lines(lambda each: each.receiver.metric_attempts_failed(period=period))
        ),
        MetricPanel(title="Queues", metrics=lines(lambda each: each.channel.metric_messages_visible(**most))),
        MetricPanel(
            title="Age of the oldest message",
            metrics=lines(lambda each: each.channel.metric_oldest_message_age(**most)),
        ),
        MetricPanel(title="Dead letters", metrics=lines(lambda each: each.channel.metric_dead_letters_visible(**most))),
        MetricPanel(
            title="Messages that SNS could not deliver",
            metrics=lines(
                lambda each: each.subscription.dead_letter_queue.metric_approximate_number_of_messages_visible(**most)
            ),
        ),
    ]


def _channel_props(service: Service, props: ConnectorProps) -> QueueChannelProps:
    return QueueChannelProps(handler_timeout=service.handler_timeout, key=props.queue_key, protect=props.protect)


def require_distinct_services(services: Sequence[Service]) -> None:
    """Refuse services that share a construct id.

    Raises:
        InvalidPropsError: There is no service, or two names give the same construct id.
    """
    if not services:
        msg = "services must have at least one service, got none"
        raise InvalidPropsError(msg)
    construct_ids = set()
    for service in services:
        if service.construct_id in construct_ids:
            msg = f"services must have different names, got {service.name} twice"
            raise InvalidPropsError(msg)
        construct_ids.add(service.construct_id)


def _for_service(name: str) -> FilterPolicy:
    """Return the filter of messages for every service, and of those for this service only."""
    return FilterPolicy(conditions={SERVICE_ATTRIBUTE: [{"exists": False}, name]})
