"""The relay: sends the outboxes of COMMITTED items, and completes an item when all its messages were sent."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import accumulate, pairwise
from typing import Protocol

from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import Metric
from tsunagu.runtime.errors import FailedCall, bounded_reason, error_type
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.retry import together_or_alone
from tsunagu.runtime.sending.outbox import SEND_ROUNDS, Channel, OutboxMessage, check_message
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.runtime.telemetry import Metrics, error_fields

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AddressedMessage:
    """A message of an outbox with its deduplication id.

    Attributes:
        outbox_message: The message.
        deduplication_id: The same id each time the message is sent.
        item: The item whose outbox it is in.
        origin: Body of the message that the item belongs to; empty where there was none.
    """

    outbox_message: OutboxMessage
    deduplication_id: str
    item: Item = field(compare=False)
    origin: str = field(default="", compare=False)


class OutboxSender(Protocol):
    """Sends the messages of outboxes."""

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        """Send `messages`. Return the results in the same order; no failure is raised."""
        ...


def addressed_messages(item: Item) -> list[AddressedMessage]:
    """Return the messages of an item's outbox, each with the deduplication id that it always has.

    The id is a hash of the item's key and payload, and the message's number. FIFO queues and topics use it to skip
    copies for five minutes.
    """
    kept_messages = json.loads(item.outbox or "[]")
    messages = [
        OutboxMessage(**{"body": item.result, **kept, "channel": Channel(kept["channel"])}) for kept in kept_messages
    ]
    return [
        AddressedMessage(message, hashlib.sha256(f"{item.id}/{item.payload_hash}/{number}".encode()).hexdigest(), item)
        for number, message in enumerate(messages)
    ]


class Relayed(Enum):
    """What became of the messages of an item."""

    SENT = auto()
    LATER = auto()  # not all were sent; all are sent again after a back-off
    UNKNOWN = auto()  # the outcome could not be stored
    NEVER = auto()  # they cannot be sent, or the rounds are spent


@dataclass(frozen=True, slots=True)
class RelayResult:
    """What became of the messages of one item.

    Attributes:
        item: The item; `send_rounds` are the rounds that failed, `reason` is the last error.
        outcome: What became of its messages.
        call: The call that failed, a configuration fault first; None where none failed, or it is not known.
        was_counted: Whether the round counts as one that failed. It does not if only permissions or keys are missing.
    """

    item: Item
    outcome: Relayed
    call: FailedCall | None = None
    was_counted: bool = True


class Relay:
    """Sends outboxes, and stores what became of them.

    Args:
        sender: Sends messages.
        idempotency: The items of this invocation.
        metrics: Where sends are counted.
    """

    def __init__(self, sender: OutboxSender, idempotency: Idempotency, metrics: Metrics) -> None:
        self._sender = sender
        self._idempotency = idempotency
        self._metrics = metrics

    def relay(self, unsent: Sequence[tuple[Item, str]]) -> list[RelayResult]:
        """Send all messages of items, and write what became of them.

        Args:
            unsent: Items that are COMMITTED, each with the body of the message that it belongs to.

        Returns:
            What became of them, in the order of `unsent`.
        """
        outboxes = [_outbox(item, origin) for item, origin in unsent]
        readable = [outbox for outbox in outboxes if not isinstance(outbox, SendResult)]
        answers = iter(together_or_alone(self._send, readable, _not_sent))
        results = []
        for (item, _), outbox in zip(unsent, outboxes, strict=True):
            sends = [outbox] if isinstance(outbox, SendResult) else next(answers)
            self._metrics.count(Metric.MESSAGES_SENT, sum(send.message_id is not None for send in sends))
            results.append(_judged(item, [send for send in sends if send.error is not None]))
        return self._written(results)

    def _send(self, outboxes: Sequence[Sequence[AddressedMessage]]) -> list[list[SendResult]]:
        """Send all messages of several outboxes by one call, and return the results of each."""
        results = self._sender.send([message for outbox in outboxes for message in outbox])
        ends = [*accumulate(map(len, outboxes), initial=0)]
        if len(results) != ends[-1]:
            msg = f"{ends[-1]} messages must have as many results, got {len(results)}"
            raise ValueError(msg)
        return [results[start:end] for start, end in pairwise(ends)]

    def _written(self, results: list[RelayResult]) -> list[RelayResult]:
        changes = [(index, change) for index, result in enumerate(results) if (change := self._change(result))]
        verdicts = self._idempotency.settle([change for _, change in changes])
        for (index, _), verdict in zip(changes, verdicts, strict=True):
            if not _stands(results[index], verdict):
                if verdict.outcome is not Outcome.REFUSED:
                    self._metrics.count_failed_call(verdict.problem)
                results[index] = replace(results[index], outcome=Relayed.UNKNOWN)
        return results

    def _change(self, result: RelayResult) -> Change | None:
        if result.outcome is Relayed.SENT:
            return self._idempotency.sent(result.item)
        return self._idempotency.send_failed(result.item) if result.outcome is Relayed.LATER else None


def _outbox(item: Item, origin: str) -> list[AddressedMessage] | SendResult:
    """Return the messages of an item; or a failed send, if another release wrote an outbox that cannot be read."""
    try:
        messages = addressed_messages(item)
        for message in messages:
            check_message(message.outbox_message)
        return [replace(message, origin=origin) for message in messages]
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        return SendResult(None, f"the outbox of the item cannot be read: {type(error).__name__}", is_permanent=True)


def _not_sent(error: Exception) -> list[SendResult]:
    _logger.error("outbox not sent", extra=error_fields(error))
    return [SendResult(None, f"the outbox cannot be sent: {error_type(error)}")]


def _judged(item: Item, failures: Sequence[SendResult]) -> RelayResult:
    """Return what becomes of the messages of an item after failed sends.

    As long as one of the failed sends may still succeed, all messages are sent again.
    """
    if not failures:
        return RelayResult(item, Relayed.SENT)
    may_succeed = [failure for failure in failures if not failure.is_permanent]
    calls = [failure.call for failure in failures if failure.call is not None]
    call = next((each for each in calls if each.is_configuration_fault), calls[0] if calls else None)
    if may_succeed and all(_is_denied(failure.call) for failure in may_succeed):
        # A missing permission is no fault of the message: its target may exist, and take it once it is repaired.
        reason = bounded_reason(str(may_succeed[0].call))
        return RelayResult(replace(item, reason=reason), Relayed.LATER, call, was_counted=False)
    failure = (may_succeed or failures)[0]
    error, rounds = str(failure.error), item.send_rounds + 1
    if may_succeed and rounds < SEND_ROUNDS:
        return RelayResult(replace(item, attempts=rounds, reason=bounded_reason(error)), Relayed.LATER, call)
    refused = f"done, but its messages were refused {rounds} times, the last with "
    shown = bounded_reason(refused + (failure.call.code if failure.call is not None else error))
    reason = bounded_reason(refused + error)
    return RelayResult(replace(item, attempts=rounds, reason=reason, published_reason=shown), Relayed.NEVER, call)


def _is_denied(call: FailedCall | None) -> bool:
    return call is not None and call.is_configuration_fault and not call.is_missing


def _stands(result: RelayResult, verdict: Verdict) -> bool:
    """Return whether the item is as the result says: by this write, or because another worker sent its messages."""
    if verdict.outcome is Outcome.APPLIED:
        return True
    found = verdict.found
    return result.outcome is Relayed.SENT and found is not None and found.status is Status.COMPLETED
