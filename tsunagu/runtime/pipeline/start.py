"""Starts and replays requests by direct invocation. A second call with the same key never starts a second run."""

import logging
import random
from dataclasses import dataclass, replace

from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.clock import Clock, NewId
from tsunagu.runtime.errors import (
    PermanentError,
    UnavailableError,
    bounded_reason,
    error_text,
    error_type,
)
from tsunagu.runtime.idempotency.decision import (
    Busy,
    ClaimRequest,
    Decision,
    Done,
    Foreign,
    Held,
    Mismatch,
    Unavailable,
    Unreadable,
    Unsent,
)
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id, payload_hash
from tsunagu.runtime.idempotency.lease import Claim, LeaseTerm
from tsunagu.runtime.idempotency.store import ItemStore
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.commands import Command, ReplayCommand, RequestCheck, command_from_json, with_payload
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.errors import (
    ForeignKeyError,
    KeyTakenError,
    NotPublishedError,
    RequestInProgressError,
)
from tsunagu.runtime.pipeline.journal import envelope_of, is_done
from tsunagu.runtime.pipeline.plan import Planner
from tsunagu.runtime.pipeline.shape import Pipeline, start_key, start_scope
from tsunagu.runtime.receiving.relay import OutboxSender, Relay, Relayed
from tsunagu.runtime.sending.outbox import Outbox, encode
from tsunagu.runtime.telemetry import Metrics, call_fields

_logger = logging.getLogger(__name__)

ACCEPTED, DUPLICATE = "accepted", "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPorts:
    """The ports of a `Starter`. `new_id` returns UUIDs of version 7."""

    store: ItemStore
    outbox: OutboxSender
    metrics: Metrics
    clock: Clock
    new_id: NewId
    new_owner: NewId
    rng: random.Random


class Starter:
    """Starts and replays requests.

    Args:
        pipeline: The pipeline.
        planner: Plans runs.
        ports: The store, the outbox sender, the clock and the sources of ids.
        window_seconds: How long a start and its key are remembered.
        place: Where the pipeline is; see `PreprocessorEnvironment.pipeline_place`. Default: not compared.
        check: Refuses requests; see `command_from_json`. Default: none is refused.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        planner: Planner,
        ports: StartPorts,
        *,
        window_seconds: int,
        place: str = "",
        check: RequestCheck | None = None,
    ) -> None:
        self._check = check
        self._pipeline = pipeline
        self._planner = planner
        self._ports = ports
        self._window_seconds = window_seconds
        self._place = place

    def answer(self, document: object, *, deadline_ms: int, trace_context: str | None = None) -> JsonObject:
        """Start or replay a request, once for each idempotency key.

        Without a key, a second call starts another run.

        Args:
            document: The command, as `command_from_json` describes it. Instead of `payload` it may have `payload_json`,
                the JSON text of the payload: then numbers stay exact that Lambda would round.
            deadline_ms: When the invocation ends, in milliseconds since the epoch.
            trace_context: X-Ray header to carry on.

        Returns:
            `request_id`, `run_id` and `status`: `accepted`, or `duplicate` if the key was used for this command before.

        Raises:
            RefusedRequestError: The command is refused. The subclass and the text say why.
            PayloadTooLargeError: A part is larger than the pipeline accepts.
            RequestInProgressError: Another call with the key is running.
            ForeignKeyError: Another pipeline of the same name has the key in the table.
            NotPublishedError: The run may not be published: call again with the same key. The text has the request id.
                A start without a key is stored too: a replay publishes it.
            ObjectDeniedError: The object store refused.
            UnavailableError: A store did not answer: call again with the same key.
        """
        document = with_payload(document)
        command = command_from_json(self._pipeline, document, self._check)
        run_id = self._ports.new_id()
        request_id = command.request_id if isinstance(command, ReplayCommand) else self._ports.new_id()
        request = ClaimRequest(
            item_id=item_id(
                start_scope(self._pipeline.name), start_key(idempotency_key=command.idempotency_key, run_id=run_id)
            ),
            payload_hash=payload_hash(document),
            request_id=request_id,
            message_ids=(),
        )
        call = _Call(self._ports, self._idempotency(deadline_ms))
        try:
            decision = call.idempotency.claim([request])[0]
            if not isinstance(decision, Held):
                return _answer(call.known(decision, request.item_id), DUPLICATE)
            envelope = self._planned(call, decision.claim, command, request_id, run_id)
            call.publish(self._committed(call, decision.claim, envelope, trace_context))
        except UnavailableError as error:
            if error.call is not None:
                self._ports.metrics.count_failed_call(error.call)
                _logger.exception(
                    "request not started", extra={LogKey.REQUEST_ID: request_id, **call_fields(error.call)}
                )
            raise
        finally:
            self._ports.metrics.flush()
        _logger.info("run started", extra={LogKey.REQUEST_ID: request_id, LogKey.ITEM_ID: request.item_id})
        return _answer(envelope, ACCEPTED)

    def _planned(self, call: "_Call", claim: Claim, command: Command, request_id: str, run_id: str) -> Envelope:
        """Return the envelope of the run. If it cannot be planned, end the claim and raise."""
        try:
            return self._planner.envelope(command, request_id=request_id, run_id=run_id)
        except Exception as error:
            call.give_back(claim, error)
            raise

    def _committed(self, call: "_Call", claim: Claim, envelope: Envelope, trace_context: str | None) -> Item:
        outbox = Outbox(envelope.request_id, trace_context)
        self._planner.announce(envelope, outbox, trace_context)
        return call.commit(claim, outbox, envelope.encode())

    def _idempotency(self, deadline_ms: int) -> Idempotency:
        return Idempotency(
            self._ports.store,
            self._ports.clock,
            owner=self._ports.new_owner(),
            lease=LeaseTerm(self._ports.clock, deadline_ms),
            window_seconds=self._window_seconds,
            rng=self._ports.rng,
            receiver=self._place,
        )


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: takes the item of a start from claimed to published."""

    ports: StartPorts
    idempotency: Idempotency

    def known(self, decision: Decision, record_id: str) -> Envelope:
        """Return the envelope that was published under the key before. Publish it again if it may not be published."""
        if isinstance(decision, Mismatch):
            msg = "an idempotency key must be used for one command only, got another command with this key"
            raise KeyTakenError(msg)
        if isinstance(decision, Foreign):
            self.ports.metrics.count(Metric.KEYS_MIXED_UP)
            msg = (
                "the key belongs to another pipeline of the same name, so nothing was started: "
                "give each pipeline a table or a name of its own"
            )
            _logger.error(msg, extra={LogKey.ITEM_ID: record_id, LogKey.RECEIVER: decision.receiver})
            raise ForeignKeyError(msg)
        if isinstance(decision, Unsent):
            self.publish(decision.item)
            return envelope_of(decision.item)
        if isinstance(decision, Done):
            found = self.ports.store.read([record_id])[0]
            if is_done(found):
                return envelope_of(found)
        problem = decision.problem if isinstance(decision, Unavailable) else None
        if isinstance(decision, Busy):
            msg = "the request is in progress: call again with the same key"
            raise RequestInProgressError(msg)
        if isinstance(decision, Unreadable):
            msg = f"the item of the request cannot be read: {decision.problem}"
            raise UnavailableError(msg)
        msg = "the table did not answer: call again with the same key"
        raise UnavailableError(f"{msg}, got {problem}" if problem else msg, call=problem)

    def commit(self, claim: Claim, outbox: Outbox, text: str) -> Item:
        """Commit the envelope and its message to the item, and return the item."""
        messages = outbox.seal()
        verdict = self.idempotency.settle([self.idempotency.completed(claim, messages, text)])[0]
        if not claim.was_done(verdict):
            msg = f"request {claim.item.request_id} may not be recorded: call again with the same key"
            raise NotPublishedError(msg, call=verdict.problem)
        return replace(claim.item, status=Status.COMMITTED, outbox=encode(messages), result=text, attempts=0)

    def publish(self, item: Item) -> None:
        """Publish the message in an item's outbox, and mark the item as published."""
        result = Relay(self.ports.outbox, self.idempotency, self.ports.metrics).relay([(item, "")])[0]
        if result.outcome is not Relayed.SENT:
            got = result.call or result.item.published_reason or "no answer"  # Lambda logs the text of what is raised
            way = "call again with the same key, or replay it if it has no key"
            msg = f"request {item.request_id} may not be published: {way}, got {got}"
            raise NotPublishedError(msg, call=result.call)

    def give_back(self, claim: Claim, error: Exception) -> None:
        """End the claim of a run that could not be planned.

        The key can be used again; after a refusal, for another request too.
        """
        reason = bounded_reason(f"{error_type(error)}: {error_text(error)}")
        if isinstance(error, PermanentError):
            change = self.idempotency.dead(claim, attempts=claim.attempt, reason=reason, message_ids=())
        else:
            change = self.idempotency.released(claim, attempts=claim.item.attempts, reason=reason)
        self.idempotency.settle([change])


def _answer(envelope: Envelope, status: str) -> JsonObject:
    return {"request_id": envelope.request_id, "run_id": envelope.run_id, "status": status}
