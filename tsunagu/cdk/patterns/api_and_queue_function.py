"""A web application that also consumes a queue: one asset, as one function or as two."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from aws_cdk import Annotations, Aws, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from tsunagu.cdk.constructs.error_path import path_in_errors
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.handler_function import HandlerFunction
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.metric_panels import MetricPanel, function_panel, titled
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.request_sweeper import RequestSweeper, RequestSweeperProps, WebRequests, grant_outbox
from tsunagu.cdk.constructs.topic_channel import TopicChannel
from tsunagu.cdk.constructs.web_api import WebApi, WebApiProps
from tsunagu.cdk.patterns.api_and_queue_props import ApiAndQueueFunctionProps
from tsunagu.cdk.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps
from tsunagu.cdk.patterns.receiver_settings import ReceiverSettings
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.web import WebEnvironment


class ApiAndQueueFunction(CheckedConstruct):
    """Answer HTTP and consume a queue by the code of one `MessageRouter`.

    The mode says whether one function does both. The API, the queue, its dead-letter queue and the table are the same
    in both modes, so that another mode replaces none of them.

    Attributes:
        api: The API, with its address, its stage and its metrics.
        function: Function that answers HTTP; pass it to the `grant_*` methods of other constructs.
        queue_function: Function that consumes the queue; in the mode `shared` the same.
        handler: Function that answers HTTP, with its role and its log group.
        receiver: Receiver of the queue.
        channel: Channel of the queue.
        table: Table of the idempotency items.
        dead_letter_notifier: Notifies operators.
        sweeper: Sends the messages that requests left unsent; None without one.
        server_error_alarm: Alarm on answers with a status of 500 and above; None for an existing API.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ApiAndQueueFunctionProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self.channel = props.channel or self._channel()
        self.table = props.table or IdempotencyTable(
            self, "IdempotencyTable", IdempotencyTableProps(requests=props.sweeper, protect=props.protect)
        )
        self.dead_letter_notifier = props.dead_letter_notifier or DeadLetterNotifier(
            self, "DeadLetterNotifier", DeadLetterNotifierProps(protect=props.protect)
        )
        self.receiver = self._receiver()
        self.queue_function = self.receiver.handler.function
        self.handler = self.receiver.handler if props.is_shared else self._api_handler()
        self.function = self.handler.function
        mark(self.function, Kind.WEB_AND_QUEUE, self, protected=props.protect)
        self.sweeper = self._sweeper() if props.sweeper else None
        if props.sends_to_queue:
            self._grant_outbox(self.channel, self.function)
        for target in props.outbox_targets:
            self.add_outbox_target(target)
        self.api = WebApi(self, "Api", WebApiProps.of(props.api, self.handler.target, protect=props.protect))
        self.server_error_alarm = (
            self.dead_letter_notifier.watch_web_api(self.api, self.api.metric_server_errors())
            if self.api.stage is not None
            else None
        )
        if props.is_shared:
            Annotations.of(self).add_info(props.price_of_sharing)

    def add_outbox_target(self, target: QueueChannel | TopicChannel) -> None:
        """Let the application send to a queue or topic by the outbox, in routes and consumers; and the sweeper, too."""
        self._grant_outbox(target, self.function)
        if not self._props.is_shared:
            grant_outbox(target, self.queue_function)

    def metric_requests(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests to the API; `options` are those of a CloudWatch metric."""
        return self.api.metric_requests(**options)

    def metric_server_errors(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of answers with a status of 500 and above; `options` are those of a CloudWatch metric."""
        return self.api.metric_server_errors(**options)

    def metric_client_errors(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of answers with a status from 400 to 499; `options` are those of a CloudWatch metric."""
        return self.api.metric_client_errors(**options)

    def metric_latency(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of the time to an answer in milliseconds; `options` are those of a CloudWatch metric."""
        return self.api.metric_latency(**options)

    def metric_messages_processed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages that took effect; `options` are those of a CloudWatch metric."""
        return self.receiver.metric_messages_processed(**options)

    def metric_attempts_failed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of attempts at messages that failed; `options` are those of a CloudWatch metric."""
        return self.receiver.metric_attempts_failed(**options)

    def metric_messages_dead_lettered(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages that were dead-lettered; `options` are those of a CloudWatch metric."""
        return self.receiver.metric_messages_dead_lettered(**options)

    def metric_panels(self, period: Duration) -> Sequence[MetricPanel]:
        """Return what is worth a graph: the API, the queue, its function or functions, and the sweeper."""
        api = (
            self.metric_requests(period=period),
            self.metric_client_errors(period=period),
            self.metric_server_errors(period=period),
        )
        own_function = [] if self._props.is_shared else [function_panel("API: Function", self.function, period)]
        return [
            MetricPanel(title="API", metrics=api, right=[self.metric_latency(period=period)]),
            *own_function,
            *self.receiver.metric_panels(period),
            *(titled("Sweeper", self.sweeper.metric_panels(period)) if self.sweeper is not None else []),
        ]

    def queue_channels(self) -> Sequence[QueueChannel]:
        """Return the channel of the queue."""
        return [self.channel]

    def _grant_outbox(self, target: QueueChannel | TopicChannel, function: lambda_.Function) -> None:
        """Let a function send to a target, and the sweeper, too, which sends what the function could not."""
        grant_outbox(target, function)
        if self.sweeper is not None:
            self.sweeper.add_target(target)

    def _sweeper(self) -> RequestSweeper:
        props = self._props
        with path_in_errors(self):
            sweeper_props = RequestSweeperProps(
                table=self.table,
                key_scope="web",
                dead_letter_notifier=self.dead_letter_notifier,
                idempotency_window=self._window,
                web=WebRequests(place=self._place),
                metrics_namespace=props.metrics_namespace,
                network=props.function.network,
                platform=props.function.platform,
                log_retention=props.function.log_retention,
                protect=props.protect,
                role=props.sweeper_role,
                schedule_role=props.sweeper_schedule_role,
            )
        return RequestSweeper(self, "Sweeper", sweeper_props)

    def _channel(self) -> QueueChannel:
        with path_in_errors(self):
            props = QueueChannelProps(handler_timeout=self._props.timeout, protect=self._props.protect)
        return QueueChannel(self, "Channel", props)

    def _receiver(self) -> IdempotentReceiver:
        props = self._props
        inherited = {field.name: getattr(props.function, field.name) for field in dataclasses.fields(ReceiverSettings)}
        with path_in_errors(self):
            receiver_props = IdempotentReceiverProps(
                **{**inherited, "protect": props.protect},
                channel=self.channel,
                table=self.table,
                dead_letter_notifier=self.dead_letter_notifier,
                idempotency_window=props.idempotency_window,
                metrics_namespace=props.metrics_namespace,
                single_writes=props.single_writes,
                shared_keys=props.shared_keys,
            )
        self._window = receiver_props.window
        environment = self._environment(props.handler_timeout, serves_api=props.is_shared, serves_queue=True)
        return IdempotentReceiver(
            self,
            "Receiver",
            dataclasses.replace(receiver_props, environment=(environment, *props.function.environment)),
        )

    def _api_handler(self) -> HandlerFunction:
        """Make the API's function, and do for it what a receiver does for its own."""
        props, notifier = self._props, self.dead_letter_notifier
        settings = props.api_settings
        with path_in_errors(self):
            environment = self._environment(settings.timeout, serves_api=True, serves_queue=False)
            queue = dataclasses.replace(props.function, protect=props.protect)
            function_props = settings.function_props(queue, environment)
        handler = HandlerFunction(self, "ApiHandler", function_props)
        function = handler.function
        acknowledge(function, "Serverless-LambdaDLQ", "only the API invokes it, and waits for its answer")
        notifier.watch_function(handler, function, metrics_namespace=props.metrics_namespace)
        notifier.watch_commits(handler, function, metrics_namespace=props.metrics_namespace)
        if props.function.alarms is not None:
            namespace = props.metrics_namespace
            props.function.alarms.create(handler, function, notifier.topic, metrics_namespace=namespace)
        self.table.grant_idempotency(function, single_writes=props.single_writes)
        return handler

    def _environment(self, timeout: Duration, *, serves_api: bool, serves_queue: bool) -> WebEnvironment:
        props = self._props
        return WebEnvironment(
            idempotency_table_name=self.table.table.table_name,
            idempotency_window_seconds=int(self._window.to_seconds()),
            function_timeout_seconds=int(timeout.to_seconds()),
            metrics_namespace=props.metrics_namespace,
            single_writes=props.single_writes,
            log_tracebacks=props.function.log_tracebacks,
            web_place=self._place,
            serves_api=serves_api,
            serves_queue=serves_queue,
            queue_url=self.channel.queue.queue_url if serves_queue or props.sends_to_queue else "",
        )

    @property
    def _place(self) -> str:
        """Whose requests these are: account, region, stack and path of the application."""
        stack = Stack.of(self)
        path = self.node.path.removeprefix(stack.node.path).removeprefix("/")
        # A literal name of the stack would differ from stage to stage.
        return f"{Aws.ACCOUNT_ID}:{Aws.REGION}:{Aws.STACK_NAME}:{path}"
