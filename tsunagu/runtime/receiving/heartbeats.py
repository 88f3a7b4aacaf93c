"""Heartbeats: they extend the leases of long work, hide its messages for as long, and tell Step Functions."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.receiving.batch import BatchMessage
from tsunagu.runtime.telemetry import Metrics, call_fields, error_fields

_logger = logging.getLogger(__name__)


class Visibility(Protocol):
    """Changes how long received messages stay hidden."""

    def change(self, delays: Sequence[tuple[str, int]]) -> FailedCall | None:
        """Hide messages from now on.

        Args:
            delays: Receipt handle and seconds of each message.

        Returns:
            A call that failed for some of them; None when all were changed.
        """
        ...


class Tasks(Protocol):
    """Step Functions tasks that wait for messages."""

    def heartbeat(self, token: str) -> None:
        """Send a heartbeat for a task.

        Raises:
            TaskLostError: The task does not wait any more, or never did.
            UnavailableError: Step Functions did not take the heartbeat.
        """
        ...


class Heartbeats:
    """Extends leases, hides messages until their leases end, and sends heartbeats for tasks.

    Args:
        idempotency: The items of this invocation.
        visibility: Hides messages.
        tasks: Takes heartbeats.
        clock: The time.
        metrics: Counts configuration faults.
    """

    def __init__(
        self, idempotency: Idempotency, visibility: Visibility, tasks: Tasks, clock: Clock, metrics: Metrics
    ) -> None:
        self._idempotency = idempotency
        self._visibility = visibility
        self._tasks = tasks
        self._clock = clock
        self._metrics = metrics

    def begin(self, messages: Sequence[BatchMessage[Any]]) -> None:
        """Hide messages that were just claimed until their leases end, where leases are shorter than the invocation."""
        if self._idempotency.lease.is_extended:
            self._hide(messages, self._idempotency.lease.end_ms())

    def beat(self, message: BatchMessage[Any], claim: Claim, task_token: str | None) -> None:
        """Extend the lease of a message, and hide it for as long; then send a heartbeat for its task.

        Args:
            message: The message.
            claim: The item that this worker holds.
            task_token: Token of the task that waits for the message; None where no task waits.

        Raises:
            LeaseLostError: Another worker owns the message; the task got no heartbeat.
            TaskLostError: The task does not wait any more.
            UnavailableError: The lease was not extended, or Step Functions did not answer.
        """
        if self._idempotency.lease.is_extended:
            self._hide([message], self._idempotency.extend(claim))
        if task_token is not None:
            self._tasks.heartbeat(task_token)

    def _hide(self, messages: Sequence[BatchMessage[Any]], until_ms: int) -> None:
        """Hide messages until their lease ends. A kill then costs a lease, and not a whole visibility time-out."""
        seconds = max(1, round((until_ms - self._clock.now_ms()) / 1_000))
        delays = [(delivery.receipt_handle, seconds) for message in messages for delivery in message.deliveries]
        change_visibility(self._visibility, delays, self._metrics)


def change_visibility(visibility: Visibility, delays: Sequence[tuple[str, int]], metrics: Metrics) -> None:
    """Hide messages, if there are any; log what SQS refused, and count it if it is a configuration fault.

    A record without a receipt handle is not hidden.
    """
    hidden = [(handle, seconds) for handle, seconds in delays if handle]
    try:
        call = visibility.change(hidden) if hidden else None
    except Exception as error:  # noqa: BLE001 - messages come back later than asked for, and nothing else is lost
        _logger.warning("visibility not changed", extra=error_fields(error))
        return
    if call is not None:
        metrics.count_fault(call)
        _logger.warning("visibility not changed", extra=call_fields(call))
