"""An API that accepts requests now, and works on them later."""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from tsunagu.cdk.constructs.error_path import path_in_errors
from tsunagu.cdk.constructs.event_invocation import EventInvocation, EventInvocationProps
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.function_alarms import FunctionMetrics
from tsunagu.cdk.constructs.handler_function import HandlerFunction, HandlerFunctionProps, HandlerSettings
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.metric_panels import MetricPanel, function_panel, titled
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.request_gateway import RequestGateway, RequestGatewayProps
from tsunagu.cdk.constructs.request_gateway_settings import RequestGatewaySettings
from tsunagu.cdk.constructs.request_pipe import RequestPipe, RequestPipeProps
from tsunagu.cdk.constructs.request_sweeper import RequestSweeper, RequestSweeperProps
from tsunagu.cdk.constructs.result_bucket import ResultBucket, ResultBucketProps
from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
from tsunagu.cdk.patterns.async_request_props import SWEEP_SLACK, AsyncRequestApiProps
from tsunagu.cdk.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps, check_window
from tsunagu.cdk.patterns.receiver_settings import ReceiverSettings
from tsunagu.cdk.patterns.subscribers import subscribe
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.requests import RequestEnvironment
from tsunagu.contracts.telemetry import Metric


class AsyncRequestApi(CheckedConstruct):
    """Answer 202 at once, work on each request once, and show how it ended. Killed work never stays RUNNING.

    Attributes:
        gateway: REST API that accepts requests and shows what became of them.
        worker: The function, its role and its log group. Pass `worker.function` to the `grant_*` methods of other
            constructs.
        metrics: Metrics of the worker; the `metric_*` methods return the most used.
        receiver: Receiver of the queue; None with the delivery `lambda_event`.
        channel: Channel of the requests; None with the delivery `lambda_event`.
        pipe: Pipe from the records to the queue; None with the delivery `lambda_event`.
        events: Invocations by the gateway; None with the delivery `queue`.
        sweeper: Ends requests that nobody ends, and sends again what no worker got.
        table: Table of the records.
        results: Bucket of the results.
        dead_letter_notifier: Notifies operators.
        completion_topic: Topic that is told how each request ended, if there is one.
        server_error_alarm: Alarm on answers with a status of 500 and above; None for a given API.
        longest_request: Longest time from accepting a request to its end: the deadline, and what the sweeper takes.
    """

    def __init__(self, scope: Construct, construct_id: str, props: AsyncRequestApiProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self.table = props.table or IdempotencyTable(
            self, "Requests", IdempotencyTableProps(requests=True, protect=props.protect)
        )
        self.results = props.results or ResultBucket(self, "Results", ResultBucketProps(protect=props.protect))
        self.dead_letter_notifier = props.dead_letter_notifier or DeadLetterNotifier(
            self, "DeadLetterNotifier", DeadLetterNotifierProps(protect=props.protect)
        )
        self.completion_topic = props.completion_topic or self._completion_topic()
        self.channel: QueueChannel | None = None
        self.receiver: IdempotentReceiver | None = None
        self.pipe: RequestPipe | None = None
        self.events: EventInvocation | None = None
        self.worker = self._event_worker() if props.is_event else self._queue_worker()
        mark(self.worker.function, Kind.REQUESTS, self, name=props.name, protected=props.protect)
        self.metrics = FunctionMetrics(self.worker.function, props.metrics_namespace)
        self._grant_worker()
        self.sweeper = self._sweeper()
        self.gateway = self._gateway()
        self.results.require_lifetime(self._window, self)
        self.server_error_alarm = (
            self.dead_letter_notifier.watch_gateway(self.gateway, self.gateway.metric_server_errors())
            if self.gateway.stage is not None
            else None
        )
        self._subscribe()
        self.longest_request = Duration.seconds(props.deadline.to_seconds() + SWEEP_SLACK.to_seconds())

    def metric_requests(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests to the API, of each method; `options` are those of a CloudWatch metric."""
        return self.gateway.metric_requests(**options)

    def metric_server_errors(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of answers with a status of 500 and above; `options` are those of a CloudWatch metric."""
        return self.gateway.metric_server_errors(**options)

    def metric_client_errors(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of answers with a status from 400 to 499; `options` are those of a CloudWatch metric."""
        return self.gateway.metric_client_errors(**options)

    def metric_latency(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of the time to an answer in milliseconds; `options` are those of a CloudWatch metric."""
        return self.gateway.metric_latency(**options)

    def metric_messages_processed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests that were worked on; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.MESSAGES_PROCESSED, **options)

    def metric_attempts_failed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of attempts that failed; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.ATTEMPTS_FAILED, **options)

    def metric_messages_dead_lettered(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests that the worker gave up; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(Metric.MESSAGES_DEAD_LETTERED, **options)

    def metric_requests_resent(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests that were sent again; `options` are those of a CloudWatch metric."""
        return self.sweeper.metric_requests_resent(**options)

    def metric_requests_failed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests that the sweeper ended; `options` are those of a CloudWatch metric."""
        return self.sweeper.metric_requests_failed(**options)

    def metric_panels(self, period: Duration) -> Sequence[MetricPanel]:
        """Return what is worth a graph: the API, the way to the worker, the worker, and the sweeper."""
        api = (
            self.metric_requests(period=period),
            self.metric_client_errors(period=period),
            self.metric_server_errors(period=period),
        )
        return [
            MetricPanel(title="API", metrics=api, right=[self.metric_latency(period=period)]),
            *self._way_panels(period),
            *titled("Worker", self._worker_panels(period)),
            *titled("Sweeper", self.sweeper.metric_panels(period)),
        ]

    def queue_channels(self) -> Sequence[QueueChannel]:
        """Return the channel of the requests; none with the delivery `lambda_event`."""
        return [self.channel] if self.channel is not None else []

    def _way_panels(self, period: Duration) -> Sequence[MetricPanel]:
        if self.pipe is not None:
            return [MetricPanel(title="Pipe", metrics=[self.pipe.metric_executions_failed(period=period)])]
        queue = cast("EventInvocation", self.events).dead_letter_queue
        given_up = queue.metric_approximate_number_of_messages_visible(period=period, statistic="Maximum")
        return [MetricPanel(title="Dead letters", metrics=[given_up])]

    def _worker_panels(self, period: Duration) -> Sequence[MetricPanel]:
        if self.receiver is not None:
            return self.receiver.metric_panels(period)
        worked = (
            self.metric_messages_processed(period=period),
            self.metric_attempts_failed(period=period),
            self.metric_messages_dead_lettered(period=period),
        )
        return [
            MetricPanel(title="Messages", metrics=worked),
            function_panel("Function", self.worker.function, period),
        ]

    def _queue_worker(self) -> HandlerFunction:
        """Make channel, receiver and pipe."""
        props = self._props
        self.channel = props.channel or self._channel()
        with path_in_errors(self):
            inherited = {
                field.name: getattr(self._worker, field.name) for field in dataclasses.fields(ReceiverSettings)
            }
            receiver_props = IdempotentReceiverProps(
                **inherited,
                channel=self.channel,
                table=self.table,
                dead_letter_notifier=self.dead_letter_notifier,
                idempotency_window=props.idempotency_window,
                metrics_namespace=props.metrics_namespace,
                single_writes=props.single_writes,
            )
        self.receiver = IdempotentReceiver(self, "Receiver", receiver_props)
        self._window = receiver_props.window
        pipe_props = RequestPipeProps(
            table=self.table,
            key_scope=props.name,
            channel=self.channel,
            dead_letter_notifier=self.dead_letter_notifier,
            role=props.roles.pipe,
        )
        self.pipe = RequestPipe(self, "Pipe", pipe_props)
        return self.receiver.handler

    def _channel(self) -> QueueChannel:
        with path_in_errors(self):
            props = QueueChannelProps(handler_timeout=self._props.timeout, protect=self._props.protect)
        return QueueChannel(self, "Channel", props)

    def _event_worker(self) -> HandlerFunction:
        """Make the function, and what Lambda does with its events."""
        props = self._props
        with path_in_errors(self):
            self._window = props.idempotency_window or props.least_event_window
            check_window(self._window, props.least_event_window)
        inherited = {field.name: getattr(self._worker, field.name) for field in dataclasses.fields(HandlerSettings)}
        handler = HandlerFunction(self, "Worker", HandlerFunctionProps(**inherited, timeout=props.timeout))
        function = handler.function
        acknowledge(function, "Serverless-LambdaDLQ", "events that Lambda gives up go to the queue of the destination")
        events_props = EventInvocationProps(
            function=handler.target,
            retries=props.retries,
            maximum_age=props.maximum_age,
            dead_letter_notifier=self.dead_letter_notifier,
            protect=props.protect,
        )
        self.events = EventInvocation(self, "Events", events_props)
        # The queue of the events is made for the function, so the function is told of it later.
        for name, value in self._event_environment(self.events).to_environment().items():
            function.add_environment(name, value)
        self._watch_and_grant(function)
        return handler

    def _event_environment(self, events: EventInvocation) -> ReceiverEnvironment:
        props = self._props
        return ReceiverEnvironment(
            idempotency_table_name=self.table.table.table_name,
            idempotency_window_seconds=int(self._window.to_seconds()),
            # Requests come through no queue. Their dead letters have that of the events as their source.
            queue_arn=events.dead_letter_queue.queue_arn,
            queue_url=events.dead_letter_queue.queue_url,
            dead_letter_queue_url=events.dead_letter_queue.queue_url,
            notification_topic_arn=self.dead_letter_notifier.topic.topic_arn,
            max_attempts=props.retries + 1,
            function_timeout_seconds=int(props.timeout.to_seconds()),
            metrics_namespace=props.metrics_namespace,
            single_writes=props.single_writes,
            lease_seconds=int(props.worker.lease.to_seconds()) if props.worker.lease else None,
            log_tracebacks=props.worker.log_tracebacks,
            publish_error_text=props.worker.publish_error_text,
        )

    def _watch_and_grant(self, function: lambda_.Function) -> None:
        """Do for the worker of events what a receiver does for its own."""
        props, notifier = self._props, self.dead_letter_notifier
        notifier.watch_function(self, function, metrics_namespace=props.metrics_namespace)
        notifier.watch_commits(self, function, metrics_namespace=props.metrics_namespace)
        if props.worker.alarms is not None:
            namespace = props.metrics_namespace
            props.worker.alarms.create(self, function, notifier.topic, metrics_namespace=namespace)
        notifier.grant_notify(function)
        self.table.grant_idempotency(function, single_writes=props.single_writes, inserts=False)
        self.table.grant_record(function)

    @property
    def _worker(self) -> ReceiverSettings:
        """Settings of the worker, with the environment record of the requests."""
        props = self._props
        environment = RequestEnvironment(
            request_scope=props.name,
            result_bucket_name=self.results.bucket.bucket_name,
            completion_topic_arn=self.completion_topic.topic.topic_arn if self.completion_topic else "",
        )
        return dataclasses.replace(
            props.worker, environment=(environment, *props.worker.environment), protect=props.protect
        )

    def _grant_worker(self) -> None:
        function = self.worker.function
        self.results.grant_store(function, scope=self._props.name)
        if self.completion_topic is not None:
            self.completion_topic.grant_publish(function)

    def _sweeper(self) -> RequestSweeper:
        props = self._props
        with path_in_errors(self):
            sweeper_props = RequestSweeperProps(
                table=self.table,
                key_scope=props.name,
                dead_letter_notifier=self.dead_letter_notifier,
                deadline=props.deadline,
                idempotency_window=self._window,
                channel=self.channel,
                events=self.events,
                completion_topic=self.completion_topic,
                resend_after=props.resend_after,
                metrics_namespace=props.metrics_namespace,
                network=props.worker.network,
                platform=props.worker.platform,
                log_retention=props.worker.log_retention,
                protect=props.protect,
                role=props.roles.sweeper,
                schedule_role=props.roles.sweeper_schedule,
            )
        return RequestSweeper(self, "Sweeper", sweeper_props)

    def _gateway(self) -> RequestGateway:
        props = self._props
        settings = {field.name: getattr(props, field.name) for field in dataclasses.fields(RequestGatewaySettings)}
        gateway_props = RequestGatewayProps(
            **settings,
            table=self.table,
            results=self.results,
            function=self.worker.target if props.is_event else None,
            first_look=props.resend_after,
            protect=props.protect,
            role=props.roles.gateway,
        )
        return RequestGateway(self, "Gateway", gateway_props)

    def _completion_topic(self) -> TopicChannel | None:
        if not self._props.subscribers:
            return None
        return TopicChannel(self, "Completions", TopicChannelProps(protect=self._props.protect))

    def _subscribe(self) -> None:
        topic = self.completion_topic
        if topic is None:
            return
        # The alarms are in this stack, so the queues that they watch are too: this stack may depend on a given topic's.
        outside = Construct(self, "Subscribers") if self._props.completion_topic else topic
        subscribe(self, topic, self.dead_letter_notifier, self._props.subscribers, outside=outside)
