"""The runner of messages: does what a message's decision says, and hands the outcome to the settlement."""

import logging
import random
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import UnavailableError, refuse_unfinished
from tsunagu.runtime.idempotency.decision import Busy, DeadLettered, Done, Foreign, Unsent
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.receiving.batch import BatchMessage, Pace
from tsunagu.runtime.receiving.completion import Completion
from tsunagu.runtime.receiving.heartbeats import Heartbeats
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.settlement import Settlement
from tsunagu.runtime.telemetry import Metrics, error_fields, in_hand

_logger = logging.getLogger(__name__)

PayloadT = TypeVar("PayloadT")

LONGEST_JITTER_SECONDS = 2.0  # so that deferred messages do not all come back in the moment a lease ends

KEY_OF_ANOTHER = (
    "the key belongs to another receiver of the table, so the message was not processed: "
    "give each its own table, or shared keys to both"
)


class Attempt:
    """How a call of the business function ended, or why there was none.

    Attributes:
        completion: Completes the message; None when the function was not called.
        error: What the function raised, or why it was not called; None when it returned.
    """

    __slots__ = ("completion", "error")

    def __init__(self, completion: Completion | None = None, error: BaseException | None = None) -> None:
        self.completion = completion
        self.error = error


class MessageRunner(Generic[PayloadT]):
    """Runs messages of one invocation, each by itself.

    Args:
        process: The business function.
        idempotency: The items of this invocation.
        settlement: Takes the outcomes.
        heartbeats: Extends leases.
        pace: Whether one more message fits into the time that is left.
        clock: The time.
        metrics: Where outcomes are counted.
        rng: Where jitter comes from.
        deadline_ms: When Lambda ends the invocation, in milliseconds since the epoch.
    """

    def __init__(
        self,
        process: Callable[[PayloadT, Message], object],
        idempotency: Idempotency,
        settlement: Settlement,
        heartbeats: Heartbeats,
        *,
        pace: Pace,
        clock: Clock,
        metrics: Metrics,
        rng: random.Random,
        deadline_ms: int,
    ) -> None:
        self._process = process
        self._idempotency = idempotency
        self._settlement = settlement
        self._heartbeats = heartbeats
        self._pace = pace
        self._clock = clock
        self._metrics = metrics
        self._rng = rng
        self._deadline_ms = deadline_ms
        self._has_started = False

    def advance(self, message: BatchMessage[PayloadT]) -> None:
        """Do what the decision about a message says."""
        decision = message.decision
        if isinstance(decision, Done):
            self._metrics.count(Metric.DUPLICATES_SKIPPED, len(message.deliveries))
            self._settlement.finish(message)
        elif isinstance(decision, Busy):
            wait_seconds = max(0.0, (decision.until_ms - self._clock.now_ms()) / 1_000)
            message.delay_seconds = wait_seconds + self._rng.uniform(0.0, LONGEST_JITTER_SECONDS)
        elif isinstance(decision, Unsent):
            self._settlement.resend(message, decision.item)
        elif isinstance(decision, DeadLettered):
            self._dead_letter_again(message, decision)
        elif isinstance(decision, Foreign):
            self._metrics.count(Metric.KEYS_MIXED_UP, len(message.deliveries))
            self._metrics.count(Metric.CONFIGURATION_FAULTS)  # a wrong deployment, which no retry mends
            with in_hand(message.log_fields):
                _logger.error(KEY_OF_ANOTHER, extra={LogKey.RECEIVER: decision.receiver})
        elif message.claim is not None:
            self._advance_claimed(message, message.claim)

    def attempt(self, message: BatchMessage[PayloadT]) -> Attempt | None:
        """Call the business function, and settle nothing: it may run in a thread beside others.

        Returns:
            How the call ended; None when there is no time for it.
        """
        if message.claim is None or not self._has_time():
            return None
        started_ms = self._clock.now_ms()
        attempt = self._attempt(message, message.claim)
        self._pace.measured(started_ms)
        return attempt

    def conclude(self, message: BatchMessage[PayloadT], claim: Claim, attempt: Attempt) -> None:
        """Hand the outcome of an attempt to the settlement."""
        completion, error = attempt.completion, attempt.error
        if error is not None and completion is not None and completion.was_committed:
            # The effect stands, so the message is done. What the function wanted after it will not happen.
            self._metrics.count(Metric.FAILURES_AFTER_COMMIT)
            with in_hand(message.log_fields):
                _logger.error("failed after the commit", extra=error_fields(error))
            self._settlement.complete(message, completion)
        elif error is not None:
            self._settlement.failed(message, claim, error)
        elif completion is not None:
            self._settlement.complete(message, completion)

    def _dead_letter_again(self, message: BatchMessage[PayloadT], decision: DeadLettered) -> None:
        """Acknowledge messages whose dead letters were notified, and dead-letter the others again."""
        item = decision.item
        message.confirm(set(message.message_ids) & set(item.told))
        not_notified = tuple(
            delivery
            for delivery in message.deliveries
            if delivery.message_id in item.message_ids and delivery.message_id not in item.told
        )
        if not_notified:
            self._settlement.dead_letter_again(message, item, not_notified)

    def _advance_claimed(self, message: BatchMessage[PayloadT], claim: Claim) -> None:
        attempts = claim.item.attempts
        if self._settlement.has_spent(attempts):
            message.claim = None
            killed = f"killed in attempt {attempts}" if claim.was_abandoned else None
            reason, shown = killed or claim.item.reason, killed or claim.item.published_reason or None
            self._settlement.dead_letter(message, claim, reason, attempts=attempts, published=shown)
        elif message.problem is not None:
            message.claim = None
            self.conclude(message, claim, Attempt(error=message.problem))
        elif self._has_time():
            message.claim = None
            self._start(message, claim)

    def _has_time(self) -> bool:
        is_first, self._has_started = not self._has_started, True
        return self._pace.allows_another(self._deadline_ms, is_first=is_first)

    def _start(self, message: BatchMessage[PayloadT], claim: Claim) -> None:
        # A message that failed before, or killed its worker, is counted before it runs. Any other costs no write here.
        started_ms = self._clock.now_ms()
        verdict = self._idempotency.start(claim) if claim.is_suspect else Verdict(Outcome.APPLIED)
        if verdict.outcome is Outcome.APPLIED:
            self.conclude(message, claim, self._attempt(message, claim))
            self._pace.measured(started_ms)
        elif verdict.outcome is Outcome.REFUSED:
            self._metrics.count(Metric.LEASES_LOST)
        else:  # the attempt may have been counted, so the release takes it back
            text = str(verdict.problem or "the start of an attempt was not recorded")
            self._settlement.failed(message, claim, UnavailableError(text, call=verdict.problem))

    def _attempt(self, message: BatchMessage[PayloadT], claim: Claim) -> Attempt:
        completion = Completion(message, claim, self._idempotency, self._heartbeats)
        payload = cast("PayloadT", message.payload)  # a message without one has a problem, and does not come here
        with in_hand(message.log_fields):
            try:
                returned = self._process(payload, Message(message.deliveries[0], completion))
                refuse_unfinished("the business function", returned)
                completion.finish()
            except (KeyboardInterrupt, SystemExit):  # they end the process, as a kill does
                raise
            except BaseException as error:  # noqa: BLE001 - the batch boundary: an error of one message affects no other
                return Attempt(completion, error)
        return Attempt(completion)
