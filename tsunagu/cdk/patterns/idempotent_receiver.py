"""An idempotent receiver: a function that processes each message of a queue once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.function_alarms import FunctionMetrics
from tsunagu.cdk.constructs.handler_function import HandlerFunction, HandlerFunctionProps
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.key_spaces import KeySpaceName, ReceiverKeys
from tsunagu.cdk.constructs.metric_panels import MetricPanel, function_panel
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.constructs.ranges import WINDOW_SECONDS, IdempotencyWindow, MetricsNamespace, check_seconds
from tsunagu.cdk.constructs.snap_start import invoked_name, publish_with
from tsunagu.cdk.patterns.receiver_settings import ReceiverSettings
from tsunagu.contracts.environment import ParkingEnvironment, ReceiverEnvironment
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.telemetry import METRICS_NAMESPACE, Metric
from tsunagu.errors import InvalidPropsError

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
BATCH_SIZES_WITHOUT_WINDOW = range(1, 11)
LEAST_LEASE_SECONDS = 5

WINDOW_SLACK = Duration.days(1)  # clocks differ, and a message can arrive in the last second of its retention


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentReceiverProps(ReceiverSettings):
    """Settings of an idempotent receiver: those of `ReceiverSettings`, its channel, and constructs that it can share.

    The channel sets the time-out of the function (`handler_timeout`) and the batching window.

    Attributes:
        channel: Channel that it consumes.
        table: Table of its idempotency items. Default: a new table.
        dead_letter_notifier: Notifies operators of dead letters. Default: a new one.
        idempotency_window: How long an item is kept after its last change. Default, and least: the channel's retention,
            the retention of its dead letters, the channel's retention again after a redrive, and a day.
        metrics_namespace: CloudWatch namespace of the receiver's metrics. Default: `Tsunagu`.
        single_writes: Write items one by one, with ten times the calls, for accounts that do not allow PartiQL.
            Default: in batches of PartiQL statements.
        transactions: Let the handler commit writes of its own together with its message. Default: it may.
        shared_keys: Name under which this receiver shares its keys with receivers of other queues: a key that one of
            them processed is a duplicate for the others. Give the same name and the same `table` to each of them, 1 to
            64 letters, digits, hyphens and underscores. Default: the keys belong to this receiver alone.

    Raises:
        InvalidPropsError: A number is out of range, or two settings exclude each other.
    """

    channel: QueueChannel
    table: IdempotencyTable | None = None
    dead_letter_notifier: DeadLetterNotifier | None = None
    idempotency_window: IdempotencyWindow | None = None
    metrics_namespace: MetricsNamespace = METRICS_NAMESPACE
    single_writes: bool = False
    transactions: bool = True
    shared_keys: KeySpaceName | None = None

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        ReceiverSettings.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        self._check_batch()
        self._check_back_stop()
        self._check_window()
        self._check_lease()
        self._check_shared_keys()
        self._check_parking()

    def _check_parking(self) -> None:
        if not self.channel.props.fifo:
            self.refuse_parking("on a standard channel, because its messages have no order to keep")
        if not self.transactions:
            self.refuse_parking("without transactions, because a message and its group are marked in one")

    def _check_shared_keys(self) -> None:
        if self.shared_keys is not None and self.table is None:
            msg = f"table must be given with shared_keys, because keys are shared in one table, got {self.shared_keys}"
            raise InvalidPropsError(msg)

    def _check_lease(self) -> None:
        if self.lease is None:
            return
        timeout = int(self.channel.props.handler_timeout.to_seconds())
        if timeout < LEAST_LEASE_SECONDS:
            msg = f"handler_timeout of the channel must be at least {LEAST_LEASE_SECONDS} seconds, got {timeout}"
            raise InvalidPropsError(msg)
        check_seconds("lease", self.lease, range(LEAST_LEASE_SECONDS, timeout + 1))

    def _check_batch(self) -> None:
        if self.batch_size in BATCH_SIZES_WITHOUT_WINDOW:
            return
        if self.channel.props.fifo:
            msg = f"batch_size must be at most 10 on a FIFO channel, got {self.batch_size:,}"
            raise InvalidPropsError(msg)
        if not self.channel.props.batching_window.to_seconds():
            msg = f"batch_size must be at most 10 on a channel without a batching_window, got {self.batch_size:,}"
            raise InvalidPropsError(msg)

    def _check_back_stop(self) -> None:
        """Check the receive count: a message that kills the function uses up receives of its whole batch."""
        receive_count, per_message = self.channel.props.receive_count, self.max_attempts + 1
        if receive_count < per_message:
            msg = (
                f"channel must allow at least {per_message:,} receives for {self.max_attempts} attempts, "
                f"got {receive_count:,}: give it a longer retention or a shorter handler_timeout"
            )
            raise InvalidPropsError(msg)
        if receive_count < self.batch_size * per_message:
            msg = (
                f"batch_size must be at most {receive_count // per_message}, so that {self.max_attempts} attempts at "
                f"each message fit the {receive_count:,} receives of the channel, got {self.batch_size:,}"
            )
            raise InvalidPropsError(msg)

    def _check_window(self) -> None:
        if self.idempotency_window is None:
            return
        check_window(self.idempotency_window, self.least_window)

    @property
    def window(self) -> Duration:
        """How long an item is kept after its last change."""
        return self.idempotency_window or self.least_window

    @property
    def least_window(self) -> Duration:
        """How long an item must be kept: the longest stay of a message, and a day."""
        return Duration.seconds(self.channel.props.longest_stay.to_seconds() + WINDOW_SLACK.to_seconds())


class IdempotentReceiver(CheckedConstruct):
    """Process each message of a channel once, or dead-letter it with the reason and notify operators.

    Attributes:
        channel: Channel that it consumes.
        handler: The function, its role and its log group.
        table: Table of the idempotency items.
        dead_letter_notifier: Notifies operators of dead letters.
        alarms: Alarm on dead letters, and alarm on messages that wait for a quarter of their retention.
        configuration_fault_alarm: Alarm on calls that no retry mends, such as those without a permission.
        failure_after_commit_alarm: Alarm on business functions that fail after their transaction was committed.
        function_alarms: Alarms on the function, by the names of `FunctionAlarms`.
        metrics: Metrics of the runtime; the `metric_*` methods return the most used.
        mapping: The event source mapping between queue and function.
    """

    def __init__(self, scope: Construct, construct_id: str, props: IdempotentReceiverProps) -> None:
        super().__init__(scope, construct_id)
        self.channel = props.channel
        self.table = props.table or IdempotencyTable(
            self, "IdempotencyTable", IdempotencyTableProps(protect=props.protect)
        )
        self.dead_letter_notifier = props.dead_letter_notifier or DeadLetterNotifier(
            self, "DeadLetterNotifier", DeadLetterNotifierProps(protect=props.protect)
        )
        props.channel.attach_receiver(self)
        self.table.key_spaces.add_receiver(
            ReceiverKeys(
                receiver=self,
                package=props.package,
                shared_keys=props.shared_keys,
                window=props.window,
                least_window=props.least_window,
            )
        )
        self.alarms = self.dead_letter_notifier.watch_channel(self, props.channel)
        self.handler = HandlerFunction(self, "Handler", self._function_props(props))
        if props.snap_start:
            queue = props.channel.props
            publish_with(self.handler.function, queue.fifo, queue.queue_name, queue.dead_letter_queue_name)
        mark(self.handler.function, Kind.RECEIVER, self, protected=props.protect)
        acknowledge(
            self.handler.function, "Serverless-LambdaDLQ", "only the mapping invokes it, and waits for its response"
        )
        self.configuration_fault_alarm = self.dead_letter_notifier.watch_function(
            self,
            self.handler.function,
            metrics_namespace=props.metrics_namespace,
            longest_pause=props.channel.props.visibility_timeout,
        )
        self.failure_after_commit_alarm = self.dead_letter_notifier.watch_commits(
            self, self.handler.function, metrics_namespace=props.metrics_namespace
        )
        self.metrics = FunctionMetrics(self.handler.function, props.metrics_namespace)
        self.function_alarms = (
            {}
            if props.alarms is None
            else props.alarms.create(
                self,
                self.handler.function,
                self.dead_letter_notifier.topic,
                metrics_namespace=props.metrics_namespace,
            )
        )
        self._grant(props)
        self.mapping = self._mapping(props)

    def metric_messages_processed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages that took effect; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.MESSAGES_PROCESSED, **options)

    def metric_duplicates_skipped(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages that had taken effect before; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.DUPLICATES_SKIPPED, **options)

    def metric_attempts_failed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of attempts that failed; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.ATTEMPTS_FAILED, **options)

    def metric_messages_dead_lettered(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages that were dead-lettered; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.MESSAGES_DEAD_LETTERED, **options)

    def metric_messages_parked(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages parked behind a dead one; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.MESSAGES_PARKED, **options)

    def metric_calls_failed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of calls that failed; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.CALLS_FAILED, **options)

    def metric_leases_lost(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of leases that were lost; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.LEASES_LOST, **options)

    def metric_messages_sent(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages sent from outboxes; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.MESSAGES_SENT, **options)

    def metric_messages_returned(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages returned to the queue; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.MESSAGES_RETURNED, **options)

    def metric_configuration_faults(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of calls that no retry mends; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.CONFIGURATION_FAULTS, **options)

    def metric_failures_after_commit(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of functions that failed after a commit; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.FAILURES_AFTER_COMMIT, **options)

    def metric_panels(self, period: Duration) -> Sequence[MetricPanel]:
        """Return what is worth a graph: messages, failures, the queue with its dead letters, and the function."""
        messages = (
            self.metric_messages_processed(period=period),
            self.metric_duplicates_skipped(period=period),
            self.metric_messages_sent(period=period),
            self.metric_messages_returned(period=period),
        )
        failures = (
            self.metric_attempts_failed(period=period),
            self.metric_messages_dead_lettered(period=period),
            self.metric_calls_failed(period=period),
            self.metric_leases_lost(period=period),
            self.metric_configuration_faults(period=period),
            self.metric_failures_after_commit(period=period),
        )
        return [
            MetricPanel(title="Messages", metrics=messages),
            MetricPanel(title="Failures", metrics=failures),
            *self.channel.metric_panels(period),
            function_panel("Function", self.handler.function, period),
        ]

    def queue_channels(self) -> Sequence[QueueChannel]:
        """Return the channel that it consumes."""
        return [self.channel]

    def _function_props(self, props: IdempotentReceiverProps) -> HandlerFunctionProps:
        return HandlerFunctionProps(
            package=props.package,
            environment=(self._environment(props), *_parking_environment(props), *props.environment),
            timeout=props.channel.props.handler_timeout,
            memory_mib=props.memory_mib,
            network=props.network,
            platform=props.platform,
            log_retention=props.log_retention,
            protect=props.protect,
            reserved_concurrency=props.reserved_concurrency,
            role=props.role,
            snap_start=props.snap_start,
        )

    def _environment(self, props: IdempotentReceiverProps) -> ReceiverEnvironment:
        channel = props.channel
        return ReceiverEnvironment(
            idempotency_table_name=self.table.table.table_name,
            idempotency_window_seconds=int(props.window.to_seconds()),
            queue_arn=channel.queue.queue_arn,
            queue_url=channel.queue.queue_url,
            dead_letter_queue_url=channel.dead_letter_queue.queue_url,
            notification_topic_arn=self.dead_letter_notifier.topic.topic_arn,
            max_attempts=props.max_attempts,
            function_timeout_seconds=int(channel.props.handler_timeout.to_seconds()),
            metrics_namespace=props.metrics_namespace,
            single_writes=props.single_writes,
            lease_seconds=int(props.lease.to_seconds()) if props.lease else None,
            log_tracebacks=props.log_tracebacks,
            publish_error_text=props.publish_error_text,
            shared_keys=props.shared_keys or "",
        )

    def _grant(self, props: IdempotentReceiverProps) -> None:
        channel, function = props.channel, self.handler.function
        channel.grant_consume(function)
        channel.grant_change_visibility(function)
        channel.grant_dead_letter(function)
        self.table.grant_idempotency(function, single_writes=props.single_writes, transactions=props.transactions)
        self.dead_letter_notifier.grant_notify(function)

    def _mapping(self, props: IdempotentReceiverProps) -> lambda_.EventSourceMapping:
        window = props.channel.props.batching_window
        pollers = props.pollers
        mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=self.handler.target,
            event_source_arn=props.channel.queue.queue_arn,
            batch_size=props.batch_size,
            max_batching_window=window if window.to_seconds() else None,
            max_concurrency=props.max_concurrency,
            provisioned_poller_config=lambda_.ProvisionedPollerConfig(
                minimum_pollers=pollers.minimum, maximum_pollers=pollers.maximum
            )
            if pollers
            else None,
            report_batch_item_failures=True,
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]),
            # No filters: a mapping deletes messages that do not match.
        )
        cast("lambda_.CfnEventSourceMapping", mapping.node.default_child).function_name = invoked_name(
            self.handler.target
        )
        acknowledge(
            mapping,
            "Serverless-LambdaEventSourceMappingDestination",
            "a mapping has such a destination for a stream only; a queue has its dead-letter queue",
        )
        return mapping


def _parking_environment(props: IdempotentReceiverProps) -> Sequence[ParkingEnvironment]:
    """Return the environment record of a receiver that parks groups; a function of any other has no such variable."""
    return [ParkingEnvironment(parks_groups=True)] if props.parks_groups else []


def check_window(window: Duration, least: Duration) -> None:
    """Refuse an idempotency window that is shorter than a message can stay on its way.

    Args:
        window: How long an item is to be kept after its last change.
        least: Longest way of a message, and a day.

    Raises:
        InvalidPropsError: The window is shorter than `least`, above ten years, or no whole number of seconds.
    """
    check_seconds("idempotency_window", window, WINDOW_SECONDS)
    if window.to_seconds() < least.to_seconds():
        msg = (
            f"idempotency_window must be at least {least.to_seconds():,} seconds, because a message that is redriven "
            f"later would take effect twice, got {window.to_seconds():,}"
        )
        raise InvalidPropsError(msg)
