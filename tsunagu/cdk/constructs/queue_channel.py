"""A point-to-point channel: one queue, and its dead-letter queue."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.existing_queue import check_existing_queue
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.grants import Grantor
from tsunagu.cdk.constructs.key_access import RECEIVE_ACTIONS, SEND_ACTIONS, CustomerKey
from tsunagu.cdk.constructs.metric_panels import MetricPanel
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.ranges import DAY_SECONDS, FunctionTimeout
from tsunagu.cdk.props import Between, CheckedProps, Seconds, Text
from tsunagu.contracts.flows import Kind
from tsunagu.errors import InvalidPropsError

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
RETENTION_SECONDS = range(60, 14 * DAY_SECONDS + 1)
RECEIVE_COUNT_LIMITS = range(1, 1001)
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
BATCHING_WINDOW_SECONDS = range(301)
VISIBILITY_PER_HANDLER_TIMEOUT = 6  # AWS's advice for a queue that feeds a function

NO_WAIT = Duration.seconds(0)
SOURCE_RETENTION = Duration.days(4)
DEAD_LETTER_RETENTION = Duration.days(14)
DATA_KEY_REUSE = Duration.minutes(5)
QueueName = Annotated[
    str, Text(re.compile(r"[A-Za-z0-9_-]{1,75}"), "1 to 75 letters, digits, hyphens and underscores", deployed=True)
]
Retention = Annotated[Duration, Seconds(RETENTION_SECONDS)]
_CONSUME_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueChannelProps(CheckedProps):
    """Settings of a queue channel.

    Attributes:
        handler_timeout: Longest that one invocation of the consumer may take, 1 to 900 seconds.
        fifo: Keep the order inside each message group. Default: a standard queue.
        high_throughput: Give each message group of a FIFO queue its own quota and its own deduplication. Default: one
            quota for the queue.
        key: Customer-managed key that encrypts both queues. Default: SQS's own key (SSE-SQS), without a charge.
        retention: How long a message waits for its consumer: 60 seconds or more, at least the visibility time-out, and
            less than `dead_letter_retention`. Default: 4 days.
        dead_letter_retention: How long a dead letter is kept, at most 14 days. It must be longer than `retention`,
            because the age of a message in a standard queue counts from its first send. Default: 14 days.
        batching_window: Longest wait to fill a batch, 0 to 300 seconds; 0 on a FIFO queue. Default: no wait.
        max_receive_count: Deliveries after which SQS itself dead-letters a message, 1 to 1,000. Default: as many as fit
            half the retention, so that an outage dead-letters nothing.
        content_based_deduplication: FIFO only: give a message without a deduplication id the hash of its body, for
            producers that cannot give an id, such as EventBridge. Two messages with the same body within five minutes
            are one then. Default: a producer gives the id.
        queue_name: Name of the queue, without the suffix `.fifo`. Another name replaces the queue. Default:
            CloudFormation makes a name.
        dead_letter_queue_name: Name of the dead-letter queue, in the same way.
        existing: Queue to use instead of a new one; it is not changed, and the other props say how it is. Its
            visibility time-out must be six handler time-outs and the batching window. Synthesis checks this where the
            app creates the queue. Default: a new queue.
        dead_letter_queue: Dead-letter queue of the existing queue, with `max_receive_count`. Default: that of a queue
            which the app creates.
        protect: Keep the new queues when their stack is deleted. Default: they are kept.

    Raises:
        InvalidPropsError: A number is out of range, or two of the settings exclude each other.
    """

    handler_timeout: FunctionTimeout
    fifo: bool = False
    high_throughput: bool = False
    key: CustomerKey | None = None
    retention: Retention = SOURCE_RETENTION
    dead_letter_retention: Retention = DEAD_LETTER_RETENTION
    batching_window: Annotated[Duration, Seconds(BATCHING_WINDOW_SECONDS)] = NO_WAIT
    max_receive_count: Annotated[int, Between(RECEIVE_COUNT_LIMITS)] | None = None
    content_based_deduplication: bool = False
    queue_name: QueueName | None = None
    dead_letter_queue_name: QueueName | None = None
    existing: sqs.IQueue | None = None
    dead_letter_queue: sqs.IQueue | None = None
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        self._refuse_mixtures()
        self._check_existing()

    def _check_existing(self) -> None:
        if self.existing is None:
            if self.dead_letter_queue is not None:
                msg = "dead_letter_queue must be left out without existing, because a new queue has its own, got one"
                raise InvalidPropsError(msg)
            return
        for name in ("high_throughput", "content_based_deduplication", "queue_name", "dead_letter_queue_name"):
            if getattr(self, name):
                msg = f"{name} must be left out with existing, because an existing queue is not changed, got both"
                raise InvalidPropsError(msg)
        check_existing_queue(
            self.existing,
            fifo=self.fifo,
            visibility_seconds=int(self.visibility_timeout.to_seconds()),
            retention_seconds=int(self.retention.to_seconds()),
            max_receive_count=self.receive_count,
        )
        if self.dead_letters is None:
            msg = (
                "dead_letter_queue must be given with existing, because dead letters of the runtime go there, got none"
            )
            raise InvalidPropsError(msg)

    @property
    def dead_letters(self) -> sqs.IQueue | None:
        """Dead-letter queue of the existing queue."""
        own = self.existing.dead_letter_queue if isinstance(self.existing, sqs.Queue) else None
        return self.dead_letter_queue or (own.queue if own else None)

    def _refuse_mixtures(self) -> None:
        for name in ("high_throughput", "content_based_deduplication"):
            if getattr(self, name) and not self.fifo:
                msg = f"{name} must be left out without fifo, because only FIFO queues have it, got True"
                raise InvalidPropsError(msg)
        if self.fifo and self.batching_window.to_seconds():
            msg = f"batching_window must be 0 seconds on a FIFO queue, got {self.batching_window.to_seconds()}"
            raise InvalidPropsError(msg)
        retention, dead_letter_retention = self.retention.to_seconds(), self.dead_letter_retention.to_seconds()
        if dead_letter_retention <= retention:
            msg = (
                f"dead_letter_retention must be longer than the {retention:,} seconds of retention, "
                f"got {dead_letter_retention:,}"
            )
            raise InvalidPropsError(msg)
        if self.visibility_timeout.to_seconds() > retention:
            msg = (
                f"retention must be at least the visibility time-out of {self.visibility_timeout.to_seconds():,} "
                f"seconds, got {retention:,}"
            )
            raise InvalidPropsError(msg)

    @property
    def visibility_timeout(self) -> Duration:
        """How long a delivered message stays hidden: six handler time-outs and the batching window."""
        handling = self.handler_timeout.to_seconds() * VISIBILITY_PER_HANDLER_TIMEOUT
        return Duration.seconds(handling + self.batching_window.to_seconds())

    @property
    def receive_count(self) -> int:
        """Deliveries after which SQS dead-letters a message: a back-stop, because the item counts the attempts."""
        if self.max_receive_count is not None:
            return self.max_receive_count
        in_half_the_retention = self.retention.to_seconds() // 2 // self.visibility_timeout.to_seconds()
        return int(min(max(in_half_the_retention, RECEIVE_COUNT_LIMITS[0]), RECEIVE_COUNT_LIMITS[-1]))

    @property
    def longest_stay(self) -> Duration:
        """Longest time from sending a message to its last delivery, with one redrive.

        A message waits, is dead-lettered in the last second, is redriven in the last second, and waits again.
        """
        parts = (self.retention, self.dead_letter_retention, self.retention)
        return Duration.seconds(sum(part.to_seconds() for part in parts))


class QueueChannel(CheckedConstruct):
    """Keep messages for one kind of consumer, and dead letters apart from them.

    Attributes:
        queue: Queue to which producers send, and from which the consumer receives.
        dead_letter_queue: Queue of messages that cannot be processed; FIFO if `queue` is.
        props: Settings of the channel, from which its consumer derives its own numbers.
        dead_letter_alarm: Alarm on its dead letters, once a notifier watches it; a receiver lets its notifier do so.
        message_age_alarm: Alarm on messages that wait too long, as the other one.
    """

    def __init__(self, scope: Construct, construct_id: str, props: QueueChannelProps) -> None:
        super().__init__(scope, construct_id)
        existing = props.existing
        key = props.key or (existing.encryption_master_key if existing else None)
        self.props = props if key is props.key else dataclasses.replace(props, key=key)
        self._receiver: Construct | None = None
        self.dead_letter_alarm: cloudwatch.Alarm | None = None
        self.message_age_alarm: cloudwatch.Alarm | None = None
        self.dead_letter_queue: sqs.IQueue = props.dead_letters or self._dead_letter_queue()
        self.queue: sqs.IQueue = existing or self._queue()

    def attach_receiver(self, receiver: Construct) -> None:
        """Make `receiver` the consumer of the channel.

        Raises:
            InvalidPropsError: The channel has a receiver already.
        """
        for channel in (self, *self._others_of_the_queue()):
            if channel._receiver is not None:  # noqa: SLF001 - of the same class
                msg = (
                    "a channel must have one receiver, because two would take each other's messages, "
                    f"got {channel._receiver.node.path} and {receiver.node.path}"  # noqa: SLF001
                )
                raise props_error(self, msg)
        self._receiver = receiver

    def _others_of_the_queue(self) -> "list[QueueChannel]":
        """Return the other channels with the same existing queue, if the app has any."""
        if self.props.existing is None:
            return []
        channels = (each for each in self.node.root.node.find_all() if isinstance(each, QueueChannel))
        return [each for each in channels if each is not self and each.queue.queue_arn == self.queue.queue_arn]

    def grant_send(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` send messages to the queue, and use the queue's key."""
        return self._grant(self.queue, grantee, "sqs:SendMessage", key_actions=SEND_ACTIONS)

    def grant_consume(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` receive and delete messages, and use the queue's key. Lambda's pollers use a function's role.

        A consumer that defers messages also needs `grant_change_visibility`.
        """
        return self._grant(self.queue, grantee, *_CONSUME_ACTIONS, key_actions=RECEIVE_ACTIONS)

    def grant_change_visibility(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` change when a message that it received is delivered again."""
        return self._grant(self.queue, grantee, "sqs:ChangeMessageVisibility")

    def grant_dead_letter(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` send messages to the dead-letter queue, and use the queue's key."""
        return self._grant(self.dead_letter_queue, grantee, "sqs:SendMessage", key_actions=SEND_ACTIONS)

    def grant_look_at_dead_letters(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` look at dead letters and make them visible again, but not delete them."""
        queue, actions = self.dead_letter_queue, ("sqs:ReceiveMessage", "sqs:ChangeMessageVisibility")
        return self._grant(queue, grantee, *actions, key_actions=RECEIVE_ACTIONS)

    def metric_messages_visible(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages that wait for a consumer; `options` are those of a CloudWatch metric."""
        return self.queue.metric_approximate_number_of_messages_visible(**options)

    def metric_messages_not_visible(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages that a consumer has received; `options` are those of a CloudWatch metric."""
        return self.queue.metric_approximate_number_of_messages_not_visible(**options)

    def metric_messages_sent(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages that were sent to the queue; `options` are those of a CloudWatch metric."""
        return self.queue.metric_number_of_messages_sent(**options)

    def metric_messages_deleted(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of messages that were deleted from it; `options` are those of a CloudWatch metric."""
        return self.queue.metric_number_of_messages_deleted(**options)

    def metric_oldest_message_age(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of the oldest message's age in seconds; `options` are those of a CloudWatch metric."""
        return self.queue.metric_approximate_age_of_oldest_message(**options)

    def metric_dead_letters_visible(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of dead letters in the queue; `options` are those of a CloudWatch metric."""
        return self.dead_letter_queue.metric_approximate_number_of_messages_visible(**options)

    def metric_panels(self, period: Duration) -> Sequence[MetricPanel]:
        """Return what is worth a graph: how many messages there are, and for how long the oldest one waits."""
        most: dict[str, Any] = {"period": period, "statistic": "Maximum"}
        depths = [self.metric_messages_visible(**most), self.metric_messages_not_visible(**most)]
        return [
            MetricPanel(title="Queue", metrics=depths, right=[self.metric_oldest_message_age(**most)]),
            MetricPanel(title="Dead letters", metrics=[self.metric_dead_letters_visible(**most)]),
        ]

    def queue_channels(self) -> "Sequence[QueueChannel]":
        """Return the channel itself."""
        return [self]

    def _grant(
        self, queue: sqs.IQueue, grantee: iam.IGrantable, *actions: str, key_actions: Sequence[str] = ()
    ) -> iam.Grant:
        grantor = Grantor(self, queue, self.props.key)
        return grantor.grant(grantee, actions, queue.queue_arn, key_actions=key_actions)

    def _dead_letter_queue(self) -> sqs.Queue:
        # Without a redrive-allow policy: the source queue names this queue, and the other way round would be a cycle.
        queue = sqs.Queue(
            self,
            "DeadLetterQueue",
            queue_name=self._physical(self.props.dead_letter_queue_name),
            fifo=self.props.fifo or None,
            retention_period=self.props.dead_letter_retention,
            **self._safety(),
        )
        acknowledge(queue, "Serverless-SQSRedrivePolicy", "it is the dead-letter queue: nothing is behind it")
        mark(queue, Kind.DEAD_LETTERS, self, protected=self.props.protect)
        return queue

    def _queue(self) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "Queue",
            queue_name=self._physical(self.props.queue_name),
            fifo=self.props.fifo or None,
            content_based_deduplication=self.props.content_based_deduplication or None,
            retention_period=self.props.retention,
            visibility_timeout=self.props.visibility_timeout,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letter_queue, max_receive_count=self.props.receive_count
            ),
            redrive_allow_policy=sqs.RedriveAllowPolicy(redrive_permission=sqs.RedrivePermission.DENY_ALL),
            **self._throughput(),
            **self._safety(),
        )
        mark(queue, Kind.CHANNEL, self, protected=self.props.protect)
        return queue

    def _physical(self, name: str | None) -> str | None:
        return f"{name}.fifo" if name and self.props.fifo else name

    def _throughput(self) -> dict[str, Any]:
        if not self.props.high_throughput:
            return {}
        return {
            "deduplication_scope": sqs.DeduplicationScope.MESSAGE_GROUP,
            "fifo_throughput_limit": sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
        }

    def _safety(self) -> dict[str, Any]:
        settings = {"enforce_ssl": True, "removal_policy": removal_policy(protect=self.props.protect)}
        if self.props.key is None:
            return {**settings, "encryption": sqs.QueueEncryption.SQS_MANAGED}
        return {
            **settings,
            "encryption": sqs.QueueEncryption.KMS,
            "encryption_master_key": self.props.key,
            "data_key_reuse": DATA_KEY_REUSE,
        }
