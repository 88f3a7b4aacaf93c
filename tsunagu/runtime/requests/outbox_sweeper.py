"""The sweeper of HTTP requests: each minute it sends the messages that a function committed, and could not send.

A request with an `Idempotency-Key` is answered once it is committed. If its function dies then, or a queue cannot be
reached, nothing delivers the request again: the sweeper sends what the item keeps.

* It looks at an item after the lease of whoever may be sending. A conditional write and a lease keep two senders apart.
* A message that is sent twice has the same deduplication id.
* As long as one message may still be sent, all of the item are sent again: after one minute, and later each quarter of
  an hour. There is no deadline, and the item does not expire, because nothing that was committed may be dropped.
* If the messages that are left can never be sent, they are given up: the item keeps them and the reason, and is not
  looked at again. That is counted as a failure after the commit, which has an alarm.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.contracts.web import GIVEN_UP, unsent_partition
from tsunagu.runtime.clock import Clock, NewId
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Attributes, Change, Item
from tsunagu.runtime.idempotency.lease import LeaseTerm
from tsunagu.runtime.idempotency.store import ItemStore, Outcome, Verdict
from tsunagu.runtime.idempotency.unsent_index import OF_THE_INDEX, UnsentIndex, taking_to_send
from tsunagu.runtime.receiving.relay import OutboxSender, Relay, Relayed, RelayResult
from tsunagu.runtime.requests.open_request import DuePage
from tsunagu.runtime.requests.sweep_run import RESERVE_MS, SweepReport, SweepRun
from tsunagu.runtime.retry import LONGEST_SECONDS
from tsunagu.runtime.sending.outbox import SEND_ROUNDS
from tsunagu.runtime.telemetry import Metrics, call_fields

_logger = logging.getLogger(__name__)

FIRST_PAUSE_MS = 60_000  # the sweeper runs each minute
LONGEST_PAUSE_MS = int(LONGEST_SECONDS) * 1_000
ITEMS_AT_ONCE = 10  # an item may have 400 KB


@dataclass(frozen=True, slots=True)
class UnsentRequest:
    """An item in the index.

    Attributes:
        item: The item, with its outbox and its result.
        is_indexed: Whether it is in the index still: an index is a moment behind its table.
        sweeps: How often a sweeper took it.
    """

    item: Item
    is_indexed: bool = True
    sweeps: int = 0


class UnsentRequests(Protocol):
    """The items of HTTP requests whose messages are to be sent, and their index."""

    def find_due(self, partition: str, now_ms: int, start: object | None = None) -> DuePage:
        """Return a page of the items of a partition that are due; see `OpenRequests.find_due`."""
        ...

    def read(self, item_ids: Sequence[str]) -> list[UnsentRequest | Verdict | None]:
        """Read items, consistently. None: there is none. A `Verdict`: no answer, or one that cannot be read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSweeperPorts:
    """What the sweeper calls.

    Attributes:
        unsent: The items, and their index.
        store: Changes the items.
        outbox: Sends messages.
        metrics: Counts.
        clock: The time.
        new_owner: Makes the token of a run.
        rng: Chooses the partition that a run begins with.
    """

    unsent: UnsentRequests
    store: ItemStore
    outbox: OutboxSender
    metrics: Metrics
    clock: Clock
    new_owner: NewId
    rng: random.Random


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSweeperConfig:
    """Names and numbers.

    Attributes:
        scope: Name of the requests in logs and metrics.
        place: Place of their application; see `WebEnvironment.web_place`.
        window_seconds: Seconds that a key and its answer are remembered, once all messages were sent.
    """

    scope: str
    place: str
    window_seconds: int


class OutboxSweeper:
    """Sends the messages that the HTTP requests of one application left unsent.

    Args:
        config: Names and numbers.
        ports: What it calls.
    """

    def __init__(self, config: OutboxSweeperConfig, ports: OutboxSweeperPorts) -> None:
        self._config = config
        self._ports = ports

    def run(self, deadline_ms: int) -> SweepReport:
        """Look at the items that are due.

        Args:
            deadline_ms: When the invocation ends, in milliseconds since the epoch. No page begins shortly before it.

        Returns:
            What it did. A call that failed does not end the run: the items that it was for stay due.
        """
        run = _Run(self._config, self._ports, deadline_ms)
        run.sweep()
        self._ports.metrics.flush()
        return run.report


class _Run(SweepRun):
    """One run. It is one owner, with one lease."""

    def __init__(self, config: OutboxSweeperConfig, ports: OutboxSweeperPorts, deadline_ms: int) -> None:
        super().__init__(config.scope, ports.clock, ports.metrics, until_ms=deadline_ms - RESERVE_MS)
        self._config = config
        self._ports = ports
        self._owner = ports.new_owner()
        self._items = Idempotency(
            UnsentIndex(ports.store, config.place),
            ports.clock,
            owner=self._owner,
            lease=LeaseTerm(ports.clock, deadline_ms),
            window_seconds=config.window_seconds,
            rng=ports.rng,
        )
        self._relay = Relay(ports.outbox, self._items, ports.metrics)

    def sweep(self) -> None:
        """Look at one page of each partition in turn."""
        partitions = [unsent_partition(self._config.place, digit) for digit in requests.SHARDS]
        for item_ids in self.pages(self._ports.unsent, partitions, self._ports.rng):
            for start in range(0, len(item_ids), ITEMS_AT_ONCE):
                self._look_at(item_ids[start : start + ITEMS_AT_ONCE])

    def _look_at(self, item_ids: Sequence[str]) -> None:
        answers = self._ports.unsent.read(item_ids)
        for item_id, answer in zip(item_ids, answers, strict=True):
            if isinstance(answer, Verdict):
                self.unread(item_id, answer)
        now_ms = self._ports.clock.now_ms()
        found = [answer for answer in answers if isinstance(answer, UnsentRequest) and answer.is_indexed]
        unsent = [each for each in found if each.item.status is Status.COMMITTED and not each.item.told]
        self._close([each.item for each in found if each not in unsent])
        self._send([each for each in unsent if each.item.lease < now_ms or each.item.lease >= items.NEVER])

    def _close(self, sent: Sequence[Item]) -> None:
        """Take items out of the index that have nothing to be sent, as another release may have left them."""
        verdicts = self._changed([_closing(item) for item in sent])
        self.report.closed += sum(verdict.outcome is Outcome.APPLIED for verdict in verdicts)

    def _send(self, unsent: Sequence[UnsentRequest]) -> None:
        """Take items, and send the messages of those that were taken: of two senders, one sends."""
        changes = [self._taking(each) for each in unsent]
        verdicts = self._changed(changes)
        taken = [
            _of_item(change).applied(each.item)
            for each, change, verdict in zip(unsent, changes, verdicts, strict=True)
            if self._has_taken(verdict)
        ]
        # The rounds never reach their limit, so that what may still be sent is tried as long as it takes.
        tried = [(replace(item, attempts=min(item.attempts, SEND_ROUNDS - 2)), "") for item in taken]
        results = self._relay.relay(tried) if tried else []
        sent = sum(result.outcome is Relayed.SENT for result in results)
        self.report.resent += sent
        if sent:
            self._ports.metrics.count(Metric.REQUESTS_RESENT, sent)
        for result in results:
            if result.outcome in {Relayed.LATER, Relayed.UNKNOWN}:
                self._not_sent(result)
        self._give_up([result for result in results if result.outcome is Relayed.NEVER])

    def _taking(self, unsent: UnsentRequest) -> Change:
        lease_ms = self._items.lease.end_ms()
        change = taking_to_send(unsent.item, owner=self._owner, lease_ms=lease_ms)
        pause_ms = min(FIRST_PAUSE_MS << min(unsent.sweeps, 32), LONGEST_PAUSE_MS)
        due_ms = max(lease_ms + 1, self._ports.clock.now_ms() + pause_ms)
        return replace(change, values={**change.values, requests.RESENDS: unsent.sweeps + 1, requests.DUE: due_ms})

    def _not_sent(self, result: RelayResult) -> None:
        _logger.error("outbox not sent", extra={**_ids(result.item), **call_fields(result.call)})
        self.note(result.call)

    def _give_up(self, refused: Sequence[RelayResult]) -> None:
        """Store why messages can never be sent, and do not look at them again."""
        given_up = [result.item for result in refused]
        verdicts = self._changed([self._items.given_up(item, (GIVEN_UP,)) for item in given_up])
        for item, verdict in zip(given_up, verdicts, strict=True):
            if verdict.outcome is Outcome.APPLIED:
                _logger.error("outbox given up, the item has the reason", extra=_ids(item))
                self.report.failed += 1
                self._ports.metrics.count(Metric.FAILURES_AFTER_COMMIT)

    def _has_taken(self, verdict: Verdict) -> bool:
        """Return whether this run has taken an item: by this call, or by a try of it before, whose answer was lost."""
        found = verdict.found
        is_own = found is not None and found.owner == self._owner and found.status is Status.COMMITTED
        return verdict.outcome is Outcome.APPLIED or is_own

    def _changed(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply changes, and note those without an answer. Where one was refused, somebody else was faster."""
        verdicts = self._items.settle(changes)
        for verdict in verdicts:
            if verdict.outcome not in {Outcome.APPLIED, Outcome.REFUSED}:
                self.note(verdict.problem)
        return verdicts


def _closing(item: Item) -> Change:
    where: Attributes = {items.STATUS: item.status, items.FENCE: item.fence}
    return Change(item_id=item.id, values={}, where=where, removed=OF_THE_INDEX)


def _of_item(change: Change) -> Change:
    """Return the part of a change that is of the item itself."""
    values = {name: value for name, value in change.values.items() if name not in OF_THE_INDEX}
    return replace(change, values=values)


def _ids(item: Item) -> dict[str, str]:
    return {LogKey.REQUEST_ID: item.request_id, LogKey.ITEM_ID: item.id}
