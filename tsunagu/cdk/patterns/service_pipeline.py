"""A service pipeline: a preprocessor, steps of services, and a completion topic."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.claim_check_bucket import ClaimCheckBucket, ClaimCheckBucketProps
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from tsunagu.cdk.constructs.error_path import path_in_errors
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.grants import grant_invoke
from tsunagu.cdk.constructs.handler_function import HandlerFunction, HandlerSettings
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.metric_panels import MetricPanel, function_panel
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.constructs.run_sweeper import RunSweeper, RunSweeperProps, UnfinishedRuns
from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
from tsunagu.cdk.patterns.connector import ConnectedService, Connector, ConnectorProps, service_panels
from tsunagu.cdk.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps
from tsunagu.cdk.patterns.pipeline_limits import Hop, inline_bytes, object_lifetime
from tsunagu.cdk.patterns.pipeline_props import ServicePipelineProps, Step
from tsunagu.cdk.patterns.service import Service
from tsunagu.cdk.patterns.subscribers import subscribe
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.pipeline import PreprocessorEnvironment, ServiceEnvironment
from tsunagu.contracts.telemetry import Metric

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms


class ServicePipeline(CheckedConstruct):
    """Process each request once in each step, in order. Its JSON travels in messages or, when large, in a bucket.

    Attributes:
        preprocessor: Function that starts and replays requests.
        connectors: Topic and services of each step, by the name of the step.
        services: Constructs of each service, by the name of the service. Pass
            `services[name].receiver.handler.function` to the `grant_*` methods of other constructs.
        completion_topic: Topic to which each completed request is published.
        dead_letter_notifier: Notifies operators of dead letters.
        bucket: Bucket of JSON that is too large for a message.
        table: Table of the idempotency items of preprocessor and services: the journal of every request.
        run_sweeper: Finds unfinished runs; None without `unfinished_runs`.
        inline_bytes: Largest JSON value that travels in a message, in UTF-8 bytes.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ServicePipelineProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self._topic_key = props.topic_key or self._new_topic_key()
        self.bucket = props.bucket or self._new_bucket()
        self.bucket.require_lifetime(object_lifetime(props.longest_run, props.window), self)
        self.table = props.table or self._new_table()
        self.table.key_spaces.add_pipeline(props.name, self)
        self.dead_letter_notifier = props.dead_letter_notifier or self._new_dead_letter_notifier()
        self.completion_topic = props.completion_topic or self._new_topic(self, "Notifier")
        self._topics = self._step_topics()
        with path_in_errors(self):
            self.inline_bytes = inline_bytes(self._hops(), props.inline_bytes)
        self.connectors: Mapping[str, Connector] = self._connectors()
        self.services: Mapping[str, ConnectedService] = {
            name: made for connector in self.connectors.values() for name, made in connector.services.items()
        }
        self.preprocessor = self._preprocessor()
        mark(self.preprocessor.function, Kind.PIPELINE, self, name=props.name, protected=props.protect)
        for name, service in self.services.items():
            function = service.receiver.handler.function
            mark(function, Kind.SERVICE, service.receiver, name=f"{props.name}/{name}", protected=props.protect)
        self._grant_services()
        self._grant_preprocessor()
        self.run_sweeper = self._run_sweeper(props.unfinished_runs) if props.unfinished_runs is not None else None
        # The alarms are in this stack, so the queues that they watch are too: this stack may depend on a given topic's.
        outside = Construct(self, "Subscribers") if props.completion_topic else self.completion_topic
        subscribe(self, self.completion_topic, self.dead_letter_notifier, props.subscribers, outside=outside)

    def grant_start(self, grantee: "iam.IGrantable") -> "iam.Grant":
        """Let `grantee` start and replay requests, by invoking `preprocessor.target`."""
        return grant_invoke(self, grantee, self.preprocessor.target)

    def metric_messages_processed(self, **options: Any) -> cloudwatch.MathExpression:
        """Return the messages that took effect in all services; `options` are those of a CloudWatch metric."""
        return self._sum(Metric.MESSAGES_PROCESSED, options)

    def metric_attempts_failed(self, **options: Any) -> cloudwatch.MathExpression:
        """Return the attempts that failed in all services; `options` are those of a CloudWatch metric."""
        return self._sum(Metric.ATTEMPTS_FAILED, options)

    def metric_messages_dead_lettered(self, **options: Any) -> cloudwatch.MathExpression:
        """Return the messages that all services dead-lettered; `options` are those of a CloudWatch metric."""
        return self._sum(Metric.MESSAGES_DEAD_LETTERED, options)

    def metric_dead_letters_visible(self, **options: Any) -> cloudwatch.MathExpression:
        """Return the dead letters of all services that wait for someone; `options` are those of a CloudWatch metric."""
        found = [service.channel.metric_dead_letters_visible(**options) for service in self.services.values()]
        return _together("SUM", found, "DeadLetters")

    def metric_oldest_message_age(self, **options: Any) -> cloudwatch.MathExpression:
        """Return the age of the oldest message of all queues in seconds; `options` are those of a CloudWatch metric."""
        found = [service.channel.metric_oldest_message_age(**options) for service in self.services.values()]
        return _together("MAX", found, "OldestMessageAge")

    def metric_panels(self, period: Duration) -> Sequence[MetricPanel]:
        """Return what is worth a graph: the preprocessor, and a line for each service."""
        return [
            *service_panels(self.services, period),
            function_panel("Preprocessor", self.preprocessor.function, period),
        ]

    def queue_channels(self) -> Sequence[QueueChannel]:
        """Return the channels of the services, and the one of the preprocessor's entry queue."""
        entry = [self._props.entry] if self._props.entry is not None else []
        return [*entry, *(service.channel for service in self.services.values())]

    def _sum(self, metric: Metric, options: Mapping[str, Any]) -> cloudwatch.MathExpression:
        made = [service.receiver.metrics.metric(metric, **options) for service in self.services.values()]
        return _together("SUM", made, str(metric))

    def _step_topics(self) -> Sequence[TopicChannel]:
        scope = Construct(self, "Topics")
        return [step.topic or self._new_topic(scope, step.construct_id) for step in self._props.steps]

    def _hops(self) -> Sequence[Hop]:
        """Return each message of a request: to the steps in order, and to the completion topic."""
        parts = [1, *(1 + len(step.services) for step in self._props.steps)]
        topics = [*self._topics, self.completion_topic]
        return [
            Hop(topic.node.path, topic.props.max_message_bytes, count)
            for topic, count in zip(topics, parts, strict=True)
        ]

    def _connectors(self) -> dict[str, Connector]:
        scope = Construct(self, "Steps")
        return {
            step.name: Connector(scope, step.construct_id, self._connector_props(number, step))
            for number, step in enumerate(self._props.steps)
        }

    def _connector_props(self, number: int, step: Step) -> ConnectorProps:
        props = self._props
        return ConnectorProps(
            services=[self._with_environment(service, number, step) for service in step.services],
            topic=self._topics[number],
            table=self.table,
            dead_letter_notifier=self.dead_letter_notifier,
            queue_key=props.queue_key,
            idempotency_window=props.window,
            metrics_namespace=props.metrics_namespace,
            single_writes=props.single_writes,
            protect=props.protect,
        )

    def _with_environment(self, service: Service, number: int, step: Step) -> Service:
        """Return the service with the environment record of the pipeline."""
        props, following = self._props, number + 1
        environment = ServiceEnvironment(
            pipeline=props.name,
            step=step.name,
            service=service.name,
            siblings=",".join(sibling.name for sibling in step.services),
            next_step=props.steps[following].name if following < len(props.steps) else "",
            next_topic_arn=self._next_topic(number).topic.topic_arn,
            claim_bucket_name=self.bucket.bucket.bucket_name,
            inline_bytes=self.inline_bytes,
            largest_payload_bytes=props.largest_payload_bytes,
            hop_limit=props.hop_limit,
        )
        return dataclasses.replace(service, environment=(environment, *service.environment))

    def _next_topic(self, number: int) -> TopicChannel:
        return [*self._topics, self.completion_topic][number + 1]

    def _preprocessor(self) -> HandlerFunction:
        props = self._props
        settings = dataclasses.replace(
            props.preprocessor, environment=(self._preprocessor_environment(), *props.preprocessor.environment)
        )
        if props.entry is not None:
            inherited = {field.name: getattr(settings, field.name) for field in dataclasses.fields(HandlerSettings)}
            with path_in_errors(self):
                receiver_props = IdempotentReceiverProps(
                    **inherited,
                    channel=props.entry,
                    table=self.table,
                    dead_letter_notifier=self.dead_letter_notifier,
                    idempotency_window=props.window,
                    metrics_namespace=props.metrics_namespace,
                    single_writes=props.single_writes,
                    transactions=False,
                    alarms=props.preprocessor_alarms,
                )
            return IdempotentReceiver(self, "Preprocessor", receiver_props).handler
        preprocessor = HandlerFunction(self, "Preprocessor", settings)
        acknowledge(preprocessor.function, "Serverless-LambdaDLQ", "its caller waits for its response")
        self.dead_letter_notifier.watch_function(
            preprocessor, preprocessor.function, metrics_namespace=props.metrics_namespace
        )
        if props.preprocessor_alarms is not None:
            props.preprocessor_alarms.create(
                preprocessor,
                preprocessor.function,
                self.dead_letter_notifier.topic,
                metrics_namespace=props.metrics_namespace,
            )
        return preprocessor

    def _run_sweeper(self, settings: UnfinishedRuns) -> RunSweeper:
        props = self._props
        sweeper_props = RunSweeperProps(
            pipeline=props.name,
            steps=self._steps_text(),
            table=self.table,
            dead_letter_notifier=self.dead_letter_notifier,
            settings=settings,
            metrics_namespace=props.metrics_namespace,
            network=props.preprocessor.network,
            platform=props.preprocessor.platform,
            log_retention=props.preprocessor.log_retention,
            protect=props.protect,
        )
        return RunSweeper(self, "RunSweeper", sweeper_props)

    def _preprocessor_environment(self) -> PreprocessorEnvironment:
        props = self._props
        return PreprocessorEnvironment(
            pipeline=props.name,
            steps=self._steps_text(),
            claim_bucket_name=self.bucket.bucket.bucket_name,
            idempotency_table_name=self.table.table.table_name,
            idempotency_window_seconds=int(props.window.to_seconds()),
            function_timeout_seconds=int(props.preprocessor.timeout.to_seconds()),
            metrics_namespace=props.metrics_namespace,
            inline_bytes=self.inline_bytes,
            largest_payload_bytes=props.largest_payload_bytes,
            hop_limit=props.hop_limit,
            single_writes=props.single_writes,
            pipeline_place=self._place(),
            marks_runs=props.unfinished_runs is not None,
        )

    def _place(self) -> str:
        """Return what tells this pipeline from all others, and stays when its stack is deleted and deployed again."""
        stack = Stack.of(self)
        path = self.node.path.removeprefix(f"{stack.node.path}/")
        return f"{stack.account}/{stack.region}/{Aws.STACK_NAME}/{path}"  # a literal would differ from stage to stage

    def _steps_text(self) -> str:
        steps = [
            {
                "name": step.name,
                "topic_arn": topic.topic.topic_arn,
                "services": [service.name for service in step.services],
            }
            for step, topic in zip(self._props.steps, self._topics, strict=True)
        ]
        return json.dumps(steps, separators=(",", ":"))

    def _grant_services(self) -> None:
        for number, step in enumerate(self._props.steps):
            for service in step.services:
                function = self.services[service.name].receiver.handler.function
                self.bucket.grant_read(function, under=self._props.name)
                self.bucket.grant_write(function, under=f"{self._props.name}/*/{step.name}/{service.name}")
                self._next_topic(number).grant_publish(function)

    def _grant_preprocessor(self) -> None:
        function = self.preprocessor.function
        self.bucket.grant_write(function, under=self._props.name)
        self.table.grant_idempotency(function, single_writes=self._props.single_writes, transactions=False)
        self.table.grant_find_by_request(function)
        for topic in self._topics:
            topic.grant_publish(function)

    def _new_topic_key(self) -> "kms.IKey":
        props = CustomerManagedKeyProps(
            description=f"Messages of the pipeline {self._props.name}", protect=self._props.protect
        )
        return CustomerManagedKey(self, "TopicKey", props).key

    def _new_topic(self, scope: Construct, construct_id: str) -> TopicChannel:
        with path_in_errors(self):
            props = TopicChannelProps(
                key=self._topic_key, max_message_bytes=self._props.max_message_bytes, protect=self._props.protect
            )
        return TopicChannel(scope, construct_id, props)

    def _new_dead_letter_notifier(self) -> DeadLetterNotifier:
        props = DeadLetterNotifierProps(key=self._topic_key, protect=self._props.protect)
        return DeadLetterNotifier(self, "DeadLetterNotifier", props)

    def _new_bucket(self) -> ClaimCheckBucket:
        expiration = object_lifetime(self._props.longest_run, self._props.window)
        with path_in_errors(self):
            props = ClaimCheckBucketProps(expiration=expiration, protect=self._props.protect)
        return ClaimCheckBucket(self, "ClaimCheckBucket", props)

    def _new_table(self) -> IdempotencyTable:
        run_index = self._props.unfinished_runs is not None
        props = IdempotencyTableProps(request_index=True, run_index=run_index, protect=self._props.protect)
        return IdempotencyTable(self, "IdempotencyTable", props)


def _together(function: str, metrics: Sequence[cloudwatch.Metric], label: str) -> cloudwatch.MathExpression:
    """Return the sum or the maximum of metrics."""
    return cloudwatch.MathExpression(
        expression=f"{function}(METRICS())",
        using_metrics={f"m{number}": each for number, each in enumerate(metrics)},
        period=metrics[0].period,
        label=label,
    )
