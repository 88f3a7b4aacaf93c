"""The relay of the outbox: sends the messages of COMMITTED items, and completes the items once all were sent."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Protocol

from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import Metric
from tsunagu.runtime.errors import bounded_reason
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.sending.outbox import SEND_ROUNDS, Channel, OutboxMessage
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.runtime.telemetry import Metrics


@dataclass(frozen=True, slots=True)
class AddressedMessage:
    """A message of an outbox, ready to be sent.

    Attributes:
        outbox_message: The message.
        deduplication_id: The id that it has each time it is sent.
        item: The item whose outbox it is in.
        origin: Body of the message that the item is of; empty where there was none.
    """

    outbox_message: OutboxMessage
    deduplication_id: str
    item: Item = field(compare=False)
    origin: str = field(default="", compare=False)


class OutboxSender(Protocol):
    """Sends messages on."""

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        """Send `messages`; the results are in their order, and no failure is raised."""
        ...


def addressed_messages(item: Item) -> list[AddressedMessage]:
    """Return the messages of an item's outbox, each with the id that it has each time it is sent.

    The id is a hash of key and payload: SQS tells copies by it for five minutes, and another payload has another one.
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
    """What became of an item's messages."""

    SENT = auto()
    LATER = auto()  # counted, to be sent again after a back-off
    UNKNOWN = auto()  # the table did not take what became of them
    NEVER = auto()


@dataclass(frozen=True, slots=True)
class RelayResult:
    """What became of one item's messages.

    Attributes:
        item: The item; its `attempts` are the rounds that failed, its `reason` the last error.
        outcome: What became of its messages.
    """

    item: Item
    outcome: Relayed


class Relay:
    """Sends outboxes.

    Args:
        sender: Sends messages on.
        idempotency: The items of the invocation.
        metrics: Where sends are counted.
    """

    def __init__(self, sender: OutboxSender, idempotency: Idempotency, metrics: Metrics) -> None:
        self._sender = sender
        self._idempotency = idempotency
        self._metrics = metrics

    def relay(self, unsent: Sequence[tuple[Item, str]]) -> list[RelayResult]:
        """Send all messages of items, each with the body of the message that it is of; write what became of them."""
        outboxes = [_outbox(item, origin) for item, origin in unsent]
        readable = [outbox for outbox in outboxes if not isinstance(outbox, SendResult)]
        answers = iter(self._sender.send([message for outbox in readable for message in outbox]))
        results = []
        for (item, _), outbox in zip(unsent, outboxes, strict=True):
            sends = [outbox] if isinstance(outbox, SendResult) else [next(answers) for _ in outbox]
            self._metrics.count(Metric.MESSAGES_SENT, sum(send.message_id is not None for send in sends))
            results.append(_judged(item, [send for send in sends if send.error is not None]))
        return self._written(results)

    def _written(self, results: list[RelayResult]) -> list[RelayResult]:
        changes = [(index, change) for index, result in enumerate(results) if (change := self._change(result))]
        verdicts = self._idempotency.settle([change for _, change in changes])
        for (index, _), verdict in zip(changes, verdicts, strict=True):
            if not _stands(results[index], verdict):
                if verdict.outcome is not Outcome.REFUSED:
                    self._metrics.count(Metric.CALLS_FAILED)
                results[index] = RelayResult(results[index].item, Relayed.UNKNOWN)
        return results

    def _change(self, result: RelayResult) -> Change | None:
        if result.outcome is Relayed.SENT:
            return self._idempotency.sent(result.item)
        return self._idempotency.send_failed(result.item) if result.outcome is Relayed.LATER else None


def _outbox(item: Item, origin: str) -> list[AddressedMessage] | SendResult:
    """Return the messages of an item; or what sending them comes to, if another release wrote what cannot be read."""
    try:
        return [replace(message, origin=origin) for message in addressed_messages(item)]
    except (TypeError, ValueError, KeyError) as error:
        return SendResult(None, f"the outbox of the record cannot be read: {type(error).__name__}", is_permanent=True)


def _judged(item: Item, failures: Sequence[SendResult]) -> RelayResult:
    """Say what failed sends mean: as long as one may still succeed, all are sent again."""
    if not failures:
        return RelayResult(item, Relayed.SENT)
    may_succeed = [failure for failure in failures if not failure.is_permanent]
    error = str((may_succeed or failures)[0].error)
    rounds = item.attempts + 1
    if may_succeed and rounds < SEND_ROUNDS:
        return RelayResult(replace(item, attempts=rounds, reason=bounded_reason(error)), Relayed.LATER)
    told = f"done, but what it sends on was refused {rounds} times, the last with {error}"
    return RelayResult(replace(item, attempts=rounds, reason=bounded_reason(told)), Relayed.NEVER)


def _stands(result: RelayResult, verdict: Verdict) -> bool:
    if verdict.outcome is Outcome.APPLIED:
        return True
    found = verdict.found
    return result.outcome is Relayed.SENT and found is not None and found.status is Status.COMPLETED
