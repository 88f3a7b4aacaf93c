"""Settings of a pipeline: its steps, its entry and its completion topic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from tsunagu.cdk.constructs.claim_check_bucket import ClaimCheckBucket
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.function_alarms import ALL_ALARMS, FunctionAlarms
from tsunagu.cdk.constructs.handler_function import HandlerFunctionProps
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.key_access import CustomerKey
from tsunagu.cdk.constructs.queue_channel import NO_WAIT, QueueChannel
from tsunagu.cdk.constructs.ranges import IdempotencyWindow, MetricsNamespace
from tsunagu.cdk.constructs.run_sweeper import UnfinishedRuns
from tsunagu.cdk.constructs.topic_channel import MESSAGE_BYTES, TopicChannel
from tsunagu.cdk.patterns.connector import require_distinct_services
from tsunagu.cdk.patterns.idempotent_receiver import check_window
from tsunagu.cdk.patterns.pipeline_limits import least_window, longest_run
from tsunagu.cdk.patterns.service import Name, Service, pascal_case
from tsunagu.cdk.props import Between, CheckedProps
from tsunagu.contracts.messages import SNS_MESSAGE_BYTES
from tsunagu.contracts.pipeline import HOP_LIMIT, LARGEST_PAYLOAD_BYTES
from tsunagu.contracts.telemetry import METRICS_NAMESPACE
from tsunagu.errors import InvalidPropsError

if TYPE_CHECKING:
    from aws_cdk import Duration

INLINE_LIMITS = range(MESSAGE_BYTES[-1] + 1)
PAYLOAD_LIMITS = range(1_024, 100 * 1_048_576 + 1)  # the function reads it into memory
HOP_LIMITS = range(1, 1_001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(CheckedProps):
    """One step of a pipeline: services that work in parallel on the results of the previous step.

    Attributes:
        name: 1 to 32 lower-case letters, digits and hyphens.
        services: Services of the step.
        topic: Standard topic of the step. Default: a new topic.

    Raises:
        InvalidPropsError: The name has another form, there is no service, or the topic is a FIFO topic.
    """

    name: Name
    services: Sequence[Service]
    topic: TopicChannel | None = None

    def __post_init__(self) -> None:
        """Refuse settings that the runtime does not allow."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        require_distinct_services(self.services)
        _require_standard(f"topic of step {self.name}", self.topic)

    @property
    def construct_id(self) -> str:
        """Id of the step's construct: its name in PascalCase."""
        return pascal_case(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePipelineProps(CheckedProps):
    """Settings of a pipeline.

    Attributes:
        name: 1 to 32 lower-case letters, digits and hyphens: the prefix of its objects, and part of its items' keys.
        preprocessor: Function that starts and replays requests.
        steps: Steps in order. Each service of all steps has a name of its own.
        entry: Queue whose messages also start requests, each with an idempotency key of its own. Its `handler_timeout`
            must be the time-out of the preprocessor. Default: invoke the preprocessor to start a request.
        subscribers: Subscribers of the completion topic, by construct id: a queue, `https://…`, or `mailto:` and an
            address. Default: none.
        completion_topic: Standard topic to which each completed request is published. Default: a new topic.
        dead_letter_notifier: Notifies operators of dead letters. Default: a new one.
        bucket: Bucket of JSON that is too large for a message. Default: a bucket that keeps objects as long as a
            request, with a redrive at every queue, and its replay can need them.
        table: Table of the idempotency items, with `request_index`, and `run_index` for `unfinished_runs`. Default: a
            new table.
        queue_key: Customer-managed key of the queues that the pipeline creates. Default: SQS's own key (SSE-SQS).
        topic_key: Customer-managed key of the topics that the pipeline creates. Default: a new key for all of them.
        max_message_bytes: Largest message of the topics that the pipeline creates, as in `TopicChannelProps`.
            Default: 262,144.
        inline_bytes: Largest JSON value that travels in a message, 0 to 1,048,576 bytes in UTF-8. The request and the
            results of a whole step must fit one message. Default: 65,536, or less where less fits.
        largest_payload_bytes: Largest JSON value that is accepted, 1,024 bytes to 100 MiB. Default: 10 MiB.
        hop_limit: Hops after which a message is refused, so that a loop ends, 1 to 1,000. Default: 32.
        idempotency_window: How long an item is kept after its last change. Default, and least: the longest time of a
            request, with a redrive at every queue, and a day.
        metrics_namespace: CloudWatch namespace of the metrics. Default: `Tsunagu`.
        unfinished_runs: How runs that never ended are found, and when they raise an alarm; None: they are not. A given
            `table` needs `run_index` for it. Default: an alarm on each run that is older than a day.
        preprocessor_alarms: Alarms on the preprocessor, as in `ReceiverSettings`. Default: all of them.
        single_writes: Write items one by one, for accounts that do not allow PartiQL. Default: in batches.
        protect: Keep stateful resources when their stack is deleted. Default: they are kept.

    Raises:
        InvalidPropsError: A name has another form or is given twice, a number is out of range, or two settings exclude
            each other.
    """

    name: Name
    preprocessor: HandlerFunctionProps
    steps: Sequence[Step]
    entry: QueueChannel | None = None
    subscribers: Mapping[str, QueueChannel | str] = field(default_factory=dict)
    completion_topic: TopicChannel | None = None
    dead_letter_notifier: DeadLetterNotifier | None = None
    bucket: ClaimCheckBucket | None = None
    table: IdempotencyTable | None = None
    queue_key: CustomerKey | None = None
    topic_key: CustomerKey | None = None
    max_message_bytes: Annotated[int, Between(MESSAGE_BYTES, "bytes")] = SNS_MESSAGE_BYTES
    inline_bytes: Annotated[int, Between(INLINE_LIMITS, "bytes")] | None = None
    largest_payload_bytes: Annotated[int, Between(PAYLOAD_LIMITS, "bytes")] = LARGEST_PAYLOAD_BYTES
    hop_limit: Annotated[int, Between(HOP_LIMITS, "hops")] = HOP_LIMIT
    idempotency_window: IdempotencyWindow | None = None
    metrics_namespace: MetricsNamespace = METRICS_NAMESPACE
    unfinished_runs: UnfinishedRuns | None = field(default_factory=UnfinishedRuns)
    preprocessor_alarms: FunctionAlarms | None = ALL_ALARMS
    single_writes: bool = False
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that AWS or the runtime does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        self._check_steps()
        self._check_entry()
        self._check_numbers()
        _require_standard("completion_topic", self.completion_topic)

    def _check_steps(self) -> None:
        if not self.steps:
            msg = "steps must have at least one step, got none"
            raise InvalidPropsError(msg)
        construct_ids = [step.construct_id for step in self.steps]
        for step in self.steps:
            if construct_ids.count(step.construct_id) > 1:
                msg = f"steps must have different names, got {step.name} twice"
                raise InvalidPropsError(msg)
        require_distinct_services([service for step in self.steps for service in step.services])

    def _check_entry(self) -> None:
        if self.entry is None:
            return
        timeout, of_entry = self.preprocessor.timeout.to_seconds(), self.entry.props.handler_timeout.to_seconds()
        if timeout != of_entry:
            msg = (
                f"timeout of the preprocessor must be the entry's handler_timeout of {of_entry} seconds, got {timeout}"
            )
            raise InvalidPropsError(msg)

    def _check_numbers(self) -> None:
        if self.hop_limit < len(self.steps):
            msg = f"hop_limit must be at least the {len(self.steps)} steps of the pipeline, got {self.hop_limit}"
            raise InvalidPropsError(msg)
        if self.idempotency_window is not None:
            check_window(self.idempotency_window, self._least_window())

    @property
    def longest_run(self) -> "Duration":
        """Longest time from the start of a request to the last delivery of its last step."""
        return longest_run([step.services for step in self.steps])

    @property
    def window(self) -> "Duration":
        """How long an item is kept after its last change."""
        return self.idempotency_window or self._least_window()

    def _least_window(self) -> "Duration":
        return least_window(self.longest_run, self.entry.props.longest_stay if self.entry else NO_WAIT)


def _require_standard(prop: str, topic: TopicChannel | None) -> None:
    if topic is not None and topic.fifo:
        msg = f"{prop} must be a standard topic, because requests do not wait for each other, got a FIFO topic"
        raise InvalidPropsError(msg)
