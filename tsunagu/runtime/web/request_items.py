"""The item of an HTTP request: claims it, commits it together with the answer, and answers repeated requests."""

import logging
import math
import random
from dataclasses import dataclass
from typing import NoReturn

from tsunagu.contracts.items import OUTBOX_AND_RESULT_BYTES, Status
from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.contracts.web import web_request_space
from tsunagu.runtime.clock import Clock, NewId
from tsunagu.runtime.errors import ConditionFailedError, FailedCall, bounded_reason, described
from tsunagu.runtime.idempotency.decision import (
    Busy,
    ClaimRequest,
    Decision,
    Done,
    Foreign,
    Held,
    Mismatch,
    Unavailable,
    Unsent,
)
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id
from tsunagu.runtime.idempotency.lease import Claim, LeaseTerm
from tsunagu.runtime.idempotency.store import Commit, ItemStore, Outcome, Verdict
from tsunagu.runtime.idempotency.unsent_index import UnsentIndex, taking_to_send
from tsunagu.runtime.json_text import canonical_json
from tsunagu.runtime.receiving.relay import OutboxSender, Relay, Relayed
from tsunagu.runtime.sending.outbox import encode
from tsunagu.runtime.telemetry import Metrics, call_fields, error_fields, in_hand
from tsunagu.runtime.web.answers import (
    BAD_REQUEST,
    CONFLICT,
    OTHER_PAYLOAD,
    SERVER_ERROR,
    UNAVAILABLE,
    Answer,
    problem,
)
from tsunagu.runtime.web.requests import IdempotentRequest, RequestFacts, RequestNotOpenedError

_logger = logging.getLogger(__name__)

RETRY_SECONDS = 1  # after an answer that says "try again", where nothing says when
IN_PROGRESS = "a request with this Idempotency-Key is in progress"
TRY_AGAIN = "the outcome of the request is not known: send it again with the same Idempotency-Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPorts:
    """The services that requests use, behind protocols."""

    store: ItemStore
    outbox: OutboxSender
    metrics: Metrics
    clock: Clock
    new_id: NewId
    new_owner: NewId
    rng: random.Random


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestConfig:
    """Names and numbers of the requests of one application.

    Attributes:
        scope: Name of the kind of message; first part of the items' ids.
        window_seconds: Seconds that a key and its answer are remembered.
        timeout_seconds: Longest time of a request, where Lambda does not say how much is left.
        place: Whose keys these are; see `Item.receiver`. Default: nobody else can have them.
    """

    scope: str
    window_seconds: int
    timeout_seconds: int
    place: str = ""


class RequestItem:
    """The item of one HTTP request with an `Idempotency-Key`.

    Args:
        facts: The request.
        caller: Who has the key.
        config: Names and numbers.
        ports: The services.
    """

    def __init__(self, facts: RequestFacts, caller: str, config: RequestConfig, ports: RequestPorts) -> None:
        self._facts = facts
        self._caller = caller
        self._config = config
        self._ports = ports
        remaining_ms = config.timeout_seconds * 1_000 if facts.remaining_ms is None else facts.remaining_ms
        self._owner = ports.new_owner()
        self._idempotency = Idempotency(
            UnsentIndex(ports.store, config.place),
            ports.clock,
            owner=self._owner,
            lease=LeaseTerm(ports.clock, ports.clock.now_ms() + remaining_ms),
            window_seconds=config.window_seconds,
            rng=ports.rng,
            receiver=config.place,
        )

    def claim(self) -> IdempotentRequest:
        """Claim the item, and return the request that holds it.

        Raises:
            RequestNotOpenedError: It is a repeated request, or its item cannot be claimed. The error has the answer.
        """
        key = self._facts.key()
        if key is None:
            expected = "an Idempotency-Key must be 1 to 255 visible ASCII characters"
            _refuse(BAD_REQUEST, f"{expected}, got something else")
        request = ClaimRequest(
            item_id=item_id(web_request_space(self._config.scope), canonical_json([self._caller, key])),
            payload_hash=self._facts.payload_hash(),
            request_id=self._ports.new_id(),
            message_ids=(),
            reopens=False,  # an outbox that was given up is not sent again by a repeated request
        )
        decision = self._idempotency.claim([request])[0]
        if isinstance(decision, Held):
            return IdempotentRequest(decision.claim, key, self._facts.trace_header(), self._facts.traceparent())
        return self._refuse_known(decision, request.item_id)

    def commit(self, request: IdempotentRequest, answer: Answer) -> Answer:
        """Commit writes, messages and answer together, and send the messages.

        Returns:
            The answer that the caller gets: this one, or why nothing was committed.
        """
        claim = request.claim
        messages, text = request.outbox.seal(), answer.encode()
        size = len(encode(messages).encode()) + len(text.encode())
        if size > OUTBOX_AND_RESULT_BYTES:
            reason = f"outbox and answer must have at most {OUTBOX_AND_RESULT_BYTES:,} bytes together, got {size:,}"
            _logger.error("answer too large", extra=_ids(claim.item))
            self.release(request, reason)
            return problem(SERVER_ERROR, reason)
        change = self._idempotency.completed(claim, messages, text)
        writes = request.collected()
        if writes:
            (verdict,) = self._idempotency.commit([Commit(change, writes)])
        else:  # a transaction would cost twice as much
            (verdict,) = self._idempotency.settle([change])
        if claim.was_done(verdict):
            self._relay(change.applied(claim.item))
            return answer
        if verdict.error is not None:
            return self._not_applied(request, verdict.error)
        if verdict.outcome in {Outcome.CONFLICT, Outcome.UNAVAILABLE}:
            return self._not_known(request, answer, verdict.problem)
        return self._lost(claim)

    def release(self, request: IdempotentRequest, reason: str) -> Verdict:
        """Give the item back, so that the next request with the key runs. What the request collected is not done."""
        request.seal.is_closed = True
        claim = request.claim
        change = self._idempotency.released(claim, attempts=claim.item.attempts, reason=bounded_reason(reason))
        verdict = self._idempotency.settle([change])[0]
        if verdict.outcome is Outcome.UNAVAILABLE:  # the lease ends by itself
            self._ports.metrics.count_failed_call(verdict.problem)
            _logger.warning("request not released", extra={**_ids(claim.item), **call_fields(verdict.problem)})
        return verdict

    def _refuse_known(self, decision: Decision, identity: str) -> NoReturn:
        """Raise the answer to a request whose item exists, or cannot be read."""
        if isinstance(decision, Unsent):
            self._send(decision.item)
            self._replay(decision.item, identity)
        if isinstance(decision, Done):
            self._replay(self._ports.store.read([identity])[0], identity)
        if isinstance(decision, Mismatch):
            _refuse(OTHER_PAYLOAD, "an Idempotency-Key must be used for one request only, got another one")
        if isinstance(decision, Busy):
            seconds = math.ceil((decision.until_ms - self._ports.clock.now_ms()) / 1_000)
            _refuse(CONFLICT, IN_PROGRESS, retry_after_seconds=max(RETRY_SECONDS, seconds))
        if isinstance(decision, Foreign):
            self._ports.metrics.count(Metric.KEYS_MIXED_UP)
            self._ports.metrics.count(Metric.CONFIGURATION_FAULTS)
            fields: dict[str, str] = {LogKey.ITEM_ID: identity, LogKey.RECEIVER: decision.receiver}
            _logger.error("the key belongs to another application of the table", extra=fields)
            _refuse(SERVER_ERROR, "the table must not be shared with another application of the same scope")
        call = decision.problem if isinstance(decision, Unavailable) else None
        self._ports.metrics.count_failed_call(call)
        _logger.error("request not opened", extra={LogKey.ITEM_ID: identity, **call_fields(call)})
        _refuse(UNAVAILABLE, TRY_AGAIN, retry_after_seconds=RETRY_SECONDS)

    def _replay(self, found: Item | Verdict | None, identity: str) -> NoReturn:
        """Raise the answer that an item keeps."""
        stored = _stored(found)
        if stored is None:
            _logger.error("stored answer not read", extra={LogKey.ITEM_ID: identity})
            _refuse(UNAVAILABLE, TRY_AGAIN, retry_after_seconds=RETRY_SECONDS)
        self._ports.metrics.count(Metric.DUPLICATES_SKIPPED)
        msg = "the request was answered before"
        raise RequestNotOpenedError(msg, stored)

    def _not_applied(self, request: IdempotentRequest, error: Exception) -> Answer:
        """Return the answer to a request of which a write was refused. Its key can be used again."""
        self.release(request, described(error))
        fields = {**_ids(request.claim.item), **error_fields(error)}
        if isinstance(error, ConditionFailedError):
            _logger.warning("condition failed", extra=fields)
            return problem(CONFLICT, "the state of the resource must allow the request, got another state")
        _logger.error("write refused", extra=fields)
        return problem(SERVER_ERROR, "the request could not be carried out")

    def _not_known(self, request: IdempotentRequest, answer: Answer, call: FailedCall | None) -> Answer:
        """Return the answer to a request whose commit had no verdict."""
        claim = request.claim
        self._ports.metrics.count_failed_call(call)
        _logger.error("request not committed", extra={**_ids(claim.item), **call_fields(call)})
        # If only the verdict was lost, the release is refused, because the request is completed.
        found = self.release(request, str(call or "DynamoDB did not answer"))
        if found.found is not None and claim.was_done(found):
            self._relay(found.found)
            return answer
        return problem(UNAVAILABLE, TRY_AGAIN, retry_after_seconds=RETRY_SECONDS)

    def _lost(self, claim: Claim) -> Answer:
        self._ports.metrics.count(Metric.LEASES_LOST)
        _logger.warning("lease lost", extra=_ids(claim.item))
        return problem(CONFLICT, IN_PROGRESS, retry_after_seconds=RETRY_SECONDS)

    def _send(self, item: Item) -> None:
        """Send the messages of a request that another invocation left, unless somebody else begins to."""
        change = taking_to_send(item, owner=self._owner, lease_ms=self._idempotency.lease.end_ms())
        if self._idempotency.settle([change])[0].outcome is Outcome.APPLIED:
            self._relay(change.applied(item))

    def _relay(self, item: Item) -> None:
        """Send the messages of a request that is committed. If that fails, the answer stands: they are sent later."""
        if not item.outbox:
            return
        with in_hand(_ids(item)):
            result = Relay(self._ports.outbox, self._idempotency, self._ports.metrics).relay([(item, "")])[0]
            if result.outcome is not Relayed.SENT:
                self._ports.metrics.count_failed_call(result.call)
                _logger.error("outbox not sent", extra=call_fields(result.call))


def _refuse(status: int, detail: str, *, retry_after_seconds: int | None = None) -> NoReturn:
    raise RequestNotOpenedError(detail, problem(status, detail, retry_after_seconds=retry_after_seconds))


def _stored(found: Item | Verdict | None) -> Answer | None:
    """Return the answer that an item keeps; None if there is none, or it has the form of another release."""
    if not isinstance(found, Item) or found.status not in {Status.COMMITTED, Status.COMPLETED}:
        return None
    try:
        return Answer.decode(found.result)
    except (ValueError, KeyError, TypeError):
        return None


def _ids(item: Item) -> dict[str, str]:
    return {LogKey.REQUEST_ID: item.request_id, LogKey.ITEM_ID: item.id}
