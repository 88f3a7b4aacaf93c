"""The sweeper of requests: a function that looks each minute at the open ones that are due."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from tsunagu.cdk.assets import HandlerPackage, Platform
from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.event_invocation import EventInvocation
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.function_alarms import FunctionMetrics
from tsunagu.cdk.constructs.handler_function import HandlerFunction, HandlerFunctionProps
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.key_spaces import KeySpaceName
from tsunagu.cdk.constructs.metric_panels import MetricPanel, function_panel
from tsunagu.cdk.constructs.network import Network
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.constructs.ranges import DAY_SECONDS, IdempotencyWindow, MetricsNamespace
from tsunagu.cdk.constructs.request_pipe import check_standard
from tsunagu.cdk.constructs.scheduled_function import invoke_each
from tsunagu.cdk.constructs.topic_channel import TopicChannel
from tsunagu.cdk.props import CheckedProps, Seconds
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.request_sweeper import RequestSweeperEnvironment
from tsunagu.contracts.telemetry import METRICS_NAMESPACE, Metric
from tsunagu.errors import InvalidPropsError

PACKAGE = Path(__file__).resolve().parents[1] / "handlers" / "request_sweeper"
TIMEOUT = Duration.seconds(50)  # the next run begins after a minute
RESEND_AFTER = Duration.minutes(5)
RESEND_AFTER_SECONDS = range(60, DAY_SECONDS + 1)
DEADLINE_SECONDS = range(120, 14 * DAY_SECONDS + 1)

ResendAfter = Annotated[Duration, Seconds(RESEND_AFTER_SECONDS)]
Deadline = Annotated[Duration, Seconds(DEADLINE_SECONDS)]

EACH_MINUTE = Duration.minutes(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRequests(CheckedProps):
    """HTTP requests of a web application, whose messages the sweeper sends where their function could not.

    Attributes:
        place: `web_place` of the application's `WebEnvironment`.
        targets: Queues and topics that the outbox of the application may send to; `RequestSweeper.add_target` adds
            some later. Default: none.

    Raises:
        InvalidPropsError: A value is of another kind.
    """

    place: str
    targets: Sequence[QueueChannel | TopicChannel] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSweeperProps(CheckedProps):
    """Settings of a request sweeper: of accepted requests, or of the HTTP requests of a web application.

    Attributes:
        table: Table of the records, with `requests=True`.
        key_scope: Scope of the requests, as their handler names it: 1 to 64 letters, digits, hyphens and underscores.
            With `web` it is a name in logs and metrics.
        dead_letter_notifier: Gets the alarms on the sweeper.
        idempotency_window: How long the record of a request is kept after its end.
        deadline: How long after it was accepted a request without an end has failed, 2 minutes to 14 days. It must be
            longer than `resend_after`. Default: none; only with `web` it may be left out.
        channel: Channel of the requests, with a standard queue. Default: none; then `events` or `web` is needed.
        events: Asynchronous invocations of the worker, where requests have no queue. Default: none.
        web: HTTP requests of a web application. Default: the requests are accepted requests.
        completion_topic: Standard topic that is told when a request failed or was cancelled. Default: nobody is told.
        resend_after: How long after it was accepted a request is sent again that no worker got, one minute to one day;
            the wait doubles each time. Default: 5 minutes.
        metrics_namespace: CloudWatch namespace of its metrics. Default: `Tsunagu`.
        network: VPC, subnets and security groups. With a `channel` it also calls CloudWatch, so isolated subnets need
            the endpoint `CLOUDWATCH_MONITORING`, besides those of SQS and SNS. Default: no VPC.
        platform: Python and architecture. Default: Python 3.13 on arm64.
        log_retention: How long its log group keeps log lines. Default: 30 days.
        protect: Keep the log group when its stack is deleted. Default: it is kept.
        role: Role of the function, as in `HandlerSettings`. Default: a new one.
        schedule_role: Role of the schedule, which EventBridge Scheduler must be able to assume. One that takes no
            policies must be allowed to invoke the function; synthesis says so. Default: a new one.

    Raises:
        InvalidPropsError: A number is out of range, or two settings exclude each other.
    """

    table: IdempotencyTable
    key_scope: KeySpaceName
    dead_letter_notifier: DeadLetterNotifier
    idempotency_window: IdempotencyWindow
    deadline: Deadline | None = None
    channel: QueueChannel | None = None
    events: EventInvocation | None = None
    web: WebRequests | None = None
    completion_topic: TopicChannel | None = None
    resend_after: ResendAfter = RESEND_AFTER
    metrics_namespace: MetricsNamespace = METRICS_NAMESPACE
    network: Network | None = None
    platform: Platform = field(default_factory=Platform)
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    protect: bool = True
    role: iam.IRole | None = None
    schedule_role: iam.IRole | None = None

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if self.web is not None:
            self._check_web()
            return
        self._check_source()
        self._check_times()

    @property
    def source(self) -> QueueChannel | EventInvocation:
        """How accepted requests reach their worker: by a queue, or by asynchronous invocations."""
        return cast("QueueChannel | EventInvocation", self.channel or self.events)

    @property
    def accepted_deadline(self) -> Duration:
        """Return the deadline of accepted requests.

        Raises:
            InvalidPropsError: It was not given.
        """
        if self.deadline is None:
            msg = "deadline must be given without web, because an accepted request must end, got None"
            raise InvalidPropsError(msg)
        return self.deadline

    def _check_web(self) -> None:
        for name in ("channel", "events", "deadline", "completion_topic"):
            if getattr(self, name) is not None:
                msg = f"{name} must be left out with web, because only accepted requests have one, got one"
                raise InvalidPropsError(msg)

    def _check_source(self) -> None:
        if (self.channel is None) == (self.events is None):
            msg = (
                "channel or events must be given, because requests reach their worker in one of two ways, "
                f"got {'neither' if self.channel is None else 'both'}"
            )
            raise InvalidPropsError(msg)
        if self.channel is not None:
            check_standard(self.channel)
        if self.completion_topic is not None and self.completion_topic.fifo:
            msg = "completion_topic must be a standard topic, because completions have no order, got a FIFO topic"
            raise InvalidPropsError(msg)

    def _check_times(self) -> None:
        deadline, resend = self.accepted_deadline.to_seconds(), self.resend_after.to_seconds()
        if deadline <= resend:
            msg = f"deadline must be longer than the {resend:,} seconds of resend_after, got {deadline:,}"
            raise InvalidPropsError(msg)


class RequestSweeper(CheckedConstruct):
    """End accepted requests that nobody ends, and send again what did not reach a worker.

    Each minute it looks at the open requests that are due: see docs/accept-now.md. With `web` it sends the messages
    that HTTP requests left unsent: see docs/web-and-queue.md.

    Attributes:
        handler: The function, its role and its log group.
        schedule: Invokes it each minute.
        metrics: Metrics of the runtime; the `metric_*` methods return the most used.
        alarms: Alarm on runs that fail, and alarm on runs that are missing.
        configuration_fault_alarm: Alarm on calls that no retry mends, such as those without a permission.
        outbox_alarm: Alarm on messages that can never be sent; None without `web`.
    """

    def __init__(self, scope: Construct, construct_id: str, props: RequestSweeperProps) -> None:
        super().__init__(scope, construct_id)
        self._targets: list[QueueChannel | TopicChannel] = []
        self.handler = HandlerFunction(
            self,
            "Handler",
            HandlerFunctionProps(
                package=HandlerPackage(path=PACKAGE),
                environment=[_environment(props)],
                timeout=TIMEOUT,
                network=props.network,
                platform=props.platform,
                log_retention=props.log_retention,
                protect=props.protect,
                role=props.role,
            ),
        )
        function = self.handler.function
        self.metrics = FunctionMetrics(function, props.metrics_namespace)
        mark(function, Kind.SWEEPER, self, protected=props.protect)
        self._grant(props)
        self.schedule = invoke_each(self, function, EACH_MINUTE, props.schedule_role)
        notifier = props.dead_letter_notifier
        self.alarms = notifier.watch_runs(self, function)
        self.configuration_fault_alarm = notifier.watch_function(
            self, function, metrics_namespace=props.metrics_namespace
        )
        self.outbox_alarm = (
            notifier.watch_outboxes(self, function, metrics_namespace=props.metrics_namespace)
            if props.web is not None
            else None
        )

    def add_target(self, target: QueueChannel | TopicChannel) -> None:
        """Let the sweeper send to a queue or topic, as the outbox of the web application may."""
        if target not in self._targets:
            self._targets.append(target)
            grant_outbox(target, self.handler.function)

    def metric_requests_resent(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests that were sent again; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.REQUESTS_RESENT, **options)

    def metric_requests_failed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests that the sweeper ended; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.REQUESTS_FAILED, **options)

    def metric_panels(self, period: Duration) -> Sequence[MetricPanel]:
        """Return what is worth a graph: what the sweeper did, and its function."""
        swept = (self.metric_requests_resent(period=period), self.metric_requests_failed(period=period))
        return [
            MetricPanel(title="Requests", metrics=swept),
            function_panel("Function", self.handler.function, period),
        ]

    def queue_channels(self) -> Sequence[QueueChannel]:
        """Return no channel: the sweeper consumes none."""
        return []

    def _grant(self, props: RequestSweeperProps) -> None:
        function = self.handler.function
        props.table.grant_sweep(function)
        if props.web is not None:
            for target in props.web.targets:
                self.add_target(target)
            return
        if props.channel is not None:
            props.channel.grant_send(function)
            self._grant_queue_age()
        props.source.grant_look_at_dead_letters(function)
        if props.completion_topic is not None:
            props.completion_topic.grant_publish(function)

    def _grant_queue_age(self) -> None:
        # A policy of its own, so that its acknowledgement hides no wide grant.
        statement = iam.PolicyStatement(actions=["cloudwatch:GetMetricStatistics"], resources=["*"])
        policy = iam.Policy(self, "QueueAge", statements=[statement])
        self.handler.role.attach_inline_policy(policy)
        acknowledge(policy, "AwsSolutions-IAM5[Resource::*]", "metrics of CloudWatch accept no resource")


def grant_outbox(target: QueueChannel | TopicChannel, grantee: iam.IGrantable) -> iam.Grant:
    """Let `grantee` send to a queue, or publish to a topic, as an outbox does."""
    return target.grant_send(grantee) if isinstance(target, QueueChannel) else target.grant_publish(grantee)


def _environment(props: RequestSweeperProps) -> RequestSweeperEnvironment:
    environment = RequestSweeperEnvironment(
        request_scope=props.key_scope,
        idempotency_table_name=props.table.table.table_name,
        idempotency_window_seconds=int(props.idempotency_window.to_seconds()),
        function_timeout_seconds=int(TIMEOUT.to_seconds()),
        metrics_namespace=props.metrics_namespace,
    )
    if props.web is not None:
        return replace(environment, sends_outboxes=True, web_place=props.web.place)
    channel = props.channel
    return replace(
        environment,
        dead_letter_queue_url=props.source.dead_letter_queue.queue_url,
        deadline_seconds=int(props.accepted_deadline.to_seconds()),
        resend_after_seconds=int(props.resend_after.to_seconds()),
        queue_url=channel.queue.queue_url if channel else "",
        visibility_timeout_seconds=int(channel.props.visibility_timeout.to_seconds()) if channel else 0,
        max_receive_count=channel.props.receive_count if channel else 0,
        completion_topic_arn=props.completion_topic.topic.topic_arn if props.completion_topic else "",
    )
