"""The key spaces of an idempotency table: who has which keys, as far as an app can see it.

By default the keys of a receiver are its own. Two users of a table can have the same keys in three cases only:
receivers that share keys, pipelines of one name, and gateways of accepted requests of one name.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from aws_cdk import Stack

from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.props import Text, is_known
from tsunagu.contracts.items import KEY_SPACE_NAME

if TYPE_CHECKING:
    from aws_cdk import Duration
    from aws_cdk import aws_dynamodb as dynamodb
    from constructs import Construct

    from tsunagu.cdk.constructs.function_code import Package

KeySpaceName = Annotated[str, Text(KEY_SPACE_NAME, "1 to 64 letters, digits, hyphens and underscores")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverKeys:
    """The keys of one receiver.

    Attributes:
        receiver: The receiver.
        package: Its handler package.
        shared_keys: Name under which it shares its keys with other receivers. None: they are its own.
        window: How long it keeps an item.
        least_window: How long its items must be kept.
    """

    receiver: "Construct"
    package: "Package"
    shared_keys: str | None
    window: "Duration"
    least_window: "Duration"


@dataclass(slots=True)
class KeySpaces:
    """The users of one table.

    Attributes:
        pipelines: Pipelines by name.
        request_gateways: Gateways of accepted requests by name.
        receivers: Keys of the receivers.
        jobs: Scheduled jobs by name.
    """

    pipelines: "dict[str, Construct]" = field(default_factory=dict)
    request_gateways: "dict[str, Construct]" = field(default_factory=dict)
    receivers: list[ReceiverKeys] = field(default_factory=list)
    jobs: "dict[str, Construct]" = field(default_factory=dict)

    def add_pipeline(self, name: str, pipeline: "Construct") -> None:
        """Add a pipeline.

        Raises:
            InvalidPropsError: Another pipeline of the table has the same name.
        """
        other = self.pipelines.setdefault(name, pipeline)
        if other is not pipeline:
            msg = (
                f"name must be another one than that of {other.node.path}, because two pipelines with one name and one "
                f"table have the same keys, got {name}"
            )
            raise props_error(pipeline, msg)

    def add_job(self, name: str, schedule: "Construct") -> None:
        """Add a scheduled job.

        Raises:
            InvalidPropsError: Another job of the table has the same name.
        """
        other = self.jobs.setdefault(name, schedule)
        if other is not schedule:
            msg = (
                f"job must be another name than that of {other.node.path}, because two jobs with one name and one "
                f"table have the same lease, got {name}"
            )
            raise props_error(schedule, msg)

    def add_request_gateway(self, name: str, gateway: "Construct") -> None:
        """Add a gateway of accepted requests.

        Raises:
            InvalidPropsError: Another gateway of the table has the same name.
        """
        other = self.request_gateways.setdefault(name, gateway)
        if other is not gateway:
            msg = (
                f"name must be another one than that of {other.node.path}, because requests of one name and one table "
                f"are those of one gateway, got {name}"
            )
            raise props_error(gateway, msg)

    def add_receiver(self, keys: ReceiverKeys) -> None:
        """Add a receiver.

        Raises:
            InvalidPropsError: Of two receivers of one handler package only one shares keys; or of two that share keys,
                one forgets a key before the other can have received its last copy.
        """
        for other in self.receivers:
            _check_both_say_so(keys, other)
            if keys.shared_keys is not None and keys.shared_keys == other.shared_keys:
                _check_windows(keys, other)
        self.receivers.append(keys)


def table_identity(table: "dynamodb.ITable") -> tuple[str, ...]:
    """Return what two references to one table have in common, as far as an app can see it.

    A table that the app creates is known by its path. One that was imported is known by its name, its account and its
    region; where account and region are not known at synth, by its name in one stack.
    """
    name = table.table_name
    if not is_known(name):
        return (table.node.path,)
    place = (table.env.account, table.env.region)
    return (*(place if all(map(is_known, place)) else (Stack.of(table).node.path,)), name)


def _check_both_say_so(keys: ReceiverKeys, other: ReceiverKeys) -> None:
    silent, sharing = (keys, other) if keys.shared_keys is None else (other, keys)
    if silent.shared_keys is None and sharing.shared_keys is not None and silent.package == sharing.package:
        msg = (
            f"shared_keys must be given to every receiver of a handler package and a table, or to none, "
            f"got {sharing.shared_keys} for {sharing.receiver.node.path} and none for {silent.receiver.node.path}"
        )
        raise props_error(keys.receiver, msg)


def _check_windows(keys: ReceiverKeys, other: ReceiverKeys) -> None:
    for one, needed in ((keys, other), (other, keys)):
        window, least = one.window.to_seconds(), needed.least_window.to_seconds()
        if window < least:
            msg = (
                f"idempotency_window of {one.receiver.node.path} must be at least the {least:,} seconds that a message "
                f"can take to {needed.receiver.node.path}, with which it shares keys, got {window:,}"
            )
            raise props_error(keys.receiver, msg)
