"""A batch: groups records by business key, orders them by message group, and says what goes back to SQS."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import refuse_unfinished
from tsunagu.runtime.idempotency.decision import ClaimRequest, Decision, Unavailable
from tsunagu.runtime.idempotency.keys import BusinessKey, item_id, message_item_id, payload_hash
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.retry import deferral_seconds

PayloadT = TypeVar("PayloadT")

MEASURED_RECORDS = 20  # before the measured time takes the place of the guess
REMEMBERED_RECORDS = 100
GUESSED_SHARE = 0.25  # of the function's time-out, for one record
ANSWER_SHARE = 0.1  # of the function's time-out, for the settlement and the answer to SQS


@dataclass(slots=True, kw_only=True)
class BatchMessage(Generic[PayloadT]):
    """One message of a batch, and how far it got.

    Attributes:
        deliveries: The records that carry it; more than one when the batch holds the same key and payload twice.
        claim_request: What the claim of its item needs.
        payload: Argument of the business function; None when there is a `problem`.
        problem: Why the business function cannot be called. A `PermanentError` dead-letters the message; any other
            error counts as an attempt.
        decision: What is to be done with it, as its item says.
        claim: The item, while this invocation holds it and the business function has not been called.
        was_advanced: Whether its turn came. Then a second record of it, in another lane, does nothing.
        confirmed: SQS message ids that SQS may delete.
        delay_seconds: Seconds from now until SQS delivers it again. Default: when its visibility time-out ends.
        is_deferred: Whether it comes back because a service could not be used.
    """

    deliveries: list[Delivery]
    claim_request: ClaimRequest
    payload: PayloadT | None = None
    problem: BaseException | None = None
    decision: Decision = field(default_factory=Unavailable)
    claim: Claim | None = None
    was_advanced: bool = False
    confirmed: set[str] = field(default_factory=set)
    delay_seconds: float | None = None
    is_deferred: bool = False

    @property
    def message_ids(self) -> tuple[str, ...]:
        """SQS message ids of its records."""
        return tuple(delivery.message_id for delivery in self.deliveries)

    @property
    def log_fields(self) -> dict[str, str]:
        """Identifiers of its first record and of its item, by log key."""
        return self.deliveries[0].log_fields(self.claim_request.item_id)

    def confirm(self, message_ids: Iterable[str] | None = None) -> None:
        """Let SQS delete the records of `message_ids`. Default: all records of the message."""
        self.confirmed.update(self.message_ids if message_ids is None else message_ids)


class LaneEntry(NamedTuple, Generic[PayloadT]):
    """A record in its lane, and the message that it carries."""

    delivery: Delivery
    message: BatchMessage[PayloadT]


Lane = Sequence[LaneEntry[PayloadT]]


class Batch(NamedTuple, Generic[PayloadT]):
    """The messages of an event, and the lanes in which they run.

    Attributes:
        messages: Messages, each once, in the order of the event.
        lanes: Records that run one after another: those of a FIFO group; on a standard queue, each record by itself.
    """

    messages: Sequence[BatchMessage[PayloadT]]
    lanes: Sequence[Lane[PayloadT]]

    def response(self) -> dict[str, list[dict[str, str]]]:
        """Return the partial batch response: the records that SQS must deliver again.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        """
        return {"batchItemFailures": [{"itemIdentifier": entry.delivery.message_id} for entry in self.unconfirmed()]}

    def unconfirmed(self) -> list[LaneEntry[PayloadT]]:
        """Return the records that SQS must not delete, in the order of their lanes."""
        return [entry for lane in self.lanes for entry in _unconfirmed(lane)]

    def defer(self, function_timeout_seconds: float) -> None:
        """Give each deferred message without a delay of its own the one that `deferral_seconds` returns."""
        for message in self.messages:
            if message.is_deferred and message.delay_seconds is None:
                deliveries = max(delivery.receive_count for delivery in message.deliveries)
                message.delay_seconds = deferral_seconds(deliveries, function_timeout_seconds)

    def visibility(self) -> list[tuple[str, int]]:
        """Return receipt handle and delay, in seconds, of each record that comes back before its time-out ends.

        All records of a FIFO group get the delay of the first one, because a record in flight blocks its group.
        """
        delays = []
        for lane in self.lanes:
            back = _unconfirmed(lane)
            delay = back[0].message.delay_seconds if back else None
            if delay is not None:
                delays += [(entry.delivery.receipt_handle, math.ceil(delay)) for entry in back]
        return delays


class Intake(Generic[PayloadT]):
    """Reads deliveries, and arranges them as a batch.

    Args:
        scope: First part of the items' ids; another one for each kind of message.
        parse: Returns the payload of a body.
        key: Returns the business key of a payload.
    """

    def __init__(
        self, scope: str, parse: Callable[[JsonObject], PayloadT], key: Callable[[PayloadT], BusinessKey]
    ) -> None:
        self._scope = scope
        self._parse = parse
        self._key = key

    def arrange(self, deliveries: Sequence[Delivery]) -> Batch[PayloadT]:
        """Read `deliveries`, group them by key and payload, and order them in lanes.

        A delivery that cannot be read becomes a message with a `problem`.
        """
        return arranged(deliveries, self._message)

    def _message(self, delivery: Delivery) -> BatchMessage[PayloadT]:
        try:
            body = delivery.json_body()
            digest = payload_hash(body)
            payload = self._parse(body)
            refuse_unfinished("the parser", payload)
            key = self._key(payload)
            refuse_unfinished("the key function", key)
            identity = item_id(self._scope, key)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the batch boundary: an error of one message affects no other
            return nameless(self._scope, delivery, error)
        return BatchMessage(
            deliveries=[delivery], claim_request=_claim_request(identity, digest, delivery), payload=payload
        )


def nameless(scope: str, delivery: Delivery, problem: BaseException) -> BatchMessage[Any]:
    """Return the message of a delivery that has no business key, because it cannot be read: it has an item of its own.

    Args:
        scope: First part of the items' ids.
        delivery: The delivery.
        problem: Why it cannot be read.
    """
    identity = message_item_id(scope, delivery.message_id)
    return BatchMessage(deliveries=[delivery], claim_request=_claim_request(identity, "", delivery), problem=problem)


def arranged(deliveries: Sequence[Delivery], read: Callable[[Delivery], BatchMessage[PayloadT]]) -> Batch[PayloadT]:
    """Read each delivery by `read`, group them by key and payload, and order them in lanes."""
    messages: dict[tuple[str, str], BatchMessage[PayloadT]] = {}
    lanes: dict[str, list[LaneEntry[PayloadT]]] = {}
    for delivery in deliveries:
        message = read(delivery)
        known = messages.setdefault((message.claim_request.item_id, message.claim_request.payload_hash), message)
        if known is not message:
            known.deliveries.append(delivery)
            known.claim_request = known.claim_request._replace(
                message_ids=known.message_ids,
                reopens=known.claim_request.reopens or message.claim_request.reopens,
            )
        group = delivery.ordered_group_id
        lane = f"group:{group}" if group else f"record:{delivery.message_id}"
        lanes.setdefault(lane, []).append(LaneEntry(delivery, known))
    return Batch(list(messages.values()), list(lanes.values()))


class Pace:
    """Estimates, from measured times, whether one more message fits before the deadline of the invocation.

    Args:
        clock: The time.
        function_timeout_seconds: Time-out of the function.
    """

    def __init__(self, clock: Clock, function_timeout_seconds: float) -> None:
        self._clock = clock
        self._guess_ms = function_timeout_seconds * 1_000 * GUESSED_SHARE
        self._answer_ms = function_timeout_seconds * 1_000 * ANSWER_SHARE
        self._measured: deque[int] = deque(maxlen=REMEMBERED_RECORDS)

    def allows_another(self, deadline_ms: int, *, is_first: bool) -> bool:
        """Return whether one more message, and the answer to SQS, fit before `deadline_ms`.

        The first message of an invocation needs no more time than the guess, however long others took. Otherwise, one
        slow message in the past could keep all later ones from being tried.

        Args:
            deadline_ms: When Lambda ends the invocation, in milliseconds since the epoch.
            is_first: Whether it is the first message of the invocation.
        """
        longest = self._guess_ms if len(self._measured) < MEASURED_RECORDS else max(self._measured)
        longest = min(longest, self._guess_ms) if is_first else longest
        return self._clock.now_ms() + longest + self._answer_ms <= deadline_ms

    def measured(self, started_ms: int) -> None:
        """Remember the time of a message that ran from `started_ms`, in milliseconds since the epoch, until now."""
        self._measured.append(self._clock.now_ms() - started_ms)


def _unconfirmed(lane: Lane[PayloadT]) -> Lane[PayloadT]:
    """Return the lane from its first unconfirmed record on, because SQS may delete only the head of a group."""
    confirmed = (entry.delivery.message_id in entry.message.confirmed for entry in lane)
    return lane[next((index for index, done in enumerate(confirmed) if not done), len(lane)) :]


def _claim_request(identity: str, digest: str, delivery: Delivery) -> ClaimRequest:
    return ClaimRequest(
        item_id=identity,
        payload_hash=digest,
        request_id=delivery.request_id,
        message_ids=(delivery.message_id,),
    )
