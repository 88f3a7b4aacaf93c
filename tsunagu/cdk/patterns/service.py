"""A service of a connector or a pipeline: settings of its queue and its function."""

from dataclasses import dataclass, fields
from typing import Annotated, Any

from aws_cdk import Duration

from tsunagu.cdk.constructs.queue_channel import DEAD_LETTER_RETENTION, QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.ranges import FunctionTimeout
from tsunagu.cdk.patterns.receiver_settings import ReceiverSettings
from tsunagu.cdk.props import require_known, shown
from tsunagu.contracts.claims import ClaimKeyError, check_name
from tsunagu.errors import InvalidPropsError

HANDLER_TIMEOUT = Duration.seconds(30)


class PartOfKeys:
    """The rule of the names of pipelines, steps and services, which are part of the keys of objects and items."""

    def check(self, name: str, value: str) -> None:
        """Refuse a name that a key cannot have.

        Raises:
            InvalidPropsError: It is one.
        """
        require_known(name, value)
        try:
            check_name(name, value)
        except ClaimKeyError as error:
            msg = f"{error.expectation}, got {shown(value)}"
            raise InvalidPropsError(msg) from None


Name = Annotated[str, PartOfKeys()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(ReceiverSettings):
    """Settings of a service: those of `ReceiverSettings`, its name and its queue.

    Attributes:
        name: 1 to 32 lower-case letters, digits and hyphens. It is part of the service's items and results, so that a
            new name is a new service.
        handler_timeout: Longest time of one invocation, 1 to 900 seconds. Leave it out with `channel`, which has its
            own. Default: 30 seconds.
        channel: Queue of the service, for other settings than the default ones. Default: a new standard queue with the
            defaults of `QueueChannelProps`.

    Raises:
        InvalidPropsError: The name has another form, a number is out of range, or two settings exclude each other.
    """

    name: Name
    handler_timeout: FunctionTimeout = HANDLER_TIMEOUT
    channel: QueueChannel | None = None

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        ReceiverSettings.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        self.refuse_parking(f"for {self.name}, because the requests of a pipeline do not wait for each other")
        if self.channel is not None and self.handler_timeout is not HANDLER_TIMEOUT:
            msg = f"handler_timeout of {self.name} must be left out with channel, which has its own, got both"
            raise InvalidPropsError(msg)

    @property
    def construct_id(self) -> str:
        """Id of the service's construct: its name in PascalCase."""
        return pascal_case(self.name)

    @property
    def longest_way(self) -> Duration:
        """Longest time from publish to last delivery, with a redrive of SNS's and of SQS's dead letters."""
        channel = self.channel.props if self.channel else QueueChannelProps(handler_timeout=self.handler_timeout)
        return Duration.seconds(DEAD_LETTER_RETENTION.to_seconds() + channel.longest_stay.to_seconds())

    def receiver_settings(self) -> dict[str, Any]:
        """Return the settings of the receiver, by the name of its prop."""
        return {field.name: getattr(self, field.name) for field in fields(ReceiverSettings)}


def pascal_case(name: str) -> str:
    """Return a name of a step or service as construct id: `quality-check` becomes `QualityCheck`."""
    return "".join(word.capitalize() for word in name.split("-"))
