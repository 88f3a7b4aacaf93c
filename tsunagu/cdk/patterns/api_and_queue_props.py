"""Settings of a function that answers HTTP and consumes a queue."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from aws_cdk import Duration
from aws_cdk import aws_iam as iam

from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.handler_function import (
    MEMORY_MIB,
    RESERVED_CONCURRENCY,
    HandlerFunctionProps,
    HandlerSettings,
)
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.key_spaces import KeySpaceName
from tsunagu.cdk.constructs.network import Network
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.constructs.ranges import FunctionTimeout, IdempotencyWindow, MetricsNamespace
from tsunagu.cdk.constructs.topic_channel import TopicChannel
from tsunagu.cdk.constructs.web_api_settings import WebApiSettings
from tsunagu.cdk.patterns.receiver_settings import ReceiverSettings
from tsunagu.cdk.props import Between, CheckedProps, is_known
from tsunagu.contracts.environment import EnvironmentContract
from tsunagu.contracts.telemetry import METRICS_NAMESPACE
from tsunagu.errors import InvalidPropsError

FunctionMode = Literal["shared", "split"]

TIMEOUT = Duration.seconds(20)
API_CONCURRENCY = 10
USE_SPLIT = 'use mode="split"'


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFunctionSettings(CheckedProps):
    """Settings of the function that answers HTTP, where the queue has another function.

    What is not here, such as the handler package and the platform, is that of the queue's function.

    Attributes:
        timeout: Longest time of one request, at most 30 seconds behind an HTTP API, and 29 behind a REST API.
            Default: 20 seconds.
        memory_mib: Memory in MiB. Default: that of the queue's function.
        reserved_concurrency: Concurrency that is reserved for the function, and its limit. Default: none is reserved.
        environment: Environment records that the handler reads. Default: those of the queue's function.
        network: VPC, subnets and security groups. Default: those of the queue's function.
        role: Role of the function, as in `HandlerSettings`. Default: a new one.
        snap_start: Whether its sandboxes start from a snapshot, as in `HandlerSettings`. Default: as those of the
            queue's function do.

    Raises:
        InvalidPropsError: A number is out of range.
    """

    timeout: FunctionTimeout = TIMEOUT
    memory_mib: Annotated[int, Between(MEMORY_MIB, "MiB", deployed=True)] | None = None
    reserved_concurrency: Annotated[int, Between(RESERVED_CONCURRENCY, deployed=True)] | None = None
    environment: Sequence[EnvironmentContract] | None = None
    network: Network | None = None
    role: iam.IRole | None = None
    snap_start: bool | None = None

    def function_props(self, queue: ReceiverSettings, environment: EnvironmentContract) -> HandlerFunctionProps:
        """Return the props of the function.

        Args:
            queue: Settings of the queue's function.
            environment: Environment record of the pattern.
        """
        inherited = {each.name: getattr(queue, each.name) for each in fields(HandlerSettings)}
        own: dict[str, Any] = {
            "timeout": self.timeout,
            "reserved_concurrency": self.reserved_concurrency,
            "role": self.role,
            "environment": (environment, *(queue.environment if self.environment is None else self.environment)),
        }
        if self.memory_mib is not None:
            own["memory_mib"] = self.memory_mib
        if self.network is not None:
            own["network"] = self.network
        if self.snap_start is not None:
            own["snap_start"] = self.snap_start
        return HandlerFunctionProps(**{**inherited, **own})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAndQueueFunctionProps(CheckedProps):
    """Settings of a function that answers HTTP and consumes a queue.

    Attributes:
        function: Settings of the function. In the mode `split` they are those of the queue's function. Its handler is
            that of a `MessageRouter`.
        mode: `shared`: one function for both. `split`: two functions of one asset, each with a role, a time-out, memory
            and concurrency of its own. Default: `shared`.
        api_function: Settings of the API's function in the mode `split`. Default: those of the queue's function, with
            a time-out of 20 seconds.
        api: Settings of the API. Default: a new HTTP API with IAM authorization.
        channel: Channel of the queue. Its `handler_timeout` is the time-out of the function. Default: a new standard
            queue.
        timeout: Longest time of one invocation for a new channel. In the mode `shared` it holds for a request, too: at
            most 30 seconds behind an HTTP API, and 29 behind a REST API. Default: 20 seconds.
        api_concurrency: In the mode `shared`, how many invocations at the same time the queue must leave to the API:
            `reserved_concurrency` less `max_concurrency` must be that much. Default: 10.
        sends_to_queue: Whether the application may send to its own queue by the outbox. The variable `QUEUE_URL` has
            its URL. Default: it may not.
        outbox_targets: Other queues and topics that the application may send to by the outbox, in routes and consumers.
            The sweeper may, too. Default: none; `add_outbox_target` adds some later.
        sweeper: Whether a sweeper sends the messages of requests with an `Idempotency-Key` that their function
            committed and could not send. Without it, they wait until the caller repeats the request. Default: it does.
        table: Table of the idempotency items of messages and requests; for the sweeper, with `requests=True`.
            Default: a new one.
        dead_letter_notifier: Notifies operators. Default: a new one.
        idempotency_window: How long an item is kept after its last change: of a message, and of a request with
            an `Idempotency-Key`. Default, and least: as long as a message can be on its way, and a day.
        metrics_namespace: CloudWatch namespace of the metrics. Default: `Tsunagu`.
        single_writes: Write items one by one, for accounts that do not allow PartiQL. Default: in batches.
        shared_keys: Name under which the queue shares its keys with receivers of other queues. Default: the keys belong
            to this queue alone.
        protect: Keep what holds data when the stack is deleted; the setting of `function` does not count. Default: it
            is kept.
        sweeper_role: Role of the sweeper's function, as in `HandlerSettings`. Default: a new one.
        sweeper_schedule_role: Role of the sweeper's schedule, as in `RequestSweeperProps`. Default: a new one.

    Raises:
        InvalidPropsError: A value is out of range, or two settings exclude each other.
    """

    function: ReceiverSettings
    mode: FunctionMode = "shared"
    api_function: ApiFunctionSettings | None = None
    api: WebApiSettings = field(default_factory=WebApiSettings)
    channel: QueueChannel | None = None
    timeout: FunctionTimeout = TIMEOUT
    api_concurrency: Annotated[int, Between(RESERVED_CONCURRENCY)] = API_CONCURRENCY
    sends_to_queue: bool = False
    outbox_targets: Sequence[QueueChannel | TopicChannel] = ()
    sweeper: bool = True
    table: IdempotencyTable | None = None
    dead_letter_notifier: DeadLetterNotifier | None = None
    idempotency_window: IdempotencyWindow | None = None
    metrics_namespace: MetricsNamespace = METRICS_NAMESPACE
    single_writes: bool = False
    shared_keys: KeySpaceName | None = None
    protect: bool = True
    sweeper_role: iam.IRole | None = None
    sweeper_schedule_role: iam.IRole | None = None

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if self.sweeper and self.table is not None and not self.table.props.requests:
            msg = "table must have requests=True for the sweeper, got False: set it, or sweeper=False"
            raise InvalidPropsError(msg)
        self._check_channel()
        if self.is_shared:
            self._check_shared()
        else:
            self._check_answer("timeout of api_function", self.api_settings.timeout, "shorten it")

    def _check_channel(self) -> None:
        if self.channel is not None and self.timeout is not TIMEOUT:
            msg = "timeout must be left out with channel, whose handler_timeout it is, got both"
            raise InvalidPropsError(msg)

    def _check_shared(self) -> None:
        if self.api_function is not None:
            msg = f"api_function must be left out in the mode shared, which has one function, got settings: {USE_SPLIT}"
            raise InvalidPropsError(msg)
        name = "timeout" if self.channel is None else "handler_timeout of channel"
        self._check_answer(f"{name} in the mode shared", self.handler_timeout, f"shorten it or {USE_SPLIT}")
        self._check_concurrency()

    def _check_answer(self, name: str, timeout: Duration, remedy: str) -> None:
        """Refuse a time-out that is longer than API Gateway waits for a function."""
        limit, seconds = self.api.answer_seconds, timeout.to_seconds()
        if seconds > limit:
            kind = "a REST API" if self.api.is_rest else "an HTTP API"
            msg = f"{name} must be at most the {limit} seconds that {kind} waits, got {seconds:,}: {remedy}"
            raise InvalidPropsError(msg)

    def _check_concurrency(self) -> None:
        """Refuse a shared function whose queue can take the concurrency that its API needs."""
        queue, reserved = self.function.max_concurrency, self.function.reserved_concurrency
        reason = "because a burst of messages must leave concurrency to the API"
        if self.function.pollers is not None:
            msg = f"pollers of function must be left out in the mode shared, {reason}, got some: {USE_SPLIT}"
            raise InvalidPropsError(msg)
        if queue is None:
            msg = f"max_concurrency of function must be given in the mode shared, {reason}, got None"
            raise InvalidPropsError(msg)
        if reserved is not None and is_known(reserved) and reserved < queue + self.api_concurrency:
            msg = (
                f"reserved_concurrency of function must be at least {queue + self.api_concurrency:,}, which are "
                f"{queue:,} of max_concurrency and {self.api_concurrency:,} of api_concurrency, {reason}, "
                f"got {reserved:,}"
            )
            raise InvalidPropsError(msg)

    @property
    def is_shared(self) -> bool:
        """Whether one function answers HTTP and consumes the queue."""
        return self.mode == "shared"

    @property
    def api_settings(self) -> ApiFunctionSettings:
        """Settings of the API's function in the mode `split`."""
        return self.api_function or ApiFunctionSettings()

    @property
    def handler_timeout(self) -> Duration:
        """Longest time of one invocation by the queue."""
        return self.timeout if self.channel is None else self.channel.props.handler_timeout

    @property
    def price_of_sharing(self) -> str:
        """What a shared function costs, in a sentence for whoever reads the output of the synthesis."""
        queue, reserved = self.function.max_concurrency, self.function.reserved_concurrency
        if reserved is None:
            room = (
                f"{queue} of what the account has, and other functions can take what the API needs: set "
                "reserved_concurrency to prevent it"
            )
        elif is_known(reserved):
            room = f"{queue} of {reserved} reserved, which leaves {reserved - (queue or 0)} to the API"
        else:
            room = f"{queue} of what is reserved"
        return (
            f"mode shared: API and queue have one role, {self.function.memory_mib} MiB and a time-out of "
            f"{self.handler_timeout.to_seconds()} seconds, and a message starts the application, too. At the same time "
            f"the queue takes at most {room}. The mode split gives each a function of its own."
        )
