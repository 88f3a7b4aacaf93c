"""Is this message new? The decisions of one invocation about the items of its messages."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import LeaseLostError, UnavailableError
from tsunagu.runtime.idempotency.item import Attributes, Change, Item
from tsunagu.runtime.idempotency.lease import Claim, LeaseTerm, takeover
from tsunagu.runtime.idempotency.store import ItemStore, Outcome, Verdict
from tsunagu.runtime.idempotency.transaction import Transaction
from tsunagu.runtime.sending.outbox import OutboxMessage, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """A wish to work on one item.

    Attributes:
        item_id: Scope and hash of the business key.
        payload_hash: Hash of the payload; another one under the same key is refused.
        request_id: What follows the request through every hop.
        message_ids: The SQS messages that carry it; more than one when a batch holds the key twice.
    """

    item_id: str
    payload_hash: str
    request_id: str
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """The item is ours until the lease ends: work."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Done:
    """The work was done before: acknowledge."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Someone else may be working: defer, never acknowledge.

    Attributes:
        until_ms: When the lease ends, in milliseconds since the epoch.
    """

    until_ms: int


@dataclass(frozen=True, slots=True)
class Unsent:
    """The effect stands, and its messages may not have been sent: send all of them again, whoever did the work.

    Attributes:
        item: The item, with its outbox.
    """

    item: Item


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """Messages of this request died: the item is DEAD; or COMMITTED, and they were told.

    Attributes:
        item: The item; its `told` says which of its messages are in the dead-letter queue.
    """

    item: Item


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key is taken by another payload."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The store did not answer: the message comes back, and this was no attempt."""


Decision = Held | Done | Busy | Unsent | DeadLettered | Mismatch | Unavailable


class Idempotency:
    """The items of one invocation's messages.

    Args:
        store: Where items live.
        clock: What leases are measured with.
        owner: Token of this invocation.
        lease: How long its leases last.
        window_seconds: How long an item outlives its last change.
        rng: Where the jitter of pauses comes from.
    """

    def __init__(
        self,
        store: ItemStore,
        clock: Clock,
        *,
        owner: str,
        lease: LeaseTerm,
        window_seconds: int,
        rng: random.Random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._lease = lease
        self._rng = rng
        self._window_seconds = window_seconds

    @property
    def lease(self) -> LeaseTerm:
        """How long the leases of this invocation last."""
        return self._lease

    def claim(self, requests: Sequence[ClaimRequest]) -> list[Decision]:
        """Claim the items of `requests`, whose ids are distinct, and say for each what is to be done.

        New items cost one batched call. Only those that exist cost a read, and only those free to take a second write.
        """
        if not requests:
            return []
        wanted = [self._wanted(request) for request in requests]
        decisions: list[Decision] = [Unavailable()] * len(requests)
        refused = []
        for index, verdict in enumerate(self._store.insert(wanted)):
            if verdict.outcome is Outcome.APPLIED:
                decisions[index] = Held(Claim(item=wanted[index]))
            elif verdict.outcome is Outcome.REFUSED:
                refused.append(index)
        takeovers: list[tuple[int, Change, Claim]] = []
        found_items = self._store.read([wanted[index].id for index in refused]) if refused else []
        for index, found in zip(refused, found_items, strict=True):
            if isinstance(found, Item):
                decision = self._decide(requests[index], wanted[index], found)
                if isinstance(decision, tuple):
                    takeovers.append((index, *decision))
                else:
                    decisions[index] = decision
        verdicts = self._store.update([change for _, change, _ in takeovers]) if takeovers else []
        for (index, _, claim), verdict in zip(takeovers, verdicts, strict=True):
            decisions[index] = self._taken_over(claim, verdict)
        return decisions

    def _decide(self, request: ClaimRequest, wanted: Item, found: Item) -> Decision | tuple[Change, Claim]:
        now_ms = self._clock.now_ms()
        if found.has_expired(now_ms):
            return takeover(found, wanted)
        if found.status is Status.DEAD:
            own = set(found.message_ids) & set(request.message_ids)
            return DeadLettered(found) if own else takeover(found, wanted)
        if found.payload_hash != wanted.payload_hash:
            return Mismatch()
        if found.status is Status.COMPLETED:
            return Done()
        if found.status is Status.COMMITTED:
            return self._decide_committed(request, found, now_ms)
        return self._decide_unfinished(wanted, found, now_ms)

    def _decide_committed(self, request: ClaimRequest, found: Item, now_ms: int) -> Decision:
        if request.message_ids and set(request.message_ids) <= set(found.told):
            return DeadLettered(found)
        # Its owner may be sending at this moment: a copy that came meanwhile would send everything twice.
        may_be_sending = now_ms <= found.lease < items.NEVER and found.owner != self._owner
        return Busy(found.lease) if may_be_sending else Unsent(found)

    def _decide_unfinished(self, wanted: Item, found: Item, now_ms: int) -> Decision | tuple[Change, Claim]:
        if found.is_held(now_ms):
            # Our own claim, when the answer to it was lost and the SDK's retry met it.
            return Held(Claim(item=found)) if found.owner == self._owner else Busy(found.lease)
        return takeover(found, wanted)

    def _taken_over(self, claim: Claim, verdict: Verdict) -> Decision:
        if claim.stands_as(Status.INPROGRESS, verdict):
            return Held(claim)
        if verdict.outcome is Outcome.REFUSED:
            found = verdict.found
            is_taken = found is not None and found.status is Status.INPROGRESS
            return Busy(found.lease if found is not None and is_taken else self._clock.now_ms())
        return Unavailable()

    def start(self, claim: Claim) -> Outcome:
        """Record that an attempt begins, so that a kill in it is counted.

        Returns:
            APPLIED when it may run, REFUSED when another worker owns the item, UNAVAILABLE when the store did not
            answer.
        """
        change = Change(item_id=claim.item.id, values={items.ATTEMPTS: claim.attempt}, where=claim.held())
        return self._store.update([change])[0].outcome

    def extend(self, claim: Claim) -> int:
        """Extend the lease of `claim` from now.

        Returns:
            When it ends, in milliseconds since the epoch.

        Raises:
            LeaseLostError: Another worker owns the item.
            UnavailableError: The store did not answer; the lease may still end when it was to.
        """
        end_ms = self._lease.end_ms()
        change = Change(item_id=claim.item.id, values={items.LEASE: end_ms}, where=claim.held())
        verdict = self._store.update([change])[0]
        if verdict.outcome is Outcome.UNAVAILABLE:
            msg = "the lease was not extended"
            raise UnavailableError(msg)
        if not claim.stands_as(Status.INPROGRESS, verdict):
            msg = "another worker owns the message"
            raise LeaseLostError(msg)
        return end_ms

    def transaction(self, claim: Claim, completion: Callable[[], Change]) -> Transaction:
        """Return a transaction that applies `completion`, asked for at its end, together with the business's writes."""
        return Transaction(self._store, self._clock, self._rng, claim, completion)

    def completed(self, claim: Claim, outbox: Sequence[OutboxMessage] = (), result: str = "") -> Change:
        """Return the change that says: the work is done with this result, and these messages are still to be sent."""
        kept: Attributes = {items.RESULT: result} if result else {}
        if not outbox:
            return claim.settle(Status.COMPLETED, {**kept, **self._stamp()})
        sent_on: Attributes = {items.OUTBOX: encode(outbox), items.ATTEMPTS: 0}
        return claim.settle(Status.COMMITTED, {**sent_on, **kept, **self._stamp()})

    def sent(self, item: Item) -> Change:
        """Return the change that says: all messages were sent. Whoever sent them may say so."""
        done: Attributes = {items.STATUS: Status.COMPLETED, items.LEASE: items.NEVER, items.OUTBOX: ""}
        values: Attributes = {**done, **self._stamp()}
        return Change(item_id=item.id, values=values, where={items.STATUS: Status.COMMITTED})

    def send_failed(self, item: Item) -> Change:
        """Return the change that writes the rounds of sends that failed, and the last error; others may send now."""
        counted: Attributes = {items.ATTEMPTS: item.attempts, items.REASON: item.reason}
        values: Attributes = {**counted, items.LEASE: items.FREE, **self._stamp()}
        where: Attributes = {items.FENCE: item.fence, items.STATUS: Status.COMMITTED}
        return Change(item_id=item.id, values=values, where=where)

    def given_up(self, item: Item, message_ids: Sequence[str]) -> Change:
        """Return the change that says: the effect stands, and these messages are dead letters of what it sends on.

        The item stays COMMITTED: another message of it, as a redriven one is, sends again, with a budget of its own.
        """
        change = self.send_failed(replace(item, attempts=0))
        return replace(change, values={**change.values, items.TOLD: _with(item.told, message_ids)})

    def released(self, claim: Claim, *, attempts: int, reason: str) -> Change:
        """Return the change that gives the item back, with the attempts counted so far and the last error."""
        values: Attributes = {items.ATTEMPTS: attempts, items.REASON: reason or claim.item.reason}
        return claim.settle(Status.RELEASED, {**values, **self._stamp()})

    def dead(self, claim: Claim, *, attempts: int, reason: str, message_ids: tuple[str, ...]) -> Change:
        """Return the change that says: this will never be done, for this reason."""
        values: Attributes = {items.ATTEMPTS: attempts, items.REASON: reason, items.MESSAGE_IDS: message_ids}
        return claim.settle(Status.DEAD, {**values, **self._stamp()})

    def notified(self, item: Item, message_ids: Sequence[str]) -> Change:
        """Return the change that says: these messages are in the dead-letter queue, and SNS knows."""
        told: Attributes = {items.TOLD: _with(item.told, message_ids)}
        where: Attributes = {items.FENCE: item.fence, items.STATUS: Status.DEAD}
        return Change(item_id=item.id, values={**told, **self._stamp()}, where=where)

    def settle(self, changes: Sequence[Change]) -> list[Verdict]:
        """Write changes whose ids are distinct, in as few calls as the store can."""
        return self._store.update(changes) if changes else []

    def _wanted(self, request: ClaimRequest) -> Item:
        now_ms = self._clock.now_ms()
        return Item(
            id=request.item_id,
            status=Status.INPROGRESS,
            owner=self._owner,
            fence=1,
            lease=self._lease.end_ms(),
            payload_hash=request.payload_hash,
            request_id=request.request_id,
            updated=now_ms,
            expiration=self._expiration(now_ms),
        )

    def _stamp(self) -> dict[str, int]:
        now_ms = self._clock.now_ms()
        return {items.UPDATED: now_ms, items.EXPIRATION: self._expiration(now_ms)}

    def _expiration(self, now_ms: int) -> int:
        return now_ms // 1_000 + self._window_seconds


def _with(told: Sequence[str], message_ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*told, *message_ids)))
