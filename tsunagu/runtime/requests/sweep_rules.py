"""The rules of the sweeper: what is to be done with one request that is due, by its record, the time and some numbers.

* It ended: publish how, unless its worker did, and take it out of the index.
* Its deadline is over: it has failed. What is committed is never ended by the deadline, because its effect stands.
* Nobody works on it, and nothing happened to it for too long: send it again. Each time, the wait doubles.
* Otherwise: look again when one of these can be true.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import ShownStatus
from tsunagu.runtime.errors import bounded_reason
from tsunagu.runtime.requests.open_request import OpenRequest, RecordChange
from tsunagu.runtime.retry import LONGEST_SECONDS

# A wait that doubles without a limit would never end for what has no deadline: a committed request.
LONGEST_WAIT_MS = 6 * 3_600_000
LOOK_AGAIN_MS = 60_000  # after a send that failed: the sweeper runs each minute
# Who was told of an outbox that cannot be sent: the worker writes ids of messages there, and an event has none.
GIVEN_UP = "sweeper"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRules:
    """Numbers of the sweeper.

    Attributes:
        deadline_seconds: Seconds after which a request without an end has failed.
        resend_after_seconds: Seconds after which a request is sent again for the first time.
        visibility_timeout_seconds: Visibility time-out of the queue.
        window_seconds: Seconds from the end of a request until its record expires.
        has_queue: Whether requests can be sent again.
        publishes: Whether somebody wants to be told of endings.
    """

    deadline_seconds: int
    resend_after_seconds: int
    visibility_timeout_seconds: int
    window_seconds: int
    has_queue: bool = True
    publishes: bool = False

    def wait_ms(self, request: OpenRequest, resends: int) -> int:
        """Return how long a request may be idle before it is sent again, in milliseconds.

        A request that was claimed before has a message that SQS may be hiding: for the visibility time-out, or for the
        longest back-off.

        Args:
            request: The request.
            resends: How often it was sent again before.
        """
        hidden = max(self.visibility_timeout_seconds, int(LONGEST_SECONDS)) if request.item.fence else 0
        base = (hidden + self.resend_after_seconds) * 1_000
        return max(base, min(base << min(resends, 32), LONGEST_WAIT_MS))

    def deadline_ms(self, request: OpenRequest) -> int:
        """Return when a request has failed that has no end then, in milliseconds since the epoch.

        What is committed has none where it can be sent again: its worker ends it, or gives it up after its rounds.
        """
        is_committed = request.item.status is Status.COMMITTED
        return items.NEVER if is_committed and self.has_queue else request.opened_ms + self.deadline_seconds * 1_000

    def look_ms(self, request: OpenRequest, wanted_ms: int, now_ms: int) -> int:
        """Return when to look at a request again: at `wanted_ms`, or before, if it may have to be ended before.

        Whoever ends it before that makes it due, if its end is to be published.
        """
        return max(now_ms + 1, min(wanted_ms, self.deadline_ms(request)))


@dataclass(frozen=True, slots=True)
class Close:
    """Take it out of the index.

    Attributes:
        ending: What is to be published before; None: nothing.
    """

    ending: ShownStatus | None


@dataclass(frozen=True, slots=True)
class Fail:
    """It has failed: its time is over."""


@dataclass(frozen=True, slots=True)
class Resend:
    """Send it again."""


@dataclass(frozen=True, slots=True)
class Look:
    """Look again.

    Attributes:
        due_ms: When, in milliseconds since the epoch.
    """

    due_ms: int


Step = Close | Fail | Resend | Look


def next_step(request: OpenRequest, now_ms: int, rules: SweepRules, oldest_message_ms: Callable[[], int]) -> Step:
    """Return what is to be done with a request that is due.

    Args:
        request: The request, as its record is now.
        now_ms: The time, in milliseconds since the epoch.
        rules: Numbers of the sweeper.
        oldest_message_ms: Returns the age of the oldest message in the queue, in milliseconds; 0 if it is not known.
            Called only if it matters.
    """
    ending = request.ending
    if ending is not None:
        # A caller who repeats its POST opens the record again. What was closed since its time began was published.
        is_told = ending is ShownStatus.SUCCEEDED or request.closed_ms > request.opened_ms or not rules.publishes
        return Close(None if is_told else ending)
    is_held = request.is_held(now_ms)
    is_sending = is_held and request.item.status is Status.COMMITTED
    if now_ms >= rules.deadline_ms(request) and not is_sending:
        return Fail()
    wanted_ms = request.item.lease + 1 if is_held else _resend_ms(request, now_ms, rules, oldest_message_ms)
    if not is_held and now_ms >= wanted_ms:
        return Resend()
    return Look(rules.look_ms(request, wanted_ms, now_ms))


def _resend_ms(request: OpenRequest, now_ms: int, rules: SweepRules, oldest_message_ms: Callable[[], int]) -> int:
    """Return when a request is to be sent again that nobody works on, in milliseconds since the epoch."""
    if not rules.has_queue:
        return items.NEVER
    resend_ms = request.idle_since_ms + rules.wait_ms(request, request.resends)
    if now_ms >= resend_ms and _is_in_the_queue(request, now_ms, rules, oldest_message_ms):
        return now_ms + rules.resend_after_seconds * 1_000
    return resend_ms


def _is_in_the_queue(
    request: OpenRequest, now_ms: int, rules: SweepRules, oldest_message_ms: Callable[[], int]
) -> bool:
    """Return whether its message is probably in the queue still: older ones wait there too.

    One old message must not hold back a request that was lost. So from half of the deadline on, it is sent again.
    """
    if now_ms - request.opened_ms >= rules.deadline_seconds * 1_000 // 2:
        return False
    return now_ms - max(request.opened_ms, request.resent_ms) < oldest_message_ms()


def closing(request: OpenRequest, now_ms: int, rules: SweepRules) -> RecordChange:
    """Return the change that takes a request that ended out of the index. It expires, if nobody said when."""
    has_none = request.item.expiration in {0, requests.NO_EXPIRATION}
    expiration = {items.EXPIRATION: _expiration(now_ms, rules)} if has_none else {}
    return RecordChange(
        item_id=request.item.id,
        values={requests.CLOSED: now_ms, **expiration},
        removed=(requests.OPEN, requests.DUE),
        where=_as_seen(request),
    )


def failing(request: OpenRequest, now_ms: int, rules: SweepRules, reason: str) -> RecordChange:
    """Return the change that ends a request as FAILED, whoever holds it. Its worker, if there is one, commits nothing.

    What is committed stays so, and is given up: its effect stands, but nobody will send what it left.

    Args:
        request: The request.
        now_ms: The time, in milliseconds since the epoch.
        rules: Numbers of the sweeper.
        reason: Why it failed. What its last attempt said is added.
    """
    item = request.item
    told = bounded_reason(f"{reason}; before that: {item.reason}" if item.reason else reason)
    published = bounded_reason(f"{reason}; before that: {item.published_reason}") if item.published_reason else ""
    values: dict[str, int | str | tuple[str, ...]] = {
        items.REASON: told,
        items.PUBLISHED_REASON: published,
        items.UPDATED: now_ms,
        items.EXPIRATION: _expiration(now_ms, rules),
        requests.DUE: now_ms,
    }
    if item.status is Status.COMMITTED:
        values |= {items.TOLD: (GIVEN_UP,), items.LEASE: items.FREE}
    else:
        values |= {items.STATUS: Status.DEAD, items.LEASE: items.NEVER, items.SETTLED: item.fence}
        values |= {items.MESSAGE_IDS: (), items.TOLD: ()}
    # Not the lease: a heartbeat of the worker that is to be stopped must not put off the end.
    return RecordChange(item_id=item.id, values=values, where={items.STATUS: item.status, items.FENCE: item.fence})


def mark_of_resend(request: OpenRequest, now_ms: int, rules: SweepRules) -> RecordChange:
    """Return the change that is written before a request is sent again. Of two sweepers, one writes it."""
    resends = request.resends + 1
    return RecordChange(
        item_id=request.item.id,
        values={
            requests.RESENDS: resends,
            requests.RESENT: now_ms,
            requests.DUE: rules.look_ms(request, now_ms + rules.wait_ms(request, resends), now_ms),
        },
        where={**_as_seen(request), requests.RESENDS: request.resends or None},
    )


def not_resent(request: OpenRequest, now_ms: int) -> RecordChange:
    """Return the change that takes the mark of a resend back, because SQS did not take the message.

    The resend is not counted, so that the wait does not double while SQS cannot be used.
    """
    before = {requests.RESENDS: request.resends, requests.RESENT: request.resent_ms}
    return RecordChange(
        item_id=request.item.id,
        values={requests.DUE: now_ms + LOOK_AGAIN_MS, **{name: value for name, value in before.items() if value}},
        removed=[name for name, value in before.items() if not value],
        where={**_as_seen(request), requests.RESENDS: request.resends + 1},
    )


def looking_later(request: OpenRequest, step: Look) -> RecordChange:
    """Return the change that says when to look again."""
    return RecordChange(item_id=request.item.id, values={requests.DUE: step.due_ms}, where=_as_seen(request))


def _as_seen(request: OpenRequest) -> dict[str, str | int | None]:
    return {items.STATUS: request.item.status, items.FENCE: request.item.fence, items.LEASE: request.item.lease}


def _expiration(now_ms: int, rules: SweepRules) -> int:
    return now_ms // 1_000 + rules.window_seconds
