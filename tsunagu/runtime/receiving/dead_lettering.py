"""Dead-lettering: sends the dead letters of an invocation, marks them as notified, and confirms their messages."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Outcome
from tsunagu.runtime.receiving.batch import BatchMessage
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.telemetry import Metrics, call_fields, in_hand

if TYPE_CHECKING:
    from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel

_logger = logging.getLogger(__name__)

AnyMessage = BatchMessage[Any]


class DeadLettering:
    """Dead-letters the messages of one invocation whose items say that they are dead.

    Args:
        idempotency: The items of this invocation.
        channel: Sends dead letters.
        metrics: Where outcomes are counted.
    """

    def __init__(self, idempotency: Idempotency, channel: "DeadLetterChannel", metrics: Metrics) -> None:
        self._idempotency = idempotency
        self._channel = channel
        self._metrics = metrics
        self._waiting: list[tuple[AnyMessage, Item, tuple[Delivery, ...]]] = []

    def add(self, message: AnyMessage, item: Item, deliveries: tuple[Delivery, ...]) -> None:
        """Queue the dead letters of a message until `send`.

        Args:
            message: The message.
            item: Its item: DEAD; or COMMITTED, when its messages cannot be sent.
            deliveries: Its records that SNS was not notified of yet.
        """
        self._waiting.append((message, item, deliveries))

    def send(self) -> None:
        """Send and notify what is queued, and confirm what the table took."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        from tsunagu.runtime.receiving.dead_letters import DeadLetters  # noqa: PLC0415 - most messages do not die

        sent = self._channel.send([DeadLetters(item, deliveries) for _, item, deliveries in waiting], self._metrics)
        marked = []
        for message, item, deliveries in waiting:
            message.is_deferred = True  # unless it is confirmed
            ids = [delivery.message_id for delivery in deliveries if delivery.message_id in sent]
            if ids:
                mark = self._idempotency.notified if item.status is Status.DEAD else self._idempotency.given_up
                marked.append((message, item, ids, mark(item, ids)))
        verdicts = self._idempotency.settle([change for _, _, _, change in marked])
        for (message, item, ids, _), verdict in zip(marked, verdicts, strict=True):
            if verdict.outcome is Outcome.APPLIED:
                self._confirm(message, item, ids)
            else:
                if verdict.outcome is not Outcome.REFUSED:
                    self._metrics.count_failed_call(verdict.problem)
                log_outcome(message, "dead letter not marked", verdict.problem)

    def _confirm(self, message: AnyMessage, item: Item, message_ids: list[str]) -> None:
        message.confirm(message_ids)
        if item.behind:
            self._metrics.count(Metric.MESSAGES_PARKED, len(message_ids))
            group_id = str(message.deliveries[0].group_id)
            log_outcome(message, "message parked", fields={LogKey.GROUP_ID: group_id, LogKey.HEAD: item.behind})
        else:
            self._metrics.count(Metric.MESSAGES_DEAD_LETTERED, len(message_ids))
            log_outcome(message, "message dead-lettered")


def log_outcome(
    message: AnyMessage, event: str, call: FailedCall | None = None, fields: Mapping[str, str] | None = None
) -> None:
    """Log what became of a message, with its identifiers.

    Args:
        message: The message.
        event: What became of it: a constant phrase.
        call: The call that failed. Default: none did.
        fields: More fields, by log key. Default: none.
    """
    with in_hand(message.log_fields):
        told: dict[str, object] = {LogKey.RECORD_COUNT: len(message.deliveries), **call_fields(call), **(fields or {})}
        _logger.warning(event, extra=told)
