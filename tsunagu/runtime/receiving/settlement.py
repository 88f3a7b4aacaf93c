"""The settlement: queues the outcomes of messages, writes them together, and confirms what the table took."""

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import UnavailableError, bounded_reason
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict
from tsunagu.runtime.idempotency.transaction import not_committed
from tsunagu.runtime.receiving.batch import BatchMessage
from tsunagu.runtime.receiving.completion import Completion
from tsunagu.runtime.receiving.dead_lettering import DeadLettering, log_outcome
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.parked import Parked
from tsunagu.runtime.retry import backoff_seconds
from tsunagu.runtime.telemetry import Metrics, call_fields, error_fields, in_hand

if TYPE_CHECKING:
    from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
    from tsunagu.runtime.receiving.failures import Failure
    from tsunagu.runtime.receiving.parking import Parking
    from tsunagu.runtime.receiving.relay import Relay

_logger = logging.getLogger(__name__)

AnyMessage = BatchMessage[Any]

LONGEST_WAIT_MS = 1_000  # a flush takes some 10 ms, so this costs 1 % of the time; a kill costs a second of work


class _Pending:
    """An outcome that is not written yet.

    Attributes:
        message: The message.
        claim: Its item, which this invocation holds.
        change: The change that writes the outcome.
        item: The item as the change leaves it: the intended outcome.
        delay_seconds: Seconds until SQS delivers a released message again. Default: when its time-out ends.
        writes: Writes of the business function, or of a parked group, which are committed together with the change.
    """

    __slots__ = ("change", "claim", "delay_seconds", "item", "message", "writes")

    def __init__(
        self,
        message: AnyMessage,
        claim: Claim,
        change: Change,
        *,
        delay_seconds: float | None = None,
        writes: Sequence[BusinessWrite] = (),
    ) -> None:
        self.message = message
        self.claim = claim
        self.change = change
        self.item = change.applied(claim.item)
        self.delay_seconds = delay_seconds
        self.writes = writes


class Settlement:
    """Settles the messages of one invocation.

    Outcomes are queued until `flush` writes them. Only then SQS may delete a message.

    Args:
        idempotency: The items of this invocation.
        relay: Sends outboxes.
        channel: Sends dead letters.
        metrics: Where outcomes are counted.
        clock: The time.
        max_attempts: Attempts after which a message is dead-lettered.
        group_commit: Whether the writes of several messages share a transaction.
        rng: Where the jitter of the back-off comes from.
        parking: Parks messages behind a dead one. Default: none is parked.
    """

    def __init__(
        self,
        idempotency: Idempotency,
        relay: "Relay",
        channel: "DeadLetterChannel",
        metrics: Metrics,
        clock: Clock,
        *,
        max_attempts: int,
        group_commit: bool,
        rng: random.Random,
        parking: "Parking | None" = None,
    ) -> None:
        self._idempotency = idempotency
        self._relay = relay
        self._letters = DeadLettering(idempotency, channel, metrics)
        self._metrics = metrics
        self._clock = clock
        self._max_attempts = max_attempts
        self._group_commit = group_commit
        self._rng = rng
        self._parking = parking
        self._pending: list[_Pending] = []
        self._queued_ms = 0
        self._unsent: list[tuple[AnyMessage, Item]] = []
        self._settling: list[tuple[AnyMessage, Change]] = []

    def has_spent(self, attempts: int) -> bool:
        """Return whether a message has spent its attempts."""
        return attempts >= self._max_attempts

    def complete(self, message: AnyMessage, completion: Completion) -> None:
        """Queue the outcome "completed" with the writes, unless a transaction has committed them; and the outbox."""
        claim, change = completion.claim, completion.change()
        if completion.was_committed:
            self._done(message, claim, change.applied(claim.item))
        else:
            self._queue(_Pending(message, claim, change, writes=completion.writes))

    def resend(self, message: AnyMessage, item: Item) -> None:
        """Queue the sends of an item that is COMMITTED: its messages may not have been sent."""
        self._unsent.append((message, item))

    def finish(self, message: AnyMessage) -> None:
        """Confirm a message that is done; if its parked group waits for it, as soon as the group has gone on."""
        change = self._parking.settling(message) if self._parking is not None else None
        if change is None:
            message.confirm()
        else:
            self._settling.append((message, change))

    def release(self, message: AnyMessage, claim: Claim, *, delay_seconds: float | None = None) -> None:
        """Queue the release of a message that was not started: its item gets the attempts that it had before."""
        change = self._idempotency.released(claim, attempts=claim.item.attempts, reason="")
        self._queue(_Pending(message, claim, change, delay_seconds=delay_seconds))

    def failed(self, message: AnyMessage, claim: Claim, error: BaseException) -> None:
        """Queue the outcome that the error of an attempt decides; see `failures`."""
        from tsunagu.runtime.receiving.failures import Fate, failure_of  # noqa: PLC0415 - most attempts succeed

        failure = failure_of(error, claim, self._max_attempts, self._rng)
        fate, message.is_deferred = failure.fate, failure.fate is Fate.DEFERRED
        with in_hand(message.log_fields):
            fields = {LogKey.ATTEMPTS: failure.attempts, **error_fields(error), **call_fields(failure.call)}
            _logger.warning("message deferred" if message.is_deferred else "attempt failed", extra=fields)
        if fate is Fate.LEFT:
            self._metrics.count(Metric.LEASES_LOST)
            return
        if fate is Fate.DEFERRED:
            self._metrics.count_failed_call(failure.call)
        elif fate is not Fate.REFUSED:
            self._metrics.count(Metric.ATTEMPTS_FAILED)
        if fate in {Fate.SPENT, Fate.REFUSED}:
            self.dead_letter(message, claim, failure.reason, attempts=failure.attempts, published=failure.published)
        else:
            self._release(message, claim, failure)

    def dead_letter(
        self, message: AnyMessage, claim: Claim, reason: str, *, attempts: int, published: str | None = None
    ) -> None:
        """Queue the outcome "dead": the message goes to the dead-letter queue, with the reason.

        Args:
            message: The message.
            claim: Its item, which this invocation holds.
            reason: Why it cannot be processed.
            attempts: Attempts so far.
            published: What others may read of the reason. Default: all of it.
        """
        parked = self._parking.dead(message, claim.item.id, reason) if self._parking is not None else Parked()
        self._queue_dead(
            message,
            claim,
            parked,
            attempts=attempts,
            reason=bounded_reason(reason),
            published=_published(reason, published),
        )

    def park(self, message: AnyMessage, claim: Claim, parked: Parked) -> None:
        """Queue the outcome "dead" of a message that must wait behind another: no attempt was made."""
        self._queue_dead(message, claim, parked, attempts=claim.item.attempts, reason=parked.reason, published="")

    def _queue_dead(
        self, message: AnyMessage, claim: Claim, parked: Parked, *, attempts: int, reason: str, published: str
    ) -> None:
        change = self._idempotency.dead(
            claim,
            attempts=attempts,
            reason=reason,
            message_ids=message.message_ids,
            published=published,
            place=parked.place,
            behind=parked.behind,
        )
        self._queue(_Pending(message, claim, change, writes=parked.writes))

    def dead_letter_again(self, message: AnyMessage, item: Item, deliveries: tuple[Delivery, ...]) -> None:
        """Queue dead letters of an item that is DEAD already, because SNS was not notified of these deliveries."""
        self._letters.add(message, item, deliveries)

    def flush_when_due(self) -> None:
        """Flush if an outcome has waited for a second: a kill would cost the work behind it."""
        if self._pending and self._clock.now_ms() - self._queued_ms >= LONGEST_WAIT_MS:
            self.flush()

    def flush(self) -> None:
        """Write the queued outcomes, send outboxes, send and notify dead letters, and confirm what the table took.

        Writes of business functions go first, because one that is refused queues another outcome of its message.
        """
        self._commit([pending for pending in self._pending if pending.writes])
        pending, self._pending = [pending for pending in self._pending if not pending.writes], []
        verdicts = self._idempotency.settle([each.change for each in pending])
        for each, verdict in zip(pending, verdicts, strict=True):
            self._settled(each, verdict)
        if self._unsent:
            self._send_all()
        self._letters.send()
        if self._settling:
            self._settle_places()

    def _queue(self, pending: _Pending) -> None:
        if not self._pending:
            self._queued_ms = self._clock.now_ms()
        self._pending.append(pending)

    def _commit(self, pending: Sequence[_Pending]) -> None:
        commits = [Commit(each.change, each.writes) for each in pending]
        verdicts = self._idempotency.commit(commits, together=self._group_commit)
        for each, verdict in zip(pending, verdicts, strict=True):
            if verdict.error is not None and each.item.status is Status.DEAD:
                self.failed(each.message, each.claim, UnavailableError("the parked group has changed meanwhile"))
            elif verdict.error is not None:
                self.failed(each.message, each.claim, verdict.error)
            elif verdict.outcome in {Outcome.CONFLICT, Outcome.UNAVAILABLE}:
                # If only the answer was lost, the release is refused, because the message is completed.
                self.failed(each.message, each.claim, not_committed(verdict.problem))
            else:
                self._settled(each, verdict)

    def _release(self, message: AnyMessage, claim: Claim, failure: "Failure") -> None:
        change = self._idempotency.released(
            claim,
            attempts=failure.attempts,
            reason=bounded_reason(failure.reason),
            published=_published(failure.reason, failure.published),
        )
        self._queue(_Pending(message, claim, change, delay_seconds=failure.delay_seconds))

    def _settled(self, pending: _Pending, verdict: Verdict) -> None:
        message, claim, intended = pending.message, pending.claim, pending.item
        if claim.stands_as(intended.status, verdict):
            if intended.status is Status.RELEASED:
                message.delay_seconds = pending.delay_seconds
            elif intended.status is Status.DEAD:
                self._letters.add(message, intended, tuple(message.deliveries))
            else:
                self._done(message, claim, intended)
        elif verdict.found is not None and claim.was_done(verdict):
            # Another outcome was intended, but a transaction whose answer was lost has completed the message.
            self._done(message, claim, verdict.found)
        elif verdict.outcome is Outcome.REFUSED:
            self._metrics.count(Metric.LEASES_LOST)
            log_outcome(message, "lease lost")
        else:
            self._metrics.count_failed_call(verdict.problem)
            message.is_deferred = True
            log_outcome(message, "outcome not written", verdict.problem)

    def _done(self, message: AnyMessage, claim: Claim, item: Item) -> None:
        self._metrics.count(Metric.MESSAGES_PROCESSED)
        with in_hand(message.log_fields):
            _logger.info("message processed", extra={LogKey.FENCING_TOKEN: item.fence, LogKey.ATTEMPTS: claim.attempt})
        if item.outbox:
            self._unsent.append((message, item))
        else:
            self.finish(message)

    def _send_all(self) -> None:
        from tsunagu.runtime.receiving.relay import Relayed  # noqa: PLC0415 - most messages send nothing on

        unsent, self._unsent = self._unsent, []
        results = self._relay.relay([(item, message.deliveries[0].body) for message, item in unsent])
        for (message, _), result in zip(unsent, results, strict=True):
            self._metrics.count_fault(result.call)
            if result.outcome is Relayed.SENT:
                self.finish(message)
            elif result.outcome is Relayed.NEVER:
                self._give_up(message, result.item)
            elif result.outcome is Relayed.UNKNOWN:
                message.is_deferred = True
            elif result.outcome is Relayed.LATER:
                self._metrics.count(Metric.CALLS_FAILED)
                message.is_deferred = not result.was_counted
                if result.was_counted:
                    message.delay_seconds = backoff_seconds(result.item.send_rounds, self._rng)
                log_outcome(message, "outbox not sent", result.call)

    def _give_up(self, message: AnyMessage, item: Item) -> None:
        """Dead-letter a message whose outbox cannot be sent. Its group is parked before, if it is to be parked."""
        parked = self._parking.dead(message, item.id, item.reason) if self._parking is not None else Parked()
        if parked.place:
            commit = Commit(self._idempotency.placed(item, parked.place), parked.writes)
            verdict = self._idempotency.commit([commit])[0]
            if verdict.outcome is not Outcome.APPLIED:
                message.is_deferred = True
                self._metrics.count_failed_call(verdict.problem)
                log_outcome(message, "group not parked", verdict.problem)
                return
            item = replace(item, place=parked.place, behind="")
        self._letters.add(message, item, tuple(message.deliveries))

    def _settle_places(self) -> None:
        """Let parked groups go on to their next numbers; then their messages are confirmed."""
        settling, self._settling = self._settling, []
        verdicts = self._idempotency.settle([change for _, change in settling])
        for (message, _), verdict in zip(settling, verdicts, strict=True):
            if verdict.outcome is Outcome.APPLIED and self._parking is not None:
                self._parking.settled(message)
                message.confirm()
            elif verdict.outcome is Outcome.REFUSED:
                message.delay_seconds = 0.0  # the group has gone on: when it comes back, it is acknowledged
            else:
                message.is_deferred = True
                self._metrics.count_failed_call(verdict.problem)
                log_outcome(message, "group not settled", verdict.problem)


def _published(reason: str, published: str | None) -> str:
    """Return the published reason as an item keeps it: empty if it is the reason itself."""
    return "" if published is None or published == reason else bounded_reason(published)
