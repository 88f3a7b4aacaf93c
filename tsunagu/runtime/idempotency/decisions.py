"""Decisions: what is to be done with each message of an invocation, as its idempotency item says."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import LeaseLostError, UnavailableError
from tsunagu.runtime.idempotency.committer import Committer
from tsunagu.runtime.idempotency.decision import (
    Busy,
    ClaimRequest,
    DeadLettered,
    Decision,
    Done,
    Foreign,
    Held,
    Mismatch,
    Unavailable,
    Unreadable,
    Unsent,
)
from tsunagu.runtime.idempotency.item import Attributes, Change, Item
from tsunagu.runtime.idempotency.lease import Claim, LeaseTerm, takeover
from tsunagu.runtime.idempotency.store import Commit, IsolatedStore, ItemStore, Outcome, Verdict

if TYPE_CHECKING:
    from tsunagu.runtime.sending.outbox import OutboxMessage


class Idempotency:
    """Decides about the items of one invocation, and makes the changes of their outcomes.

    Args:
        store: Keeps the items.
        clock: The time.
        owner: Token of this invocation.
        lease: Length of its leases.
        window_seconds: Seconds from the last claim or outcome of an item until it expires.
        rng: Where the jitter of pauses comes from.
        receiver: Whose keys these are; see `Item.receiver`. Default: nobody else can have them.
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
        receiver: str = "",
    ) -> None:
        self._store = IsolatedStore(store)
        self._clock = clock
        self._owner = owner
        self._lease = lease
        self._committer = Committer(self._store, clock, rng, owner)
        self._window_seconds = window_seconds
        self._receiver = receiver

    @property
    def lease(self) -> LeaseTerm:
        """Length of the leases of this invocation."""
        return self._lease

    def claim(self, requests: Sequence[ClaimRequest]) -> list[Decision]:
        """Claim the items of `requests`, and return for each what is to be done. The ids are distinct.

        One batched call creates new items. A second one reads the items that exist. A third one takes over those whose
        lease has ended.
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
            else:
                decisions[index] = Unavailable(verdict.problem)
        takeovers: list[tuple[int, Change, Claim]] = []
        found_items = self._store.read([wanted[index].id for index in refused]) if refused else []
        for index, found in zip(refused, found_items, strict=True):
            if isinstance(found, Item):
                decision = self._decide(requests[index], wanted[index], found)
                if isinstance(decision, tuple):
                    takeovers.append((index, *decision))
                else:
                    decisions[index] = decision
            elif found is not None:
                is_unreadable = found.outcome is Outcome.UNREADABLE
                decisions[index] = Unreadable(found.unreadable) if is_unreadable else Unavailable(found.problem)
        verdicts = self._store.update([change for _, change, _ in takeovers]) if takeovers else []
        for (index, _, claim), verdict in zip(takeovers, verdicts, strict=True):
            decisions[index] = self._taken_over(claim, verdict)
        return decisions

    def _decide(self, request: ClaimRequest, wanted: Item, found: Item) -> Decision | tuple[Change, Claim]:
        now_ms = self._clock.now_ms()
        if found.has_expired(now_ms):
            return takeover(found, wanted)
        if found.receiver not in {"", self._receiver}:  # empty: of an earlier release
            return Foreign(found.receiver)
        return self._decide_own(request, wanted, found, now_ms)

    def _decide_own(
        self, request: ClaimRequest, wanted: Item, found: Item, now_ms: int
    ) -> Decision | tuple[Change, Claim]:
        if found.status is Status.DEAD:
            if set(found.message_ids) & set(request.message_ids):
                return DeadLettered(found)
            return takeover(found, wanted) if request.reopens else Done()
        if found.payload_hash != wanted.payload_hash:
            return Mismatch()
        if found.status is Status.COMPLETED:
            return Done(found)
        if found.status is Status.COMMITTED:
            return self._decide_committed(request, found, now_ms)
        return self._decide_unfinished(wanted, found, now_ms)

    def _decide_committed(self, request: ClaimRequest, found: Item, now_ms: int) -> Decision:
        if request.message_ids and set(request.message_ids) <= set(found.told):
            return DeadLettered(found)
        if found.told and not request.reopens:  # it was given up, and is shown as failed
            return Done()
        # The owner may be sending at this moment. A copy of the message would send everything a second time.
        may_be_sending = now_ms <= found.lease < items.NEVER and found.owner != self._owner
        return Busy(found.lease) if may_be_sending else Unsent(found)

    def _decide_unfinished(self, wanted: Item, found: Item, now_ms: int) -> Decision | tuple[Change, Claim]:
        if found.is_held(now_ms):
            # The owner is this invocation if the answer to its claim was lost, and the SDK's retry found the item.
            return Held(Claim(item=found)) if found.owner == self._owner else Busy(found.lease)
        return takeover(found, wanted)

    def _taken_over(self, claim: Claim, verdict: Verdict) -> Decision:
        if claim.stands_as(Status.INPROGRESS, verdict):
            return Held(claim)
        if verdict.outcome is Outcome.REFUSED:
            found = verdict.found
            is_taken = found is not None and found.status is Status.INPROGRESS
            return Busy(found.lease if found is not None and is_taken else self._clock.now_ms())
        return Unavailable(verdict.problem)

    def start(self, claim: Claim) -> Verdict:
        """Count an attempt before it begins, so that it is counted even if it kills the worker.

        Returns:
            Its outcome: APPLIED: the attempt may begin. REFUSED: another worker owns the item. UNAVAILABLE: the store
            did not answer; the attempt may have been counted.
        """
        change = Change(item_id=claim.item.id, values={items.ATTEMPTS: claim.attempt}, where=claim.held())
        return self._store.update([change])[0]

    def extend(self, claim: Claim) -> int:
        """Extend the lease of `claim`, from now on.

        Returns:
            When the lease ends, in milliseconds since the epoch.

        Raises:
            LeaseLostError: Another worker owns the item.
            UnavailableError: The store did not answer; the lease may not have been extended.
        """
        end_ms = self._lease.end_ms()
        change = Change(item_id=claim.item.id, values={items.LEASE: end_ms}, where=claim.held())
        verdict = self._store.update([change])[0]
        if verdict.outcome is Outcome.UNAVAILABLE:
            msg = f"DynamoDB must extend the lease, got {verdict.problem or 'no answer'}"
            raise UnavailableError(msg, call=verdict.problem)
        if not claim.stands_as(Status.INPROGRESS, verdict):
            msg = "another worker owns the message"
            raise LeaseLostError(msg)
        return end_ms

    def commit(self, commits: Sequence[Commit], *, together: bool = True) -> list[Verdict]:
        """Apply each commit or nothing of it; `together`: in as few transactions as possible. The ids are distinct."""
        groups = [commits] if together else [[commit] for commit in commits]
        return [verdict for group in groups for verdict in self._committer.commit(group)]

    def completed(self, claim: Claim, outbox: "Sequence[OutboxMessage]" = (), result: str = "") -> Change:
        """Return the change that completes the message: COMPLETED; or COMMITTED, if messages are to be sent.

        Args:
            claim: The item, which this worker holds.
            outbox: Messages to be sent.
            result: Text that the item keeps. Default: none.
        """
        kept: Attributes = {items.RESULT: result} if result else {}
        if not outbox:
            return claim.settle(Status.COMPLETED, {**kept, **self._stamp()})
        from tsunagu.runtime.sending.outbox import encode  # noqa: PLC0415 - most messages send nothing on

        sent_on: Attributes = {items.OUTBOX: encode(outbox), items.ATTEMPTS: 0}
        return claim.settle(Status.COMMITTED, {**sent_on, **kept, **self._stamp()})

    def sent(self, item: Item) -> Change:
        """Return the change that completes an item when all its messages were sent, by whichever worker."""
        done: Attributes = {items.STATUS: Status.COMPLETED, items.LEASE: items.NEVER, items.OUTBOX: ""}
        values: Attributes = {**done, **self._stamp()}
        return Change(item_id=item.id, values=values, where={items.STATUS: Status.COMMITTED})

    def send_failed(self, item: Item) -> Change:
        """Return the change that stores the failed rounds of sends and the last error, and lets other workers send."""
        counted: Attributes = {items.ATTEMPTS: item.send_rounds, items.REASON: item.reason}
        values: Attributes = {**counted, items.LEASE: items.FREE, **self._stamp()}
        where: Attributes = {items.FENCE: item.fence, items.STATUS: Status.COMMITTED}
        return Change(item_id=item.id, values=values, where=where)

    def given_up(self, item: Item, message_ids: Sequence[str]) -> Change:
        """Return the change that marks these messages as notified, of an item whose outbox cannot be sent.

        The item stays COMMITTED, because its effect stands. A redriven message sends again, with all rounds.
        """
        change = self.send_failed(replace(item, attempts=0))
        told: Attributes = {items.TOLD: _with(item.told, message_ids), items.PUBLISHED_REASON: item.published_reason}
        return replace(change, values={**change.values, **told})

    def released(self, claim: Claim, *, attempts: int, reason: str, published: str = "") -> Change:
        """Return the change that releases the item, with the attempts so far and the last error."""
        values: Attributes = {items.ATTEMPTS: attempts, items.REASON: reason or claim.item.reason}
        kept = {**values, **_published(claim, published if reason else claim.item.published_reason)}
        return claim.settle(Status.RELEASED, {**kept, **self._stamp()})

    def dead(
        self,
        claim: Claim,
        *,
        attempts: int,
        reason: str,
        message_ids: tuple[str, ...],
        published: str = "",
        place: str = "",
        behind: str = "",
    ) -> Change:
        """Return the change that marks the item as dead, for this reason. It keeps the newest of the message ids."""
        kept = newest(message_ids)
        values: Attributes = {items.ATTEMPTS: attempts, items.REASON: reason, items.MESSAGE_IDS: kept}
        placed: Attributes = {items.PLACE: place, items.BEHIND: behind} if place else {}
        return claim.settle(Status.DEAD, {**values, **placed, **_published(claim, published), **self._stamp()})

    def placed(self, item: Item, place: str) -> Change:
        """Return the change that gives an item whose outbox cannot be sent a place in its parked group."""
        change = self.send_failed(item)
        return replace(change, values={**change.values, items.PLACE: place, items.BEHIND: ""})

    def notified(self, item: Item, message_ids: Sequence[str]) -> Change:
        """Return the change that marks these messages as notified."""
        notified: Attributes = {items.TOLD: _with(item.told, message_ids)}
        where: Attributes = {items.FENCE: item.fence, items.STATUS: Status.DEAD}
        return Change(item_id=item.id, values={**notified, **self._stamp()}, where=where)

    def settle(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply changes, in as few calls as the store can. The ids are distinct."""
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
            receiver=self._receiver,
            updated=now_ms,
            expiration=self._expiration(now_ms),
        )

    def _stamp(self) -> dict[str, int]:
        now_ms = self._clock.now_ms()
        return {items.UPDATED: now_ms, items.EXPIRATION: self._expiration(now_ms)}

    def _expiration(self, now_ms: int) -> int:
        return now_ms // 1_000 + self._window_seconds


def _published(claim: Claim, reason: str) -> Attributes:
    """Return the attribute of the published reason, if it is not in the item as the claim left it."""
    return {} if reason == claim.item.published_reason else {items.PUBLISHED_REASON: reason}


def newest(message_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the message ids that an item keeps."""
    return tuple(message_ids[-items.KEPT_MESSAGE_IDS :])


def _with(notified: Sequence[str], message_ids: Sequence[str]) -> tuple[str, ...]:
    return newest(tuple(dict.fromkeys((*notified, *message_ids))))
