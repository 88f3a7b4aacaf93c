"""Outcomes on their way into the table: kept together, written in one call, and confirmed only when they stand."""

import logging
import random
from dataclasses import dataclass, replace
from typing import Any

from lambdas.contracts.records import Status
from lambdas.contracts.telemetry import LogKey, Metric
from lambdas.runtime.batch import Work
from lambdas.runtime.dead_letters import DeadLetterChannel, Death, bounded_reason
from lambdas.runtime.idempotency import Idempotency
from lambdas.runtime.lease import Change, Claim, Outcome, Verdict
from lambdas.runtime.retry import backoff_seconds
from lambdas.runtime.telemetry import Metrics, in_hand

_logger = logging.getLogger(__name__)

AnyWork = Work[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    work: AnyWork
    claim: Claim
    status: Status
    change: Change
    delay_seconds: float | None = None
    reason: str = ""
    attempts: int = 0


class Settlement:
    """The outcomes of one invocation.

    Args:
        idempotency: The items of the invocation.
        channel: Where dead letters go.
        metrics: Where outcomes are counted.
        max_attempts: Attempts after which a message is dead-lettered.
        rng: Where the jitter of back-off comes from.
    """

    def __init__(
        self,
        idempotency: Idempotency,
        channel: DeadLetterChannel,
        metrics: Metrics,
        *,
        max_attempts: int,
        rng: random.Random,
    ) -> None:
        self._idempotency = idempotency
        self._channel = channel
        self._metrics = metrics
        self._max_attempts = max_attempts
        self._rng = rng
        self._pending: list[_Pending] = []
        self._deaths: list[tuple[AnyWork, Death]] = []

    def has_spent(self, attempts: int) -> bool:
        """Whether so many attempts are all that a message gets."""
        return attempts >= self._max_attempts

    def complete(self, work: AnyWork, claim: Claim) -> None:
        """Keep: the work is done."""
        change = self._idempotency.completed(claim)
        self._pending.append(_Pending(work=work, claim=claim, status=Status.COMPLETED, change=change))

    def release(self, work: AnyWork, claim: Claim) -> None:
        """Keep: the work goes back as it came; this was no attempt."""
        self._release(work, claim, attempts=claim.item.attempts, reason="", delay_seconds=None)

    def fail(self, work: AnyWork, claim: Claim, reason: str, after_seconds: float | None = None) -> None:
        """Keep: the attempt failed; the message comes back later, or dies when its attempts are spent."""
        self._metrics.count(Metric.ATTEMPTS_FAILED)
        if self.has_spent(claim.attempt):
            self.die(work, claim, f"{claim.attempt} attempts failed, the last with {reason}", attempts=claim.attempt)
            return
        delay = backoff_seconds(claim.attempt, self._rng) if after_seconds is None else after_seconds
        self._release(work, claim, attempts=claim.attempt, reason=bounded_reason(reason), delay_seconds=delay)

    def die(self, work: AnyWork, claim: Claim, reason: str, *, attempts: int) -> None:
        """Keep: the message will never be processed."""
        text = bounded_reason(reason)
        change = self._idempotency.dead(claim, attempts=attempts, reason=text, message_ids=work.message_ids)
        pending = _Pending(work=work, claim=claim, status=Status.DEAD, change=change, reason=text, attempts=attempts)
        self._pending.append(pending)

    def bury(self, work: AnyWork, death: Death) -> None:
        """Keep: messages of an item that is DEAD already are still to be sent to the dead-letter queue."""
        self._deaths.append((work, death))

    def flush(self) -> None:
        """Write what is kept, send and tell the dead letters, and confirm what stands."""
        pending, self._pending = self._pending, []
        verdicts = self._idempotency.settle([each.change for each in pending])
        for each, verdict in zip(pending, verdicts, strict=True):
            self._settled(each, verdict)
        if self._deaths:
            self._bury_all()

    def _release(self, work: AnyWork, claim: Claim, *, attempts: int, reason: str, delay_seconds: float | None) -> None:
        change = self._idempotency.released(claim, attempts=attempts, reason=reason)
        self._pending.append(
            _Pending(work=work, claim=claim, status=Status.RELEASED, change=change, delay_seconds=delay_seconds)
        )

    def _settled(self, pending: _Pending, verdict: Verdict) -> None:
        work, claim = pending.work, pending.claim
        if claim.was_settled(Status.COMPLETED, verdict if pending.status is Status.COMPLETED else _refused(verdict)):
            # Also when something else was wished: a transaction whose answer was lost did commit after all.
            self._metrics.count(Metric.MESSAGES_PROCESSED)
            work.confirm()
        elif claim.was_settled(pending.status, verdict):
            work.delay_seconds = pending.delay_seconds
            if pending.status is Status.DEAD:
                item = replace(claim.item, status=Status.DEAD, reason=pending.reason, attempts=pending.attempts)
                item = replace(item, message_ids=work.message_ids)
                self._deaths.append((work, Death(item, tuple(work.deliveries))))
        elif verdict.outcome is Outcome.REFUSED:
            self._metrics.count(Metric.LEASES_LOST)
            self._log(work, "lease lost")
        else:
            self._metrics.count(Metric.CALLS_FAILED)
            self._log(work, "outcome not written")

    def _bury_all(self) -> None:
        deaths, self._deaths = self._deaths, []
        told = self._channel.bury([death for _, death in deaths])
        marked = []
        for work, death in deaths:
            ids = [delivery.message_id for delivery in death.deliveries if delivery.message_id in told]
            if ids:
                marked.append((work, ids, self._idempotency.told(death.item, ids)))
        verdicts = self._idempotency.settle([change for _, _, change in marked])
        for (work, ids, _), verdict in zip(marked, verdicts, strict=True):
            if verdict.outcome is Outcome.APPLIED:
                self._metrics.count(Metric.MESSAGES_DEAD_LETTERED, len(ids))
                work.confirm(ids)
                self._log(work, "message dead-lettered")
            else:
                self._log(work, "dead letter not marked")

    @staticmethod
    def _log(work: AnyWork, event: str) -> None:
        with in_hand(work.deliveries[0], work.request.item_id):
            _logger.warning(event, extra={LogKey.RECORD_COUNT: len(work.deliveries)})


def _refused(verdict: Verdict) -> Verdict:
    """Return `verdict` as far as it speaks of an item that was found, so that APPLIED does not count."""
    return Verdict(Outcome.REFUSED, verdict.found)
