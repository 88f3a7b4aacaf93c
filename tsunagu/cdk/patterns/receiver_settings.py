"""Settings of functions that consume a queue."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aws_cdk import Duration

from tsunagu.cdk.constructs.function_alarms import ALL_ALARMS, FunctionAlarms
from tsunagu.cdk.constructs.handler_function import HandlerSettings
from tsunagu.cdk.props import Between, CheckedProps, is_known
from tsunagu.errors import InvalidPropsError

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
BATCH_SIZES = range(1, 10_001)
MAX_CONCURRENCY = range(2, 1_001)
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
MINIMUM_POLLERS = range(2, 201)
MAXIMUM_POLLERS = range(2, 2_001)
MAX_ATTEMPTS = range(1, 101)

MaxAttempts = Annotated[int, Between(MAX_ATTEMPTS)]
OnDeath = Literal["continue_group", "park_group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedPollers(CheckedProps):
    """Pollers that are reserved for one queue, so that it need not wait for scaling. AWS charges each by the hour.

    Attributes:
        minimum: Least number of pollers, which always run, 2 to 200.
        maximum: Largest number of pollers, 2 to 2,000.

    Raises:
        InvalidPropsError: A number is out of range, or the minimum is above the maximum.
    """

    minimum: Annotated[int, Between(MINIMUM_POLLERS, "pollers")]
    maximum: Annotated[int, Between(MAXIMUM_POLLERS, "pollers")]

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if self.minimum > self.maximum:
            msg = f"minimum must be at most the maximum of {self.maximum:,} pollers, got {self.minimum:,}"
            raise InvalidPropsError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings(HandlerSettings):
    """Settings of every function that consumes a queue: those of `HandlerSettings`, and how it receives messages.

    Attributes:
        batch_size: Most messages of one invocation: 1 to 10, or more on a standard channel with a batching window, as
            far as the receives of the channel allow: at most `max_receive_count` divided by `max_attempts` and one,
            which is 166 for 1,000 receives and 5 attempts. Default: 10.
        max_concurrency: Most invocations at the same time, 2 to 1,000. Default: Lambda's own limits.
        pollers: Provisioned pollers, instead of `max_concurrency`. Default: Lambda scales its pollers.
        max_attempts: Attempts after which a message is dead-lettered, 1 to 100. Default: 5.
        lease: Length of a lease that the handler extends by heartbeats, 5 seconds or more. Use it for long work: after
            a crash the next attempt waits for the end of the lease only. It needs a `batch_size` of 1. Default: a lease
            lasts as long as the invocation can.
        on_death: What a dead message does to the later ones of its FIFO group. `continue_group`: they are processed.
            `park_group`: they are parked behind it in the dead-letter queue, in order, until an operator puts the group
            back or discards the dead one. Default: `continue_group`.
        log_tracebacks: Whether a log line of an error has its traceback: file, line and function of each frame, without
            values. Default: it has the type of the error, and the innermost place in the handler's own package.

        publish_error_text: Whether dead letters and notifications have the texts of all errors, which may quote the
            message. Default: they have the texts of `MessageError` and its subclasses, and the types of others; the
            item has every text.
        alarms: Alarms on the function, and when they are raised; None leaves them out. Default: on errors, throttles,
            failed calls and lost leases.

    Raises:
        InvalidPropsError: A number is out of range, or two settings exclude each other.
    """

    batch_size: Annotated[int, Between(BATCH_SIZES, "messages")] = 10
    max_concurrency: Annotated[int, Between(MAX_CONCURRENCY, deployed=True)] | None = None
    pollers: ProvisionedPollers | None = None
    max_attempts: MaxAttempts = 5
    lease: Duration | None = None
    on_death: OnDeath = "continue_group"
    log_tracebacks: bool = False
    publish_error_text: bool = False
    alarms: FunctionAlarms | None = ALL_ALARMS

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        HandlerSettings.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        self._check_concurrency()
        if self.lease is not None and self.batch_size != 1:
            msg = f"batch_size must be 1 with a lease, because heartbeats extend one message, got {self.batch_size:,}"
            raise InvalidPropsError(msg)

    @property
    def parks_groups(self) -> bool:
        """Whether a dead message parks the later ones of its FIFO group."""
        return self.on_death == "park_group"

    def refuse_parking(self, because: str) -> None:
        """Refuse `park_group` where there is no order to keep.

        Args:
            because: The reason, as the second part of a sentence.

        Raises:
            InvalidPropsError: `on_death` is `park_group`.
        """
        if self.parks_groups:
            msg = f"on_death must be continue_group {because}, got park_group"
            raise InvalidPropsError(msg)

    def _check_concurrency(self) -> None:
        if self.max_concurrency is not None and self.pollers is not None:
            msg = "max_concurrency must be left out with pollers, because Lambda accepts one of the two, got both"
            raise InvalidPropsError(msg)
        # Lambda's pollers start with several batches at once. A throttled batch returns, and uses up receives.
        least = self.max_concurrency or MAX_CONCURRENCY[0]
        reserved = self.reserved_concurrency
        if reserved is not None and is_known(reserved) and is_known(least) and reserved < least:
            msg = (
                f"reserved_concurrency must be at least {least:,}, because a throttled mapping uses up receives of its "
                f"messages, got {reserved:,}"
            )
            raise InvalidPropsError(msg)
