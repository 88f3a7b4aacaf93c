"""A batch of deliveries: which records are one message, in which order they run, and what goes back to SQS."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tsunagu.runtime.clock import Clock
from tsunagu.runtime.idempotency.decisions import ClaimRequest, Decision, Unavailable
from tsunagu.runtime.idempotency.keys import BusinessKey, item_id, message_item_id, payload_hash
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.delivery import Delivery

PayloadT = TypeVar("PayloadT")

MEASURED_RECORDS = 20  # before the measured time replaces the guess
REMEMBERED_RECORDS = 100
GUESSED_SHARE = 0.25  # of the function's time-out, for one record
ANSWER_SHARE = 0.1  # of the function's time-out, for what follows the last record


@dataclass(slots=True, kw_only=True)
class BatchMessage(Generic[PayloadT]):
    """One distinct message of a batch, and how far it got.

    Attributes:
        deliveries: The records that carry it; more than one when a batch holds the key and payload twice.
        request: Its item, as it is to be claimed.
        payload: What the business function gets; None when there is a `problem`.
        problem: Why the business function cannot get it: a `PermanentError` dooms it, anything else is an attempt.
        decision: What the idempotency item said.
        claim: The item, while this invocation holds it and has not started.
        was_advanced: Its turn came; a second record of it, in another lane, changes nothing.
        confirmed: Ids of its messages that SQS may delete.
        delay_seconds: When it comes back, from now. Default: when its visibility time-out ends.
    """

    deliveries: list[Delivery]
    request: ClaimRequest
    payload: PayloadT | None = None
    problem: Exception | None = None
    decision: Decision = field(default_factory=Unavailable)
    claim: Claim | None = None
    was_advanced: bool = False
    confirmed: set[str] = field(default_factory=set)
    delay_seconds: float | None = None

    @property
    def message_ids(self) -> tuple[str, ...]:
        """Ids of the messages that carry it."""
        return tuple(delivery.message_id for delivery in self.deliveries)

    def confirm(self, message_ids: Iterable[str] | None = None) -> None:
        """Let SQS delete the messages of `message_ids`. Default: all."""
        self.confirmed.update(self.message_ids if message_ids is None else message_ids)


@dataclass(frozen=True, slots=True)
class LaneEntry(Generic[PayloadT]):
    """One record in its lane."""

    delivery: Delivery
    message: BatchMessage[PayloadT]


Lane = Sequence[LaneEntry[PayloadT]]


@dataclass(frozen=True, slots=True)
class Batch(Generic[PayloadT]):
    """The distinct messages of an event, and the lanes in which they run.

    Attributes:
        messages: Distinct messages, in the order of the event.
        lanes: Records that must run in order: those of a FIFO group; on a standard queue each record by itself.
    """

    messages: Sequence[BatchMessage[PayloadT]]
    lanes: Sequence[Lane[PayloadT]]

    def response(self) -> dict[str, list[dict[str, str]]]:
        """Return the records that SQS must deliver again: all that are not confirmed.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        """
        return {"batchItemFailures": [{"itemIdentifier": entry.delivery.message_id} for entry in self.unconfirmed()]}

    def unconfirmed(self) -> list[LaneEntry[PayloadT]]:
        """Return the records that SQS must keep, in the order of their lanes."""
        return [entry for lane in self.lanes for entry in _unconfirmed(lane)]

    def visibility(self) -> list[tuple[str, int]]:
        """Return receipt handle and delay of each record that comes back before its visibility time-out ends.

        The head of a FIFO group and its tail get the same: a tail in flight blocks its group.
        """
        delays = []
        for lane in self.lanes:
            back = _unconfirmed(lane)
            delay = back[0].message.delay_seconds if back else None
            if delay is not None:
                delays += [(entry.delivery.receipt_handle, math.ceil(delay)) for entry in back]
        return delays


class Intake(Generic[PayloadT]):
    """Makes works of deliveries.

    Args:
        scope: First part of the items' ids; one for each kind of message.
        parse: Makes a payload of a body.
        key: Gives the business key of a payload.
    """

    def __init__(
        self, scope: str, parse: Callable[[JsonObject], PayloadT], key: Callable[[PayloadT], BusinessKey]
    ) -> None:
        self._scope = scope
        self._parse = parse
        self._key = key

    def arrange(self, deliveries: Sequence[Delivery]) -> Batch[PayloadT]:
        """Read, coalesce and order `deliveries`; those that break their contract become works that are doomed."""
        messages: dict[tuple[str, str], BatchMessage[PayloadT]] = {}
        lanes: dict[str, list[LaneEntry[PayloadT]]] = {}
        for delivery in deliveries:
            message = self._work(delivery)
            known = messages.setdefault((message.request.item_id, message.request.payload_hash), message)
            if known is not message:
                known.deliveries.append(delivery)
                known.request = _request(known.request.item_id, known.request.payload_hash, known.deliveries)
            lane = f"group:{delivery.group_id}" if delivery.group_id else f"record:{delivery.message_id}"
            lanes.setdefault(lane, []).append(LaneEntry(delivery, known))
        return Batch(list(messages.values()), list(lanes.values()))

    def _work(self, delivery: Delivery) -> BatchMessage[PayloadT]:
        try:
            body = delivery.json_body()
            digest = payload_hash(body)
            payload = self._parse(body)
            identity = item_id(self._scope, self._key(payload))
        except Exception as error:  # noqa: BLE001 - the batch boundary: one message's error is no other's
            identity = message_item_id(self._scope, delivery.message_id)
            return BatchMessage(deliveries=[delivery], request=_request(identity, "", [delivery]), problem=error)
        return BatchMessage(deliveries=[delivery], request=_request(identity, digest, [delivery]), payload=payload)


class Pace:
    """How long a record takes, by measure, so that a batch stops before the invocation's deadline.

    Args:
        clock: What records are measured with.
        function_timeout_seconds: Longest time of one invocation.
    """

    def __init__(self, clock: Clock, function_timeout_seconds: float) -> None:
        self._clock = clock
        self._guess_ms = function_timeout_seconds * 1_000 * GUESSED_SHARE
        self._answer_ms = function_timeout_seconds * 1_000 * ANSWER_SHARE
        self._measured: list[int] = []

    def allows_another(self, deadline_ms: int, *, is_first: bool) -> bool:
        """Whether one more record, and the answer to SQS, fit before `deadline_ms`.

        The first of an invocation is held against the guess at most: one slow record of the past must not keep all that
        follow from ever being tried.
        """
        longest = self._guess_ms if len(self._measured) < MEASURED_RECORDS else max(self._measured)
        longest = min(longest, self._guess_ms) if is_first else longest
        return self._clock.now_ms() + longest + self._answer_ms <= deadline_ms

    def measured(self, started_ms: int) -> None:
        """Take note of a record that ran from `started_ms` until now."""
        self._measured = [*self._measured[1 - REMEMBERED_RECORDS :], self._clock.now_ms() - started_ms]


def _unconfirmed(lane: Lane[PayloadT]) -> Lane[PayloadT]:
    """Return the lane from its first unconfirmed record on: what SQS deletes of a group is a prefix."""
    confirmed = (entry.delivery.message_id in entry.message.confirmed for entry in lane)
    return lane[next((index for index, done in enumerate(confirmed) if not done), len(lane)) :]


def _request(identity: str, digest: str, deliveries: Sequence[Delivery]) -> ClaimRequest:
    return ClaimRequest(
        item_id=identity,
        payload_hash=digest,
        request_id=deliveries[0].request_id,
        message_ids=tuple(delivery.message_id for delivery in deliveries),
    )
