"""Claiming: asks the table, for all messages of a batch at once, what is to be done with each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tsunagu.contracts.telemetry import Metric
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.idempotency.decisions import Busy, Held, Idempotency, Mismatch, Unavailable
from tsunagu.runtime.idempotency.keys import mismatch_item_id
from tsunagu.runtime.receiving.batch import BatchMessage
from tsunagu.runtime.telemetry import Metrics

Messages = Sequence[BatchMessage[Any]]


class Claiming:
    """Claims the items of a batch's messages.

    Args:
        idempotency: The items of this invocation.
        clock: The time.
        metrics: Counts calls that failed.
    """

    def __init__(self, idempotency: Idempotency, clock: Clock, metrics: Metrics) -> None:
        self._idempotency = idempotency
        self._clock = clock
        self._metrics = metrics

    def claim_all(self, messages: Messages) -> None:
        """Give each message its decision, and those that may run their claim.

        Two payloads under one key in a batch: only the first is claimed, the second is deferred. What is right for it
        depends on the outcome of the first.
        """
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
            message.claim_request = replace(request, item_id=own_id)
        self._claim(mismatched)

    def _claim(self, messages: Messages) -> None:
        decisions = self._idempotency.claim([message.claim_request for message in messages])
        for message, decision in zip(messages, decisions, strict=True):
            message.decision = decision
            message.claim = decision.claim if isinstance(decision, Held) else None
            if isinstance(decision, Unavailable):
                self._metrics.count(Metric.CALLS_FAILED)
