"""Settings of an API that accepts requests now, and works on them later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from aws_cdk import Duration
from aws_cdk import aws_iam as iam

from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.event_invocation import MAXIMUM_AGE, RETRIES, MaximumAge, Retries
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.queue_channel import DEAD_LETTER_RETENTION, QueueChannel
from tsunagu.cdk.constructs.ranges import FunctionTimeout, IdempotencyWindow, MetricsNamespace
from tsunagu.cdk.constructs.request_gateway_settings import RequestGatewaySettings
from tsunagu.cdk.constructs.request_sweeper import RESEND_AFTER, Deadline, ResendAfter
from tsunagu.cdk.constructs.result_bucket import ResultBucket
from tsunagu.cdk.constructs.topic_channel import TopicChannel
from tsunagu.cdk.patterns.receiver_settings import ReceiverSettings
from tsunagu.cdk.props import CheckedProps
from tsunagu.contracts.telemetry import METRICS_NAMESPACE
from tsunagu.errors import InvalidPropsError

Delivery = Literal["queue", "lambda_event"]

DEADLINE = Duration.days(1)
SWEEP_SLACK = Duration.minutes(2)  # the sweeper looks each minute, for less than one
_DAY = Duration.days(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestApiRoles(CheckedProps):
    """Roles of an API of accepted requests, besides that of its worker. Each gets the permissions that it needs.

    Attributes:
        gateway: Role of the calls of API Gateway, as in `RequestGatewayProps`. Default: a new one.
        pipe: Role of the pipe, as in `RequestPipeProps`. Default: a new one.
        sweeper: Role of the sweeper's function, as in `HandlerSettings`. Default: a new one.
        sweeper_schedule: Role of the sweeper's schedule, as in `RequestSweeperProps`. Default: a new one.
    """

    gateway: iam.IRole | None = None
    pipe: iam.IRole | None = None
    sweeper: iam.IRole | None = None
    sweeper_schedule: iam.IRole | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncRequestApiProps(RequestGatewaySettings):
    """Settings of an API that accepts requests: those of `RequestGatewaySettings`, its worker, and how they are joined.

    Attributes:
        worker: Settings of the function that works on the requests: its handler has the decorator `accepted_request`
            with the name of the API. With the delivery `lambda_event` it takes one request at a time, and Lambda counts
            its attempts.
        timeout: Longest time of one invocation of the worker, 1 to 900 seconds.
        delivery: How requests reach the worker. `queue`: by record, pipe and queue; a 202 says that the request is
            recorded. `lambda_event`: the gateway invokes the function, which is weaker: see docs/accept-now.md.
            Default: `queue`.
        deadline: When a request without an end has failed, 2 minutes to 14 days after it was accepted or reopened.
            Default: a day.
        resend_after: When a request that no worker got is sent again, one minute to one day; the wait doubles each
            time. Default: 5 minutes.
        retries: With `lambda_event`: how often Lambda invokes the worker again, 0 to 2. Default: 2.
        maximum_age: With `lambda_event`: how long Lambda keeps an event, 60 seconds to 6 hours. Default: 6 hours.
        channel: Channel of the requests, for the delivery `queue`. Its handler time-out must be `timeout`. Default: a
            new one.
        table: Table of the records, with `requests=True`; several APIs can share it. Default: a new one.
        results: Bucket of the results; several APIs can share it. Default: a new one.
        dead_letter_notifier: Notifies operators. Default: a new one.
        completion_topic: Topic that is told how each request ended, at least once. Default: a new one, if there are
            subscribers, else none.
        subscribers: Subscribers of the completion topic, by construct id: a queue, `https://…`, or `mailto:` and an
            address. SNS signs what it sends to a web server, and tries again for an hour. Default: none.
        idempotency_window: How long the record of a request is kept after its end. Default, and least: as long as a
            message can be on its way, and a day; for `lambda_event` 15 days and the deadline.
        metrics_namespace: CloudWatch namespace of the metrics. Default: `Tsunagu`.
        single_writes: Write items one by one, for accounts that do not allow PartiQL. Default: in batches.
        protect: Keep what holds data when the stack is deleted; the settings of the worker do not count. Default: it is
            kept.
        roles: Roles of gateway, pipe and sweeper; the role of the worker is one of its settings. Default: new ones.

    Raises:
        InvalidPropsError: A value is out of range, or two settings exclude each other.
    """

    worker: ReceiverSettings
    timeout: FunctionTimeout
    delivery: Delivery = "queue"
    deadline: Deadline = DEADLINE
    resend_after: ResendAfter = RESEND_AFTER
    retries: Retries = RETRIES[-1]
    maximum_age: MaximumAge = MAXIMUM_AGE
    channel: QueueChannel | None = None
    table: IdempotencyTable | None = None
    results: ResultBucket | None = None
    dead_letter_notifier: DeadLetterNotifier | None = None
    completion_topic: TopicChannel | None = None
    subscribers: Mapping[str, QueueChannel | str] = field(default_factory=dict)
    idempotency_window: IdempotencyWindow | None = None
    metrics_namespace: MetricsNamespace = METRICS_NAMESPACE
    single_writes: bool = False
    protect: bool = True
    roles: RequestApiRoles = field(default_factory=RequestApiRoles)

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        RequestGatewaySettings.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        self.check_delivery(is_event=self.is_event)
        self.worker.refuse_parking("for the worker, because accepted requests do not wait for each other")
        self._check_table()
        self._check_channel()

    def _check_table(self) -> None:
        if self.table is not None and not self.table.props.requests:
            msg = "table must have requests=True, because it is to hold the records of requests, got False"
            raise InvalidPropsError(msg)

    def _check_channel(self) -> None:
        if self.channel is None:
            return
        if self.is_event:
            msg = "channel must be left out with the delivery lambda_event, which has no queue, got one"
            raise InvalidPropsError(msg)
        handler_timeout = self.channel.props.handler_timeout.to_seconds()
        if handler_timeout != self.timeout.to_seconds():
            msg = (
                f"timeout must be the {handler_timeout:,} seconds of handler_timeout of the channel, "
                f"got {self.timeout.to_seconds():,}"
            )
            raise InvalidPropsError(msg)

    @property
    def is_event(self) -> bool:
        """Whether the gateway invokes the function."""
        return self.delivery == "lambda_event"

    @property
    def least_event_window(self) -> Duration:
        """How long the record of a request of the delivery `lambda_event` must be kept after its end.

        What Lambda gave up is looked at for as long as its queue keeps it.
        """
        parts = (self.deadline, DEAD_LETTER_RETENTION, _DAY)
        return Duration.seconds(sum(part.to_seconds() for part in parts))
