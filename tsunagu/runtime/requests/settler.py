"""The settler: ends requests whose message or event was given up by SQS or Lambda, so that no worker will end them.

Both leave a letter in the dead-letter queue. Letters of a worker have its reason, and their requests have failed
already. The letters stay in the queue: they are the evidence, and an operator may redrive them.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import LogKey
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import FailedCall, UnroutableEventError, bounded_reason
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.requests.gateway_event import is_gateway_event, record_of
from tsunagu.runtime.requests.open_request import OpenRequest, OpenRequests, RecordChange, RecordValue
from tsunagu.runtime.requests.sweep_rules import SweepRules, failing

_logger = logging.getLogger(__name__)

RECEIVES_PER_RUN = 50  # of ten letters
_TOO_OLD = "EventAgeExceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message in the dead-letter queue.

    Attributes:
        message_id: Id that SQS gave it.
        receipt_handle: Names it, to give it back.
        body: Its text.
        has_reason: Whether a worker sent it, with the reason: then its request has failed already.
        sent_ms: When it was sent, in milliseconds since the epoch; where SQS moved it, to its first queue.
    """

    message_id: str
    receipt_handle: str
    body: str
    has_reason: bool
    sent_ms: int


class DeadLetterView(Protocol):
    """Looks into the dead-letter queue."""

    def receive(self) -> list[Letter]:
        """Return up to ten letters, and hide them from others for a while. An empty list: there are no others.

        Raises:
            UnavailableError: SQS did not answer.
        """
        ...

    def give_back(self, letters: Sequence[Letter]) -> FailedCall | None:
        """Make letters visible to others again. Return a call that failed; its letters become visible by themselves."""
        ...


@dataclass(slots=True)
class SettleReport:
    """What was settled.

    Attributes:
        failed: Requests that have failed since.
        problem: A call that failed; None if all succeeded.
    """

    failed: int = 0
    problem: FailedCall | None = None


@dataclass(frozen=True, slots=True)
class _GivenUp:
    """What a letter says.

    Attributes:
        item_id: Id of the record of its request.
        reason: Why its message or event was given up.
        sent_ms: When the letter was sent, in milliseconds since the epoch.
        new_record: Attributes of a record, where there is none yet. None: without a record there is no request.
    """

    item_id: str
    reason: str
    sent_ms: int
    new_record: Mapping[str, RecordValue] | None = None


class Settler:
    """Settles the letters of one dead-letter queue.

    Args:
        scope: Scope of the requests.
        rules: Numbers of the sweeper.
        records: The records.
        letters: The dead-letter queue.
        clock: The time.
        max_receive_count: Receives after which SQS moves a message, for the reason.
    """

    def __init__(
        self,
        scope: str,
        rules: SweepRules,
        records: OpenRequests,
        letters: DeadLetterView,
        clock: Clock,
        *,
        max_receive_count: int,
    ) -> None:
        self._scope = scope
        self._rules = rules
        self._records = records
        self._letters = letters
        self._clock = clock
        self._moved = f"SQS moved the message to its dead-letter queue after {max_receive_count:,} receives"

    def settle(self, until_ms: int) -> SettleReport:
        """Look at up to 500 letters, and end their requests, if they have not ended.

        Args:
            until_ms: No receive begins after this time, in milliseconds since the epoch.

        Raises:
            UnavailableError: SQS did not answer.
        """
        report, seen = SettleReport(), []
        try:
            for _ in range(RECEIVES_PER_RUN):
                letters = self._letters.receive() if self._clock.now_ms() < until_ms else []
                if not letters:
                    break
                seen += letters
                self._settle(letters, report)
        finally:
            report.problem = (self._letters.give_back(seen) if seen else None) or report.problem
        return report

    def _settle(self, letters: Sequence[Letter], report: SettleReport) -> None:
        read = [self._read(letter) for letter in letters if not letter.has_reason]
        given_up = {each.item_id: each for each in read if each is not None}
        if not given_up:
            return
        now_ms = self._clock.now_ms()
        found = self._records.read([*given_up])
        pairs = zip(given_up.values(), found, strict=True)
        changes = [change for each, record in pairs if (change := self._change(each, record, now_ms)) is not None]
        verdicts = self._records.change(changes) if changes else []
        report.failed += sum(verdict.outcome is Outcome.APPLIED for verdict in verdicts)
        unanswered = [each for each in (*found, *verdicts) if isinstance(each, Verdict)]
        report.problem = next((each.problem for each in unanswered if each.problem is not None), report.problem)

    def _change(self, given_up: _GivenUp, found: OpenRequest | Verdict | None, now_ms: int) -> RecordChange | None:
        """Return the change that ends a request; None if it has ended, is not known, or may be ended by a worker."""
        if found is None and given_up.new_record is not None:
            return self._new(given_up, given_up.new_record, now_ms)
        if not isinstance(found, OpenRequest) or found.ending is not None or found.is_held(now_ms):
            return None
        is_sent_again = found.item.status is Status.COMMITTED and self._rules.has_queue
        # A letter of an earlier life: an operator has redriven a copy of it since.
        is_old = given_up.sent_ms <= found.reopened_ms
        if is_sent_again or is_old:
            return None
        change = failing(found, now_ms, self._rules, given_up.reason)
        return replace(change, where={**change.where, items.LEASE: found.item.lease})

    def _new(self, given_up: _GivenUp, record: Mapping[str, RecordValue], now_ms: int) -> RecordChange:
        """Return the change that writes the record of an event that no worker ever wrote one for."""
        values: dict[str, RecordValue] = {
            **record,
            items.STATUS: Status.DEAD,
            items.OWNER: "",
            items.FENCE: 0,
            items.LEASE: items.NEVER,
            items.RECEIVER: "",
            items.REASON: given_up.reason,
            items.UPDATED: now_ms,
            items.EXPIRATION: now_ms // 1_000 + self._rules.window_seconds,
            requests.DUE: now_ms,
        }
        return RecordChange(item_id=given_up.item_id, values=values, where={items.ID: None})

    def _read(self, letter: Letter) -> _GivenUp | None:
        try:
            content = json.loads(letter.body)
            given_up = self._message(letter, content) or self._event(letter, content)
        except (AttributeError, LookupError, RecursionError, TypeError, UnroutableEventError, ValueError):
            given_up = None
        if given_up is None:
            _logger.warning("letter of no request", extra={LogKey.MESSAGE_ID: letter.message_id})
        return given_up

    def _message(self, letter: Letter, content: Mapping[str, Any]) -> _GivenUp | None:
        """Read a message that SQS moved."""
        item_id = content.get(requests.REQUEST_KEY) if isinstance(content, dict) else None
        if requests.caller_and_request_id(self._scope, item_id) is None:
            return None
        return _GivenUp(_text(item_id), self._moved, letter.sent_ms)

    def _event(self, letter: Letter, content: Mapping[str, Any]) -> _GivenUp | None:
        """Read what Lambda says of an event that it gave up.

        Raises:
            AttributeError, LookupError, TypeError, UnroutableEventError: It is something else.
        """
        event, context = content["requestPayload"], content["requestContext"]
        if not is_gateway_event(event):
            return None
        request = record_of(self._scope, event)
        record: dict[str, RecordValue] = {
            requests.KIND: requests.REQUEST_KIND,
            items.REQUEST_ID: request.request_id,
            requests.CALLER: request.caller,
            requests.BODY: request.body,
            requests.CONTENT_TYPE: request.content_type,
            requests.ACCEPTED: request.accepted_ms,
            requests.OPEN: request.partition,
            **({requests.HEADERS: request.headers} if request.headers else {}),
        }
        return _GivenUp(request.item.id, _reason(content, context), letter.sent_ms, record)


def _text(value: object) -> str:
    """Return a value as text that DynamoDB takes.

    Raises:
        ValueError: It has half a surrogate pair.
    """
    text = str(value)
    text.encode()
    return text


def _reason(content: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """Return why Lambda gave an event up. The text of the last error is left out: it may quote the request."""
    if context.get("condition") == _TOO_OLD:
        return "Lambda gave the event up at its maximum age: it was throttled, or its tries failed"
    tries = context.get("approximateInvokeCount")
    answer = content.get("responsePayload")
    error = answer.get("errorType") if isinstance(answer, dict) else None
    why = f"the last one with {error}" if error else f"with the condition {context.get('condition')}"
    return bounded_reason(f"Lambda gave the event up after {tries} tries, {why}")
