"""A pipe that brings accepted requests from the stream of their table to their queue."""

import json
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_pipes as pipes
from constructs import Construct

from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.key_access import source_conditions
from tsunagu.cdk.constructs.key_spaces import KeySpaceName
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.props import CheckedProps
from tsunagu.contracts import items, requests
from tsunagu.errors import InvalidPropsError

# A queue takes ten messages a call. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
BATCH_SIZE = 10
BATCHES_PER_SHARD = 10
UNLIMITED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPipeProps(CheckedProps):
    """Settings of a request pipe.

    Attributes:
        table: Table of the records, with `requests=True`.
        key_scope: Scope of the requests, as their handler names it: 1 to 64 letters, digits, hyphens and underscores.
            The pipe lets pass new records of this scope, and no other items of the table.
        channel: Channel of the requests, with a standard queue.
        dead_letter_notifier: Gets an alarm when executions of the pipe fail. Default: no alarm.
        role: Role of the pipe, which EventBridge Pipes must be able to assume. It gets the permissions that the pipe
            needs; one that takes no policies is refused, and the error says what it must be able to do, because the
            policy of a table does not cover its stream. Default: a new one.

    Raises:
        InvalidPropsError: The scope is malformed, or the queue is a FIFO queue.
    """

    table: IdempotencyTable
    key_scope: KeySpaceName
    channel: QueueChannel
    dead_letter_notifier: DeadLetterNotifier | None = None
    role: iam.IRole | None = None

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        check_standard(self.channel)


class RequestPipe(CheckedConstruct):
    """Send the key of each new record to the queue, in well under a second.

    The message has the key of the record alone: `{"request_key": "…"}`. The pipe keeps no dead letters and gives
    up nothing: what it cannot send, it tries until the record leaves the stream, after a day. The sweeper sends what
    did not arrive.

    Attributes:
        pipe: The pipe.
        role: Role of the pipe: it may read the stream and send to the queue.
    """

    def __init__(self, scope: Construct, construct_id: str, props: RequestPipeProps) -> None:
        super().__init__(scope, construct_id)
        self.role: iam.IRole = props.role or self._new_role()
        props.table.grant_stream_read(self.role)
        props.channel.grant_send(self.role)
        self.pipe = self._pipe(props)
        self.pipe.node.add_dependency(self.role)  # a pipe is created only if its role may do all it needs
        if props.dead_letter_notifier is not None:
            props.dead_letter_notifier.watch_pipe(self, self.metric_executions_failed())

    def _new_role(self) -> iam.Role:
        principal = iam.ServicePrincipal("pipes.amazonaws.com", conditions=source_conditions(self))
        return iam.Role(self, "Role", assumed_by=principal)

    def metric_executions_failed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of executions that failed; `options` are those of a CloudWatch metric."""
        defaults = {"statistic": "Sum"}
        return cloudwatch.Metric(
            namespace="AWS/EventBridge/Pipes",
            metric_name="ExecutionFailed",
            dimensions_map={"PipeName": self.pipe.ref},
            **{**defaults, **options},
        )

    def _pipe(self, props: RequestPipeProps) -> pipes.CfnPipe:
        stream = pipes.CfnPipe.PipeSourceDynamoDBStreamParametersProperty(
            starting_position="TRIM_HORIZON",
            batch_size=BATCH_SIZE,
            parallelization_factor=BATCHES_PER_SHARD,
            maximum_record_age_in_seconds=UNLIMITED,
            maximum_retry_attempts=UNLIMITED,
        )
        pattern = pipes.CfnPipe.FilterProperty(pattern=json.dumps(_new_records(props.key_scope)))
        return pipes.CfnPipe(
            self,
            "Pipe",
            description=f"Accepted requests of {props.key_scope}",
            role_arn=self.role.role_arn,
            source=props.table.stream_arn,
            source_parameters=pipes.CfnPipe.PipeSourceParametersProperty(
                dynamo_db_stream_parameters=stream,
                filter_criteria=pipes.CfnPipe.FilterCriteriaProperty(filters=[pattern]),
            ),
            target=props.channel.queue.queue_arn,
            target_parameters=pipes.CfnPipe.PipeTargetParametersProperty(
                input_template=f'{{"{requests.REQUEST_KEY}": <$.dynamodb.Keys.{items.ID}.S>}}'
            ),
        )


def check_standard(channel: QueueChannel) -> None:
    """Refuse a FIFO channel.

    Raises:
        InvalidPropsError: Its queue is a FIFO queue.
    """
    if channel.props.fifo:
        msg = "channel must have a standard queue, because requests have no order and no group, got a FIFO queue"
        raise InvalidPropsError(msg)


def _new_records(key_scope: str) -> dict[str, Any]:
    image = {
        requests.KIND: {"S": [requests.REQUEST_KIND]},
        items.ID: {"S": [{"prefix": f"{requests.request_space(key_scope)}#"}]},
    }
    return {"eventName": ["INSERT"], "dynamodb": {"NewImage": image}}
