"""Environment variables of handlers: a construct writes them from a record, and the handler reads the same record."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, get_type_hints

_TRUE, _FALSE = "true", "false"
_NONE = "0"  # of a field that is a positive number or None


class EnvironmentContractError(ValueError):
    """An environment variable is missing, or its text is not of the declared type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentContract:
    """Base of the records that a construct writes and a handler reads.

    A subclass is a frozen dataclass of `str`, `int`, `float` and `bool` fields. The variable of a field is its name in
    upper case: `table_name` travels as `TABLE_NAME`. A field with a default may be absent. A field of type `int | None`
    holds a positive number or None, and None travels as 0.
    """

    @classmethod
    def variable_name(cls, field_name: str) -> str:
        """Return the name of the variable of one field.

        Raises:
            ValueError: The record has no such field.
        """
        if field_name not in cls.__dataclass_fields__:
            msg = f"{cls.__name__} must have the field {field_name}, got {sorted(cls.__dataclass_fields__)}"
            raise ValueError(msg)
        return field_name.upper()

    @classmethod
    def variable_names(cls) -> tuple[str, ...]:
        """Return the names of the variables of this record, in the order of its fields."""
        return tuple(field.name.upper() for field in dataclasses.fields(cls))

    def to_environment(self) -> dict[str, str]:
        """Return the variables of this record, with their texts."""
        return {field.name.upper(): _to_text(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the record from `environment`, usually `os.environ`.

        Raises:
            EnvironmentContractError: A variable is missing, or has not the type of its field; the message names it.
        """
        types = get_type_hints(cls)
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            name = field.name.upper()
            if name in environment:
                values[field.name] = _from_text(name, environment[name], types[field.name])
            elif field.default is dataclasses.MISSING:
                msg = f"{name} must be set for {cls.__name__}, got no such environment variable"
                raise EnvironmentContractError(msg)
        return cls(**values)


def _to_text(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    return _NONE if value is None else str(value)


def _from_text(name: str, text: str, kind: Any) -> str | float | bool | None:
    try:
        if kind is bool:
            return {_TRUE: True, _FALSE: False}[text]
        if kind == int | None:
            return None if text == _NONE else int(text)
        value: str | float = kind(text)
    except (KeyError, ValueError):
        expected = kind.__name__ if isinstance(kind, type) else kind
        msg = f"{name} must be of type {expected}, got text of another form"  # without the text, because Lambda logs it
        raise EnvironmentContractError(msg) from None
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverEnvironment(EnvironmentContract):
    """What every idempotent receiver needs; `IdempotentReceiver` writes it.

    Attributes:
        idempotency_table_name: Table of the idempotency items.
        idempotency_window_seconds: Seconds from the last claim or outcome of an item until it expires.
        queue_arn: The queue that the function consumes; an event from another one is refused.
        queue_url: URL of the same queue, to change the visibility of its messages.
        dead_letter_queue_url: Queue of messages that cannot be processed.
        notification_topic_arn: Topic that is notified of each dead letter.
        max_attempts: Attempts after which a message is dead-lettered.
        function_timeout_seconds: Time-out of the function.
        metrics_namespace: CloudWatch namespace of the receiver's metrics.
        single_writes: Whether items are written by single conditional writes, instead of batches of PartiQL.
        lease_seconds: Length of a lease that heartbeats extend. Default: leases are as long as the invocation.
        log_tracebacks: Whether a log line of an error has its traceback, without values.
        publish_error_text: Whether dead letters and notifications have the texts of all errors.
        shared_keys: Name under which receivers of several queues share their keys. Default: the keys are those of this
            queue alone.
    """

    idempotency_table_name: str
    idempotency_window_seconds: int
    queue_arn: str
    queue_url: str
    dead_letter_queue_url: str
    notification_topic_arn: str
    max_attempts: int
    function_timeout_seconds: int
    metrics_namespace: str
    single_writes: bool = False
    lease_seconds: int | None = None
    log_tracebacks: bool = False
    publish_error_text: bool = False
    shared_keys: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkingEnvironment(EnvironmentContract):
    """What a receiver needs that parks groups, besides `ReceiverEnvironment`. Other receivers have none of it.

    Attributes:
        parks_groups: Whether a dead message parks the later ones of its FIFO group.
    """

    parks_groups: bool = False
