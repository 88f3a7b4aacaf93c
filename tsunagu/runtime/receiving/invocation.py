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
from tsunagu.runtime.idempotency.decisions import Buried, Busy, Done, Held, Idempotency, Mismatch, Unavailable, Unsent
from tsunagu.runtime.idempotency.keys import mismatch_item_id
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.store import Outcome
from tsunagu.runtime.receiving.batch import Batch, Lane, Pace, Work
from tsunagu.runtime.receiving.dead_letters import Death
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
        self._claim_all(batch.works)
        if self._idempotency.lease.is_extended:
            self._hide([work for work in batch.works if work.claim is not None], self._idempotency.lease.end_ms())
        if self._concurrency > 1:
            self._run_together([lane for lane in batch.lanes if len(lane) == 1 and lane[0].delivery.group_id is None])
        rests = [rest for lane in batch.lanes if (rest := self._run_lane(lane, with_suspects=False))]
        for rest in rests:
            self._settlement.flush()
            self._run_lane(rest, with_suspects=True)
        for work in batch.works:
            if work.claim is not None:
                self._settlement.release(work, work.claim)
        self._settlement.flush()

    def _claim_all(self, works: Sequence[Work[PayloadT]]) -> None:
        # Another payload under a key of the same batch waits: the first one has to be settled before it is judged.
        first_of_key = {work.request.item_id: work for work in reversed(works)}
        for work in works:
            work.decision = Busy(self._clock.now_ms())
        self._claim(list(first_of_key.values())[::-1])
        mismatched = [work for work in works if isinstance(work.decision, Mismatch)]
        for work in mismatched:
            work.problem = PermanentError(
                "the key is taken by another payload: the first one stands, this one is refused"
            )
            record_id = mismatch_item_id(work.request.item_id, work.request.payload_hash)
            work.request = replace(work.request, item_id=record_id)
        self._claim(mismatched)

    def _claim(self, works: Sequence[Work[PayloadT]]) -> None:
        decisions = self._idempotency.claim([work.request for work in works])
        for work, decision in zip(works, decisions, strict=True):
            work.decision = decision
            work.claim = decision.claim if isinstance(decision, Held) else None
            if isinstance(decision, Unavailable):
                self._metrics.count(Metric.CALLS_FAILED)

    def _run_lane(self, lane: Lane[PayloadT], *, with_suspects: bool) -> Lane[PayloadT]:
        """Run a lane in order until a record is not confirmed; return the rest if a suspect heads it."""
        for index, entry in enumerate(lane):
            work = entry.work
            if work.claim is not None and work.claim.is_suspect and not with_suspects:
                return lane[index:]
            if not work.was_advanced:
                work.was_advanced = True
                self._advance(work)
            is_last = index == len(lane) - 1
            if is_last:
                break  # nothing waits for its confirmation, so it shares the next call
            self._settlement.flush()
            if entry.delivery.message_id not in work.confirmed:
                break
        return ()

    def _advance(self, work: Work[PayloadT]) -> None:
        decision = work.decision
        if isinstance(decision, Done):
            self._metrics.count(Metric.DUPLICATES_REFUSED, len(work.deliveries))
            work.confirm()
        elif isinstance(decision, Busy):
            wait_seconds = max(0.0, (decision.until_ms - self._clock.now_ms()) / 1_000)
            work.delay_seconds = wait_seconds + self._rng.uniform(0.0, LONGEST_JITTER_SECONDS)
        elif isinstance(decision, Unsent):
            self._settlement.resend(work, decision.item)
        elif isinstance(decision, Buried):
            self._bury_again(work, decision)
        elif work.claim is not None:
            self._advance_claimed(work, work.claim)

    def _bury_again(self, work: Work[PayloadT], buried: Buried) -> None:
        """Acknowledge what was told; an id that died but was not told is sent and told now."""
        item = buried.item
        work.confirm(set(work.message_ids) & set(item.told))
        untold = tuple(
            delivery
            for delivery in work.deliveries
            if delivery.message_id in item.message_ids and delivery.message_id not in item.told
        )
        if untold:
            self._settlement.bury(work, Death(item, untold))

    def _advance_claimed(self, work: Work[PayloadT], claim: Claim) -> None:
        attempts = claim.item.attempts
        if self._settlement.has_spent(attempts):
            work.claim = None
            reason = f"killed in attempt {attempts}" if claim.was_abandoned else claim.item.reason
            self._settlement.die(work, claim, reason, attempts=attempts)
        elif work.problem is not None:
            work.claim = None
            self._conclude(work, claim, Attempt(error=work.problem))
        elif self._has_time():
            work.claim = None
            self._start(work, claim)

    def _has_time(self) -> bool:
        is_first, self._has_started = not self._has_started, True
        return self._pace.allows_another(self._deadline_ms, is_first=is_first)

    def _start(self, work: Work[PayloadT], claim: Claim) -> None:
        # On the quiet path nothing is written: only who was killed before, or failed, is counted before it runs.
        started_ms = self._clock.now_ms()
        outcome = self._idempotency.start(claim) if claim.is_suspect else Outcome.APPLIED
        if outcome is Outcome.APPLIED:
            self._conclude(work, claim, self._attempt(work, claim))
            self._pace.measured(started_ms)
        elif outcome is Outcome.REFUSED:
            self._metrics.count(Metric.LEASES_LOST)
        else:  # it may have been written all the same: the release takes the attempt back
            self._metrics.count(Metric.CALLS_FAILED)
            self._settlement.release(work, claim)

    def _run_together(self, lanes: Sequence[Lane[PayloadT]]) -> None:
        """Run single records at the same time, in threads; what becomes of them is settled in this one."""

        def attempt(work: Work[PayloadT]) -> Attempt | None:
            if work.claim is None or not self._has_time():
                return None
            started_ms = self._clock.now_ms()
            attempted = self._attempt(work, work.claim)
            self._pace.measured(started_ms)
            return attempted

        works = [work for (entry,) in lanes if self._is_ready(work := entry.work)]
        with ThreadPoolExecutor(self._concurrency) as threads:
            for work, attempted in zip(works, threads.map(attempt, works), strict=True):
                if attempted is not None and work.claim is not None:
                    claim, work.claim = work.claim, None
                    self._conclude(work, claim, attempted)

    def _is_ready(self, work: Work[PayloadT]) -> bool:
        """Whether a work may start beside others; its second record, in another lane, may not start it again."""
        is_ready = not work.was_advanced and work.problem is None
        is_ready = is_ready and work.claim is not None and not work.claim.is_suspect
        work.was_advanced = work.was_advanced or is_ready
        return is_ready

    def _attempt(self, work: Work[PayloadT], claim: Claim) -> Attempt:
        """Call the business function; nothing is settled here, because several may run at the same time."""
        message = Message(
            work.deliveries[0],
            claim,
            lambda message: self._idempotency.transaction(
                claim, lambda: self._idempotency.completed(claim, *message.completion())
            ),
            lambda task_token: self._beat(work, claim, task_token),
        )
        payload = cast("PayloadT", work.payload)  # without one there is a problem, and it is never started
        with in_hand(work.deliveries[0].log_fields(work.request.item_id)):
            try:
                self._process(payload, message)
                message.raise_lost_commit()
                message.completion()
            except Exception as error:  # noqa: BLE001 - the batch boundary: one message's error is no other's
                return Attempt(message, error)
        return Attempt(message)

    def _conclude(self, work: Work[PayloadT], claim: Claim, attempt: Attempt) -> None:
        if attempt.error is not None:
            with in_hand(work.deliveries[0].log_fields(work.request.item_id)):
                fields = {LogKey.ATTEMPTS: claim.attempt, **error_fields(attempt.error)}
                _logger.warning("attempt failed", extra=fields)
        if attempt.message is not None and (attempt.error is None or attempt.message.was_committed):
            self._succeeded(work, claim, attempt.message)  # even if it failed after its effect, which stands
        elif attempt.error is not None:
            self._failed(work, claim, attempt.error)

    def _succeeded(self, work: Work[PayloadT], claim: Claim, message: Message) -> None:
        if message.was_committed:
            self._settlement.committed(work, claim, *message.completion())
        else:
            self._settlement.complete(work, claim, *message.completion())

    def _failed(self, work: Work[PayloadT], claim: Claim, error: Exception) -> None:
        if isinstance(error, LeaseLostError):
            self._metrics.count(Metric.LEASES_LOST)
        elif isinstance(error, UnavailableError):
            self._metrics.count(Metric.CALLS_FAILED)
            self._settlement.release(work, claim)
        elif isinstance(error, PermanentError):
            self._settlement.die(work, claim, str(error), attempts=claim.attempt)
        elif isinstance(error, RetryableError):
            self._settlement.fail(work, claim, str(error), error.after_seconds)
        else:
            self._settlement.fail(work, claim, f"{type(error).__name__}: {error}")

    def _beat(self, work: Work[PayloadT], claim: Claim, task_token: str | None) -> None:
        if self._idempotency.lease.is_extended:
            self._hide([work], self._idempotency.extend(claim))
        if task_token is not None:
            self._tasks.heartbeat(task_token)

    def _hide(self, works: Sequence[Work[PayloadT]], until_ms: int) -> None:
        """Hide messages in hand until their lease ends, so that a kill costs a lease and not a visibility time-out."""
        seconds = max(1, round((until_ms - self._clock.now_ms()) / 1_000))
        delays = [(delivery.receipt_handle, seconds) for work in works for delivery in work.deliveries]
        problem = self._visibility.change(delays) if delays else None
        if problem:
            _logger.warning("visibility not changed", extra={LogKey.ERROR_TYPE: problem})
