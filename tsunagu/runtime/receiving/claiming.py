"""Claiming: asks the table, for all messages of a batch at once, what is to be done with each."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import PermanentError, RetryableError
from tsunagu.runtime.idempotency.decision import Busy, Done, Held, Mismatch, Unavailable, Unreadable
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.keys import mismatch_item_id, unreadable_item_id
from tsunagu.runtime.receiving.batch import BatchMessage
from tsunagu.runtime.telemetry import Metrics, call_fields, in_hand

if TYPE_CHECKING:
    from tsunagu.runtime.receiving.parking import Parking

_logger = logging.getLogger(__name__)

Messages = Sequence[BatchMessage[Any]]


class Claiming:
    """Claims the items of a batch's messages.

    Args:
        idempotency: The items of this invocation.
        clock: The time.
        metrics: Counts calls that failed.
        parking: Parks messages behind a dead one. Default: none is parked.
    """

    def __init__(
        self, idempotency: Idempotency, clock: Clock, metrics: Metrics, parking: "Parking | None" = None
    ) -> None:
        self._idempotency = idempotency
        self._clock = clock
        self._metrics = metrics
        self._parking = parking

    def claim_all(self, messages: Messages) -> None:
        """Give each message its decision, and those that may run their claim.

        Two payloads under one key in a batch: only the first is claimed, the second is deferred. What is right for it
        depends on the outcome of the first.

        Parked groups are read beside the first call. Only where a message brings a place, they are read before it.
        """
        if self._parking is None:
            self._claim_all(messages)
            return
        self._parking.begin(messages)
        unsettled = []
        for message in messages:
            if self._parking.is_settled(message):
                message.decision = Done()
            else:
                unsettled.append(message)
        self._claim_all(unsettled)
        self._leave_unread(messages, self._parking)

    def _leave_unread(self, messages: Messages, parking: "Parking") -> None:
        """Defer the messages of groups that could not be read: whether they may run is not known."""
        for message in messages:
            verdict = parking.unread(message)
            if verdict is not None:
                message.was_advanced, message.is_deferred = True, True
                self._metrics.count_failed_call(verdict.problem)
                with in_hand(message.log_fields):
                    _logger.error("group not read", extra=call_fields(verdict.problem))

    def _claim_all(self, messages: Messages) -> None:
        first_of_key = {message.claim_request.item_id: message for message in reversed(messages)}
        for message in messages:
            message.decision = Busy(self._clock.now_ms())
        self._claim(list(first_of_key.values())[::-1])
        mismatched = [message for message in messages if isinstance(message.decision, Mismatch)]
        for message in mismatched:
            message.problem = PermanentError(
                "the key is taken by another payload: the first one stands, this one is refused"
            )
            request = message.claim_request
            own_id = mismatch_item_id(request.item_id, request.payload_hash)
            message.claim_request = request._replace(item_id=own_id)
        self._claim(mismatched)
        self._claim_beside([message for message in messages if isinstance(message.decision, Unreadable)])

    def _claim_beside(self, messages: Messages) -> None:
        """Claim another item for each message whose own item cannot be read.

        It counts the attempts. So the message comes back until the item can be read again, or is dead-lettered with the
        reason. Nothing is known of its effect, and nothing is written to its own item.
        """
        for message in messages:
            problem = message.decision.problem if isinstance(message.decision, Unreadable) else ""
            with in_hand(message.log_fields):
                _logger.error("item not readable")
            if message.problem is None:
                message.problem = RetryableError(f"the idempotency item cannot be read: {problem}")
            request = message.claim_request
            beside_id = unreadable_item_id(request.item_id, request.payload_hash)
            message.claim_request = request._replace(item_id=beside_id)
        self._claim(messages)

    def _claim(self, messages: Messages) -> None:
        decisions = self._idempotency.claim([message.claim_request for message in messages])
        for message, decision in zip(messages, decisions, strict=True):
            message.decision = decision
            message.claim = decision.claim if isinstance(decision, Held) else None
            if isinstance(decision, Unavailable):
                message.is_deferred = True
                self._metrics.count_failed_call(decision.problem)
