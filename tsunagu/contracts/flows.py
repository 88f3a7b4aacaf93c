"""Metadata of CloudFormation resources: which part of a flow a resource is, and by which name operators find it.

Constructs write it into the template, operations read it from the deployed stack. It has no references: what belongs
together is found in AWS itself (event source mappings, redrive policies, environments of functions, subscriptions).

    {"Tsunagu": {"version": 1, "parts": [{"kind": "receiver", "name": "Orders", "protected": true}]}}
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

METADATA_KEY = "Tsunagu"
VERSION = 1
LIVE_ALIAS = "live"  # of a function that starts from snapshots: everything invokes it by this alias

_SEPARATOR = "/"
# What an operator does not type: `Fifo` is the receiver `FifoReceiver` and the channel `FifoChannel`.
_SUFFIXES = ("Channel", "Receiver")
_STEPS = "Steps"  # scope of the steps inside a `ServicePipeline`


class Kind(StrEnum):
    """What a resource is. The comment says which resource has it."""

    CHANNEL = "channel"  # the queue of a `QueueChannel`
    DEAD_LETTERS = "dead_letters"  # any dead-letter queue; of a channel, with the channel's name
    RECEIVER = "receiver"  # the function of an `IdempotentReceiver`
    PIPELINE = "pipeline"  # the preprocessor's function of a `ServicePipeline`
    SERVICE = "service"  # the function of a service of a pipeline, besides `receiver`: `orders/billing`
    JOB = "job"  # the state machine of a `SingleFlightSchedule` that a tick starts
    REQUESTS = "requests"  # the worker's function of an `AsyncRequestApi`
    WEB_AND_QUEUE = "web_and_queue"  # the function of an `ApiAndQueueFunction` that answers HTTP
    SWEEPER = "sweeper"  # the function of a `RequestSweeper`
    TOPIC = "topic"  # the topic of a `TopicChannel`
    SUBSCRIPTION = "subscription"  # a `TopicSubscription`
    DEAD_LETTER_NOTIFIER = "dead_letter_notifier"  # the topic of a `DeadLetterNotifier`
    IDEMPOTENCY_TABLE = "idempotency_table"  # the table of an `IdempotencyTable`
    CLAIM_CHECK_BUCKET = "claim_check_bucket"  # the bucket of a `ClaimCheckBucket`
    RESULT_BUCKET = "result_bucket"  # the bucket of a `ResultBucket`


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a resource is in a flow. One resource can be several parts: the function of a pipeline's service is two.

    Attributes:
        kind: A `Kind`; another text was written by a later release.
        name: Name by which operators find it: that of a prop (pipeline, job, request API), else `path`.
        path: `short_name` of its construct, for two of a stack with one name. Default: the name.
        protected: Whether the prop `protect` keeps it when its stack is deleted. Then commands that change something
            ask for `--force`.
    """

    kind: str
    name: str
    path: str = ""
    protected: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the part as it is in the metadata."""
        path = {"path": self.path} if self.path and self.path != self.name else {}
        return {"kind": str(self.kind), "name": self.name, **path, "protected": self.protected}


def write_parts(parts: Iterable[Part]) -> dict[str, Any]:
    """Return the value of `METADATA_KEY` for a resource."""
    return {"version": VERSION, "parts": [part.to_json() for part in parts]}


def read_parts(metadata: object) -> Sequence[Part]:
    """Return the parts in the metadata of a resource; none where it has none, or where they have another form.

    Args:
        metadata: `Metadata` of a resource in a template.
    """
    found = metadata.get(METADATA_KEY) if isinstance(metadata, Mapping) else None
    parts = found.get("parts") if isinstance(found, Mapping) else None
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        return ()
    return tuple(part for each in parts if (part := _part(each)) is not None)


def short_name(path: str) -> str:
    """Return the name of a channel or receiver: its construct path without what says only that it is one.

    `FifoChannel` and `FifoReceiver` are `Fifo`; `Orders/Steps/Reserve/Billing/Channel` is `Orders/Billing`.

    Args:
        path: Construct path inside the stack, with slashes.
    """
    scopes = _without_steps(path.split(_SEPARATOR))
    named = [_stem(scope) for scope in scopes if scope not in _SUFFIXES]
    return _SEPARATOR.join(named or scopes)


def letters_of(name: str) -> str:
    """Return a name without what people type in different ways: `order-events` is `OrderEvents`."""
    return "".join(character for character in name.lower() if character.isalnum())


def _without_steps(scopes: Sequence[str]) -> Sequence[str]:
    """Leave out `Steps/<step>` of a pipeline, because its services have different names."""
    for place, scope in enumerate(scopes):
        if scope == _STEPS and 0 < place < len(scopes) - 2:
            return [*scopes[:place], *scopes[place + 2 :]]
    return scopes


def _stem(scope: str) -> str:
    for suffix in _SUFFIXES:
        scope = scope.removesuffix(suffix)
    return scope


def _part(found: object) -> Part | None:
    if not isinstance(found, Mapping):
        return None
    kind, name = found.get("kind"), found.get("name")
    if not isinstance(kind, str) or not isinstance(name, str):
        return None
    path = found.get("path")
    return Part(
        kind=kind, name=name, path=path if isinstance(path, str) else name, protected=found.get("protected") is True
    )
