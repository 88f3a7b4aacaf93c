"""One run over one batch: claim, run lane by lane, settle, give back."""

import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar, cast

from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import LeaseLostError, PermanentError, RetryableError, UnavailableError
from tsunagu.runtime.idempotency.decisions import (
    Busy,
    DeadLettered,
    Done,
    Held,
    Idempotency,
    Mismatch,
    Unavailable,
    Unsent,
)
from tsunagu.runtime.idempotency.keys import mismatch_item_id
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.store import Outcome
from tsunagu.runtime.receiving.batch import Batch, BatchMessage, Lane, Pace
from tsunagu.runtime.receiving.dead_letters import DeadLetters
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.settlement import Settlement
from tsunagu.runtime.telemetry import Metrics, error_fields, in_hand

_logger = logging.getLogger(__name__)

PayloadT = TypeVar("PayloadT")

LONGEST_JITTER_SECONDS = 2.0  # so that deferred messages do not all come back in the moment a lease ends


class Visibility(Protocol):
    """Changes how long received messages stay hidden."""

    def change(self, delays: Sequence[tuple[str, int]]) -> str | None:
        """Hide messages for the given seconds from now; returns why some were not changed."""
        ...


class Tasks(Protocol):
    """Step Functions tasks that wait for messages."""

    def heartbeat(self, token: str) -> None:
        """Say that the work on a task goes on.

        Raises:
            TaskLostError: The task does not wait any more, or never did.
            UnavailableError: Step Functions did not take the heartbeat.
        """
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a call of the business function ended, or why there was none."""

    message: Message | None = None
    error: Exception | None = None


class Invocation(Generic[PayloadT]):
    """One run over one batch.

    Args:
        process: The business function.
        idempotency: The items of this invocation's messages.
        settlement: Where outcomes go.
        pace: Whether one more record fits into the time that is left.
        clock: The time.
        metrics: Where outcomes are counted.
        rng: Where jitter comes from.
        visibility: Changes how long messages stay hidden.
        tasks: Hears of heartbeats.
        deadline_ms: When Lambda ends the invocation, in milliseconds since the epoch.
        concurrency: Records of a standard queue that run at the same time.
    """

    def __init__(
        self,
        process: Callable[[PayloadT, Message], None],
        idempotency: Idempotency,
        settlement: Settlement,
        *,
        pace: Pace,
        clock: Clock,
        metrics: Metrics,
        visibility: Visibility,
        tasks: Tasks,
        rng: random.Random,
        deadline_ms: int,
        concurrency: int = 1,
    ) -> None:
        self._process = process
        self._idempotency = idempotency
        self._settlement = settlement
        self._pace = pace
        self._clock = clock
        self._metrics = metrics
        self._rng = rng
        self._deadline_ms = deadline_ms
        self._visibility = visibility
        self._tasks = tasks
        self._concurrency = concurrency
        self._has_started = False

    def run(self, batch: Batch[PayloadT]) -> None:
        """Claim all, run what is new, suspects last and alone, and give back what was claimed and not started."""
        self._claim_all(batch.messages)
        if self._idempotency.lease.is_extended:
            self._hide(
                [message for message in batch.messages if message.claim is not None], self._idempotency.lease.end_ms()
            )
        if self._concurrency > 1:
            self._run_together([lane for lane in batch.lanes if len(lane) == 1 and lane[0].delivery.group_id is None])
        rests = [rest for lane in batch.lanes if (rest := self._run_lane(lane, with_suspects=False))]
        for rest in rests:
            self._settlement.flush()
            self._run_lane(rest, with_suspects=True)
        for message in batch.messages:
            if message.claim is not None:
                self._settlement.release(message, message.claim)
        self._settlement.flush()

    def _claim_all(self, messages: Sequence[BatchMessage[PayloadT]]) -> None:
        # Another payload under a key of the same batch waits: the first one has to be settled before it is judged.
        first_of_key = {message.request.item_id: message for message in reversed(messages)}
        for message in messages:
            message.decision = Busy(self._clock.now_ms())
        self._claim(list(first_of_key.values())[::-1])
        mismatched = [message for message in messages if isinstance(message.decision, Mismatch)]
        for message in mismatched:
            message.problem = PermanentError(
                "the key is taken by another payload: the first one stands, this one is refused"
            )
            record_id = mismatch_item_id(message.request.item_id, message.request.payload_hash)
            message.request = replace(message.request, item_id=record_id)
        self._claim(mismatched)

    def _claim(self, messages: Sequence[BatchMessage[PayloadT]]) -> None:
        decisions = self._idempotency.claim([message.request for message in messages])
        for message, decision in zip(messages, decisions, strict=True):
            message.decision = decision
            message.claim = decision.claim if isinstance(decision, Held) else None
            if isinstance(decision, Unavailable):
                self._metrics.count(Metric.CALLS_FAILED)

    def _run_lane(self, lane: Lane[PayloadT], *, with_suspects: bool) -> Lane[PayloadT]:
        """Run a lane in order until a record is not confirmed; return the rest if a suspect heads it."""
        for index, entry in enumerate(lane):
            message = entry.message
            if message.claim is not None and message.claim.is_suspect and not with_suspects:
                return lane[index:]
            if not message.was_advanced:
                message.was_advanced = True
                self._advance(message)
            is_last = index == len(lane) - 1
            if is_last:
                break  # nothing waits for its confirmation, so it shares the next call
            self._settlement.flush()
            if entry.delivery.message_id not in message.confirmed:
                break
        return ()

    def _advance(self, message: BatchMessage[PayloadT]) -> None:
        decision = message.decision
        if isinstance(decision, Done):
            self._metrics.count(Metric.DUPLICATES_SKIPPED, len(message.deliveries))
            message.confirm()
        elif isinstance(decision, Busy):
            wait_seconds = max(0.0, (decision.until_ms - self._clock.now_ms()) / 1_000)
            message.delay_seconds = wait_seconds + self._rng.uniform(0.0, LONGEST_JITTER_SECONDS)
        elif isinstance(decision, Unsent):
            self._settlement.resend(message, decision.item)
        elif isinstance(decision, DeadLettered):
            self._dead_letter_again(message, decision)
        elif message.claim is not None:
            self._advance_claimed(message, message.claim)

    def _dead_letter_again(self, message: BatchMessage[PayloadT], decision: DeadLettered) -> None:
        """Acknowledge what was told; an id that died but was not told is sent and told now."""
        item = decision.item
        message.confirm(set(message.message_ids) & set(item.told))
        not_notified = tuple(
            delivery
            for delivery in message.deliveries
            if delivery.message_id in item.message_ids and delivery.message_id not in item.told
        )
        if not_notified:
            self._settlement.dead_letter_again(message, DeadLetters(item, not_notified))

    def _advance_claimed(self, message: BatchMessage[PayloadT], claim: Claim) -> None:
        attempts = claim.item.attempts
        if self._settlement.has_spent(attempts):
            message.claim = None
            reason = f"killed in attempt {attempts}" if claim.was_abandoned else claim.item.reason
            self._settlement.dead_letter(message, claim, reason, attempts=attempts)
        elif message.problem is not None:
            message.claim = None
            self._conclude(message, claim, Attempt(error=message.problem))
        elif self._has_time():
            message.claim = None
            self._start(message, claim)

    def _has_time(self) -> bool:
        is_first, self._has_started = not self._has_started, True
        return self._pace.allows_another(self._deadline_ms, is_first=is_first)

    def _start(self, message: BatchMessage[PayloadT], claim: Claim) -> None:
        # On the quiet path nothing is written: only who was killed before, or failed, is counted before it runs.
        started_ms = self._clock.now_ms()
        outcome = self._idempotency.start(claim) if claim.is_suspect else Outcome.APPLIED
        if outcome is Outcome.APPLIED:
            self._conclude(message, claim, self._attempt(message, claim))
            self._pace.measured(started_ms)
        elif outcome is Outcome.REFUSED:
            self._metrics.count(Metric.LEASES_LOST)
        else:  # it may have been written all the same: the release takes the attempt back
            self._metrics.count(Metric.CALLS_FAILED)
            self._settlement.release(message, claim)

    def _run_together(self, lanes: Sequence[Lane[PayloadT]]) -> None:
        """Run single records at the same time, in threads; what becomes of them is settled in this one."""

        def attempt(message: BatchMessage[PayloadT]) -> Attempt | None:
            if message.claim is None or not self._has_time():
                return None
            started_ms = self._clock.now_ms()
            attempted = self._attempt(message, message.claim)
            self._pace.measured(started_ms)
            return attempted

        messages = [message for (entry,) in lanes if self._is_ready(message := entry.message)]
        with ThreadPoolExecutor(self._concurrency) as threads:
            for message, attempted in zip(messages, threads.map(attempt, messages), strict=True):
                if attempted is not None and message.claim is not None:
                    claim, message.claim = message.claim, None
                    self._conclude(message, claim, attempted)

    def _is_ready(self, message: BatchMessage[PayloadT]) -> bool:
        """Whether a work may start beside others; its second record, in another lane, may not start it again."""
        is_ready = not message.was_advanced and message.problem is None
        is_ready = is_ready and message.claim is not None and not message.claim.is_suspect
        message.was_advanced = message.was_advanced or is_ready
        return is_ready

    def _attempt(self, message: BatchMessage[PayloadT], claim: Claim) -> Attempt:
        """Call the business function; nothing is settled here, because several may run at the same time."""
        view = Message(
            message.deliveries[0],
            claim,
            lambda view: self._idempotency.transaction(
                claim, lambda: self._idempotency.completed(claim, *view.completion())
            ),
            lambda task_token: self._beat(message, claim, task_token),
        )
        payload = cast("PayloadT", message.payload)  # without one there is a problem, and it is never started
        with in_hand(message.deliveries[0].log_fields(message.request.item_id)):
            try:
                self._process(payload, view)
                view.raise_lost_commit()
                view.completion()
            except Exception as error:  # noqa: BLE001 - the batch boundary: one message's error is no other's
                return Attempt(view, error)
        return Attempt(view)

    def _conclude(self, message: BatchMessage[PayloadT], claim: Claim, attempt: Attempt) -> None:
        if attempt.error is not None:
            with in_hand(message.deliveries[0].log_fields(message.request.item_id)):
                fields = {LogKey.ATTEMPTS: claim.attempt, **error_fields(attempt.error)}
                _logger.warning("attempt failed", extra=fields)
        if attempt.message is not None and (attempt.error is None or attempt.message.was_committed):
            self._succeeded(message, claim, attempt.message)  # even if it failed after its effect, which stands
        elif attempt.error is not None:
            self._failed(message, claim, attempt.error)

    def _succeeded(self, message: BatchMessage[PayloadT], claim: Claim, view: Message) -> None:
        if view.was_committed:
            self._settlement.committed(message, claim, *view.completion())
        else:
            self._settlement.complete(message, claim, *view.completion())

    def _failed(self, message: BatchMessage[PayloadT], claim: Claim, error: Exception) -> None:
        if isinstance(error, LeaseLostError):
            self._metrics.count(Metric.LEASES_LOST)
        elif isinstance(error, UnavailableError):
            self._metrics.count(Metric.CALLS_FAILED)
            self._settlement.release(message, claim)
        elif isinstance(error, PermanentError):
            self._settlement.dead_letter(message, claim, str(error), attempts=claim.attempt)
        elif isinstance(error, RetryableError):
            self._settlement.fail(message, claim, str(error), error.after_seconds)
        else:
            self._settlement.fail(message, claim, f"{type(error).__name__}: {error}")

    def _beat(self, message: BatchMessage[PayloadT], claim: Claim, task_token: str | None) -> None:
        if self._idempotency.lease.is_extended:
            self._hide([message], self._idempotency.extend(claim))
        if task_token is not None:
            self._tasks.heartbeat(task_token)

    def _hide(self, messages: Sequence[BatchMessage[PayloadT]], until_ms: int) -> None:
        """Hide messages in hand until their lease ends, so that a kill costs a lease and not a visibility time-out."""
        seconds = max(1, round((until_ms - self._clock.now_ms()) / 1_000))
        delays = [(delivery.receipt_handle, seconds) for message in messages for delivery in message.deliveries]
        problem = self._visibility.change(delays) if delays else None
        if problem:
            _logger.warning("visibility not changed", extra={LogKey.ERROR_TYPE: problem})
