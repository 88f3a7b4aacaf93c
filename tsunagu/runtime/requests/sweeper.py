"""The sweeper: each minute it looks at the open requests that are due, and ends or sends again what nobody works on.

It keeps nothing between two runs, and may be killed anywhere: what it marks, it marks by conditional writes; what it
did not get to is due in the next run. Two sweepers at the same time do no harm.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tsunagu.contracts import requests
from tsunagu.contracts.messages import REQUEST_ID_ATTRIBUTE
from tsunagu.contracts.requests import ShownStatus
from tsunagu.contracts.telemetry import Metric
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import UnavailableError, call_of
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.requests.open_request import OpenRequest, OpenRequests, RecordChange
from tsunagu.runtime.requests.settler import DeadLetterView, Settler
from tsunagu.runtime.requests.sweep_rules import (
    Close,
    Fail,
    Look,
    Resend,
    SweepRules,
    closing,
    failing,
    looking_later,
    mark_of_resend,
    next_step,
    not_resent,
)
from tsunagu.runtime.requests.sweep_run import RESERVE_MS, SweepReport, SweepRun
from tsunagu.runtime.sending.publish import OutgoingMessage, QueueSender
from tsunagu.runtime.telemetry import Metrics

_ANSWERS = frozenset({Outcome.APPLIED, Outcome.REFUSED})


class QueueAge(Protocol):
    """Knows how long the oldest message of the queue has waited."""

    def oldest_ms(self) -> int:
        """Return the age in milliseconds; 0 if it is not known.

        Raises:
            UnavailableError: CloudWatch did not answer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SweeperPorts:
    """What a sweeper calls.

    Attributes:
        records: The records of the requests.
        queue: Sends to the queue of the requests. None: there is none.
        queue_age: Age of its oldest message.
        completions: Publishes how requests ended. None: nobody wants to be told.
        letters: The dead-letter queue.
        metrics: Counts.
        clock: The time.
        rng: Chooses the partition that a run begins with.
    """

    records: OpenRequests
    queue: QueueSender | None
    queue_age: QueueAge
    completions: QueueSender | None
    letters: DeadLetterView
    metrics: Metrics
    clock: Clock
    rng: random.Random


class Sweeper:
    """Sweeps the requests of one scope.

    Args:
        scope: Scope of the requests.
        rules: Numbers of the sweeper.
        ports: What it calls.
        max_receive_count: Receives after which SQS moves a message to the dead-letter queue, for the reason.
    """

    def __init__(self, scope: str, rules: SweepRules, ports: SweeperPorts, *, max_receive_count: int = 0) -> None:
        self._scope = scope
        self._rules = rules
        self._ports = ports
        self._settler = Settler(
            scope, rules, ports.records, ports.letters, ports.clock, max_receive_count=max_receive_count
        )

    def run(self, deadline_ms: int) -> SweepReport:
        """Settle the letters that nobody settled, then look at the requests that are due.

        Args:
            deadline_ms: When the invocation ends, in milliseconds since the epoch. No page begins shortly before it.

        Returns:
            What it did. A call that failed does not end the run: the records that it was for stay due.
        """
        run = _Run(self._scope, self._rules, self._ports, until_ms=deadline_ms - RESERVE_MS)
        run.settle(self._settler)
        run.sweep()
        self._ports.metrics.flush()
        return run.report


class _Run(SweepRun):
    """One run of the sweeper."""

    def __init__(self, scope: str, rules: SweepRules, ports: SweeperPorts, *, until_ms: int) -> None:
        super().__init__(scope, ports.clock, ports.metrics, until_ms=until_ms)
        self._rules = rules
        self._ports = ports
        self._known_oldest_ms: int | None = None

    def settle(self, settler: Settler) -> None:
        """End the requests whose messages or events were given up."""
        try:
            settled = settler.settle(self._until_ms)
        except UnavailableError as error:
            self.note(call_of(error))
            return
        self._failed(settled.failed)
        if settled.problem is not None:
            self.note(settled.problem)

    def sweep(self) -> None:
        """Look at one page of each partition in turn, so that none waits for another."""
        partitions = [requests.open_partition(self._scope, digit) for digit in requests.SHARDS]
        for item_ids in self.pages(self._ports.records, partitions, self._ports.rng):
            self._look_at(item_ids)

    def _look_at(self, item_ids: Sequence[str]) -> None:
        answers = self._ports.records.read(item_ids)
        for item_id, answer in zip(item_ids, answers, strict=True):
            if isinstance(answer, Verdict):
                self.unread(item_id, answer)
        now_ms = self._ports.clock.now_ms()
        found = [answer for answer in answers if isinstance(answer, OpenRequest)]
        steps = [(each, next_step(each, now_ms, self._rules, self._oldest_ms)) for each in found]
        self._end([each for each, step in steps if isinstance(step, Fail)], now_ms)
        self._close([(each, step) for each, step in steps if isinstance(step, Close)], now_ms)
        self._resend([each for each, step in steps if isinstance(step, Resend)], now_ms)
        self._change([looking_later(each, step) for each, step in steps if isinstance(step, Look)])

    def _end(self, late: Sequence[OpenRequest], now_ms: int) -> None:
        reason = f"no end within the deadline of {self._rules.deadline_seconds:,} seconds"
        applied = self._change([failing(each, now_ms, self._rules, reason) for each in late])
        self._failed(sum(applied))

    def _close(self, ended: Sequence[tuple[OpenRequest, Close]], now_ms: int) -> None:
        to_publish = [(each, step.ending) for each, step in ended if step.ending is not None]
        is_published = dict(zip((each.item.id for each, _ in to_publish), self._publish(to_publish), strict=True))
        told = [each for each, _ in ended if is_published.get(each.item.id, True)]
        self.report.closed += sum(self._change([closing(each, now_ms, self._rules) for each in told]))

    def _publish(self, ended: Sequence[tuple[OpenRequest, ShownStatus]]) -> list[bool]:
        """Publish how requests ended; return for each whether it was. What was not is published in the next run."""
        messages = [_completion(self._scope, request, ending) for request, ending in ended]
        return self._sent(self._ports.completions, messages)

    def _resend(self, lost: Sequence[OpenRequest], now_ms: int) -> None:
        """Mark requests, and send those that were marked: of two sweepers, one sends."""
        applied = self._change([mark_of_resend(each, now_ms, self._rules) for each in lost])
        marked = [each for each, is_applied in zip(lost, applied, strict=True) if is_applied]
        sent = self._sent(
            self._ports.queue, [OutgoingMessage(body=requests.message_body(each.item.id)) for each in marked]
        )
        self._change([not_resent(each, now_ms) for each, is_sent in zip(marked, sent, strict=True) if not is_sent])
        self.report.resent += sum(sent)
        if any(sent):
            self._ports.metrics.count(Metric.REQUESTS_RESENT, sum(sent))

    def _sent(self, sender: QueueSender | None, messages: Sequence[OutgoingMessage]) -> list[bool]:
        if sender is None or not messages:
            return [False] * len(messages)
        results = sender.send(messages)
        failed = [result for result in results if result.error is not None]
        if failed:
            self.note(next((result.call for result in failed if result.call is not None), None), len(failed))
        return [result.error is None for result in results]

    def _change(self, changes: Sequence[RecordChange]) -> list[bool]:
        """Apply changes; return for each whether it was applied. Somebody else was faster where it was refused."""
        verdicts = self._ports.records.change(changes) if changes else []
        unanswered = [verdict for verdict in verdicts if verdict.outcome not in _ANSWERS]
        if unanswered:
            self.note(next((each.problem for each in unanswered if each.problem is not None), None), len(unanswered))
        return [verdict.outcome is Outcome.APPLIED for verdict in verdicts]

    def _failed(self, count: int) -> None:
        self.report.failed += count
        if count:
            self._ports.metrics.count(Metric.REQUESTS_FAILED, count)

    def _oldest_ms(self) -> int:
        """Return the age of the queue's oldest message, asked once a run; 0 if it is not known."""
        if self._known_oldest_ms is None:
            try:
                self._known_oldest_ms = self._ports.queue_age.oldest_ms()
            except UnavailableError as error:
                self.note(call_of(error))
                self._known_oldest_ms = 0
        return self._known_oldest_ms


def _completion(scope: str, request: OpenRequest, ending: ShownStatus) -> OutgoingMessage:
    item = request.item
    reason = requests.shown_reason(item.reason, item.published_reason) if ending is ShownStatus.FAILED else ""
    body = requests.completion_body(
        scope=scope,
        item_id=item.id,
        ending=ending,
        accepted_ms=request.accepted_ms,
        reason=reason,
        reopened_ms=request.reopened_ms,
    )
    attributes = {
        REQUEST_ID_ATTRIBUTE: item.request_id,
        requests.DELIVERY_ID_ATTRIBUTE: requests.delivery_id(item.id, ending, request.reopened_ms),
        requests.REQUEST_STATUS_ATTRIBUTE: str(ending),
    }
    return OutgoingMessage(body=body, attributes=attributes)
