"""The pulse of a run: heartbeats from a thread of the runtime, while the business function works in another one.

A lease that was not extended in time is taken for lost, whatever the reason: the thread was frozen, it ended, or
DynamoDB did not answer. So a thread that fails does no harm beyond the run that it is of.
"""

import logging
from collections.abc import Callable
from contextvars import copy_context
from threading import Event, Thread
from typing import Protocol

from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import LeaseLostError, MessageError, TaskLostError, UnavailableError, call_of
from tsunagu.runtime.telemetry import call_fields, error_fields

_logger = logging.getLogger(__name__)

BEATS_PER_LEASE = 3  # two in a row may fail
JOIN_SECONDS = 10.0  # a call of a heartbeat ends earlier, with all its retries


class Ticker(Protocol):
    """Calls something again and again."""

    def stop(self) -> None:
        """End the calls. When it returns, none is under way, unless the thread is frozen."""
        ...


StartTicker = Callable[[Callable[[], bool], float], Ticker]


class ThreadTicker:
    """Calls `tick` in a thread of its own, until it is stopped, or `tick` returns False.

    Args:
        tick: What is called. It has the log fields of the message that is in hand now.
        every_seconds: Seconds between two calls, and before the first one.
    """

    def __init__(self, tick: Callable[[], bool], every_seconds: float) -> None:
        self._tick = tick
        self._every_seconds = every_seconds
        self._stopped = Event()
        self._thread = Thread(target=copy_context().run, args=(self._run,), name="heartbeats", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the calls."""
        self._stopped.set()
        self._thread.join(JOIN_SECONDS)
        if self._thread.is_alive():
            _logger.error("heartbeat thread frozen")

    def _run(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            if not self._tick():
                return


class Pulse:
    """Extends the lease of a run while it works, and knows whether it is lost.

    Args:
        extend: Extends the lease of the message and hides it; raises `LeaseLostError`.
        report: Says that the run goes on; raises `LeaseLostError` or `TaskLostError`.
        clock: The time.
        lease_seconds: Length of the lease.
        deadline_ms: When Lambda ends the invocation, in milliseconds since the epoch.
    """

    def __init__(
        self,
        extend: Callable[[], None],
        report: Callable[[], None],
        *,
        clock: Clock,
        lease_seconds: int,
        deadline_ms: int,
    ) -> None:
        self._extend = extend
        self._report = report
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._deadline_ms = deadline_ms
        self._ends_ms = 0
        self._lost = ""

    def begin(self) -> None:
        """Beat for the first time.

        Raises:
            LeaseLostError: Another worker owns the message, or the run does not hold the lease of its job.
            TaskLostError: The execution does not wait for the run.
            UnavailableError: A service did not answer.
        """
        self._extended()
        self._report()

    def tick(self) -> bool:
        """Beat once more; return whether it makes sense to beat again. What fails is tried again by the next beat."""
        try:
            self._extended()
            self._report()
        except UnavailableError as error:
            _logger.warning("heartbeat failed", extra={**error_fields(error), **call_fields(call_of(error))})
        except (LeaseLostError, TaskLostError) as error:
            self._lose(error)
            return False
        return True

    def raise_if_lost(self) -> None:
        """Return if the run may go on.

        Raises:
            LeaseLostError: It may not: the lease is lost, or was not extended in time, or the execution has ended.
        """
        if not self._lost and self._clock.now_ms() >= self._ends_ms:
            self._lost = "the lease was not extended in time, so it is taken for lost"
            _logger.error("lease not extended in time")
        if self._lost:
            raise LeaseLostError(self._lost)

    def _extended(self) -> None:
        # The grace of the lease is left out, and the time is that before the call: this worker is the first to think
        # that its lease is over.
        ends_ms = min(self._deadline_ms, self._clock.now_ms() + self._lease_seconds * 1_000)
        self._extend()
        self._ends_ms = ends_ms

    def _lose(self, error: MessageError) -> None:
        self._lost = str(error)
        _logger.warning("lease lost", extra=error_fields(error))
