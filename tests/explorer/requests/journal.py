"""The journal of a plant of accepted requests: notes what happens to each, and raises when it must not happen."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tests.explorer.requests.outside import ACCEPTED, DIFFERENT
from tests.explorer.requests.setting import CALLER, SCOPE, WINDOW_SECONDS
from tests.explorer.requests.sweeping import SweeperProcess
from tests.explorer.requests.worker import RequestWorker
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import (
    NO_EXPIRATION,
    REQUEST_KEY,
    ShownStatus,
    delivery_id,
    request_item_id,
    result_key,
)
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.requests.request import Request
from tsunagu.runtime.sending.publish import OutgoingMessage
from tsunagu.testing.explorer.item_life import LONGEST_SKEW_SECONDS
from tsunagu.testing.explorer.queues import Stored
from tsunagu.testing.explorer.schedule import Violation

if TYPE_CHECKING:
    from tests.explorer.requests.plant import RequestPlant
    from tsunagu.testing.explorer.stage import Actor

ResultT = TypeVar("ResultT")

ENDED = frozenset({ShownStatus.SUCCEEDED, ShownStatus.FAILED, ShownStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ended, until an operator reopened it.

    Attributes:
        item_id: Id of the record.
        status: What its caller was shown.
        reopened_ms: When it was reopened last before.
        took_ms: Milliseconds since it was accepted, reopened or redriven.
        ended_ms: When it ended.
    """

    item_id: str
    status: ShownStatus
    reopened_ms: int
    took_ms: int
    ended_ms: int

    @property
    def delivery_id(self) -> str:
        """Id of its completion."""
        reopened_ms = 0 if self.status is ShownStatus.SUCCEEDED else self.reopened_ms
        return delivery_id(self.item_id, self.status, reopened_ms)


def letter_item_id(body: str) -> str:
    """Return the id of the record that a letter is about: a message, or what Lambda says of an event."""
    content = json.loads(body)
    if REQUEST_KEY in content:
        return str(content[REQUEST_KEY])
    event = content["requestPayload"]
    return request_item_id(SCOPE, event["caller"], event["request_id"])


class RequestJournal:
    """Watches a plant.

    Attributes:
        accepted: Bodies of what a gateway answered with 202, by the id of the record.
        endings: How requests ended, in order.
        published: When each completion was published, by its id and status.
        disturbances: Crashes, failed calls, forced waits and redeliveries so far.
        reopened_early: Endings that an operator took back before the sweeper closed the record: nobody need be told.
        was_committed: Records that were COMMITTED for a while.
    """

    def __init__(self, plant: "RequestPlant") -> None:
        self._plant = plant
        self.accepted: dict[str, str] = {}
        self.endings: list[Ending] = []
        self.published: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.disturbances = 0
        self.reopened_early: set[Ending] = set()
        self.was_committed: set[str] = set()
        self._resent_ms: dict[str, int] = {}
        self._put_back: Counter[str] = Counter()
        self._put_back_ms: dict[str, int] = {}
        self._moved: Counter[str] = Counter()

    def disturbed(self) -> None:
        self.disturbances += 1

    def fault(self, _actor: "Actor") -> None:
        self.disturbed()

    def time_passed(self) -> None:
        """Note that the clock moved, which alone does no harm here."""

    # --- what a caller sees --------------------------------------------------------------------

    def answered(self, item_id: str, code: int, body: str) -> None:
        """Judge the answer to a POST."""
        record = self._plant.store.find(item_id)
        if record is None:
            raise Violation(f"{item_id}: must be recorded before it is answered, got {code}")
        if (code == ACCEPTED) != (record.body == body) or code not in {ACCEPTED, DIFFERENT}:
            raise Violation(f"{item_id}: the recorded body alone must be accepted, got {code} for {body}")
        if code == ACCEPTED:
            self.accepted[item_id] = body

    def watch(self, actor: "Actor", item_ids: Sequence[str], write: Callable[[], ResultT]) -> ResultT:
        before = {item_id: self._plant.store.find(item_id) for item_id in item_ids}
        result = write()
        for item_id, old in before.items():
            new = self._plant.store.find(item_id)
            if new is not None and new != old:
                self._changed(actor, old, new)
        return result

    def _changed(self, actor: "Actor", old: RequestRecord | None, new: RequestRecord) -> None:
        now_ms = self._plant.ms
        shown = new.shown_status(now_ms)
        if old is not None:
            self._check_states(actor, old, new)
            self._check_shown(actor, old, shown)
        if new.item.status is Status.COMMITTED:
            self.was_committed.add(new.item.id)
        self._check_expiration(new, is_ended=shown in ENDED)
        if shown in ENDED and (old is None or old.shown_status(now_ms) != shown):
            self._ended(new, ShownStatus(shown))

    def _check_states(self, actor: "Actor", old: RequestRecord, new: RequestRecord) -> None:
        was, item, now_ms = old.item, new.item, self._plant.ms
        is_claim = item.status is Status.INPROGRESS and (item.owner, item.fence) != (was.owner, was.fence)
        if is_claim and was.status is Status.INPROGRESS and was.lease >= now_ms:
            raise Violation(f"{item.id}: must be taken over after the lease of {was.owner}, got {actor.name} before")
        if is_claim and item.fence != was.fence + 1:
            raise Violation(f"{item.id}: a claim must raise the fencing token {was.fence}, got {item.fence}")
        if new.cancelled_ms and not old.cancelled_ms and was.fence:
            raise Violation(f"{item.id}: what a worker had must not be cancelled, got fencing token {was.fence}")
        if isinstance(actor, SweeperProcess):
            self._check_sweep(was.status, new)
        elif was.status is Status.INPROGRESS and was != item and not is_claim and was.owner != actor.owner:
            raise Violation(f"{item.id}: only the owner {was.owner} may write an outcome, got {actor.owner}")
        if was.status is Status.COMMITTED and item.status not in {Status.COMMITTED, Status.COMPLETED}:
            raise Violation(f"{item.id}: what is COMMITTED must become COMPLETED, got {item.status} by {actor.name}")

    def _check_sweep(self, was: Status, new: RequestRecord) -> None:
        if new.item.status is was:
            return
        opened_ms = max(new.accepted_ms, new.reopened_ms)
        is_late = self._plant.ms >= opened_ms + self._plant.setting.rules.deadline_seconds * 1_000
        is_given_up = any(
            letter_item_id(letter.body) == new.item.id for letter in self._plant.dead_letter_queue.messages
        )
        if new.item.status is not Status.DEAD or not (is_late or is_given_up):
            raise Violation(f"{new.item.id}: a sweeper must end what is late or given up, got {new.item.status}")

    def _check_shown(self, actor: "Actor", old: RequestRecord, shown: str) -> None:
        was = old.shown_status(self._plant.ms)
        is_redrive = isinstance(actor, RequestWorker) and actor.has_redriven(old.item.id)
        if was in ENDED and shown != was and not (was == ShownStatus.FAILED and is_redrive):
            raise Violation(f"{old.item.id}: an ending changes by a redrive alone, got {was}, then {shown}")
        if was in ENDED and shown != was and old.closed_ms <= max(old.accepted_ms, old.reopened_ms):
            self.reopened_early.add([each for each in self.endings if each.item_id == old.item.id][-1])

    def _check_expiration(self, record: RequestRecord, *, is_ended: bool) -> None:
        expiration = record.item.expiration
        if not is_ended and expiration not in {0, NO_EXPIRATION}:
            raise Violation(f"{record.item.id}: must not expire while it has not ended, got {expiration}")
        if is_ended and expiration not in {0, NO_EXPIRATION}:
            slack_seconds = LONGEST_SKEW_SECONDS
            left_seconds = expiration - self._plant.ms / 1_000
            if not -slack_seconds <= left_seconds <= WINDOW_SECONDS + slack_seconds:
                raise Violation(f"{record.item.id}: must expire a window after its end, got {left_seconds} s")

    def _ended(self, record: RequestRecord, status: ShownStatus) -> None:
        began_ms = max(record.accepted_ms, record.reopened_ms, self._put_back_ms.get(record.item.id, 0))
        took_ms = self._plant.ms - began_ms
        self.endings.append(Ending(record.item.id, status, record.reopened_ms, took_ms, self._plant.ms))
        if status is ShownStatus.SUCCEEDED:
            self._check_done(record)
        if status is ShownStatus.FAILED and not record.reason:
            raise Violation(f"{record.item.id}: must say why it failed, got no reason")
        is_committed = record.item.status is Status.COMMITTED
        if len(self.effects(record)) != (1 if is_committed or status is ShownStatus.SUCCEEDED else 0):
            raise Violation(f"{record.item.id}: {status} must have its effect, got {self.effects(record)}")

    def _check_done(self, record: RequestRecord) -> None:
        result = self._plant.results.objects.get(result_key(SCOPE, CALLER, record.request_id))
        fences = [effect["fence"] for effect in self.effects(record)]
        if result is None or [json.loads(result[0])["by"]] != fences:
            raise Violation(f"{record.item.id}: must have the result of its effect {fences}, got {result}")
        told = delivery_id(record.item.id, ShownStatus.SUCCEEDED), ShownStatus.SUCCEEDED
        if not self.published[told]:
            raise Violation(f"{record.item.id}: its completion must be published before it is SUCCEEDED")

    # --- what happens beside the table ---------------------------------------------------------

    def effects(self, record: RequestRecord) -> list[dict[str, object]]:
        """Return the effects of a request."""
        mine = {"id": record.request_id, "caller": record.caller}
        return [dict(effect) for effect in self._plant.store.effects if mine.items() <= effect.items()]

    def began(self, worker: RequestWorker, request: Request) -> None:
        """Judge the beginning of an attempt."""
        record = self._record(request_item_id(SCOPE, request.caller, request.id))
        if record.cancelled_ms:
            raise Violation(f"{record.item.id}: what is cancelled must not be worked on, got {worker.name}")

    def copied(self, worker: RequestWorker, staged_key: str, key: str) -> None:
        """Judge the copy of a result: its attempt is committed."""
        request_id = key.split("/")[2]
        record = self._record(request_item_id(SCOPE, CALLER, request_id))
        fences = [str(effect["fence"]) for effect in self.effects(record)]
        if staged_key.split("/")[4] not in fences:
            raise Violation(f"{record.item.id}: results of {fences} may be copied, got {staged_key} by {worker.name}")

    def published_by_worker(self, message: AddressedMessage) -> None:
        """Judge a completion that a worker publishes: the effect stands, and the result is there."""
        body = json.loads(message.outbox_message.body)
        record = self._record(request_item_id(SCOPE, body["caller"], body["request_id"]))
        key = result_key(SCOPE, CALLER, record.request_id)
        if not self.effects(record) or key not in self._plant.results.objects:
            raise Violation(f"{record.item.id}: must be published after its effect and its result")
        self.published[body["delivery_id"], body["status"]].append(self._plant.ms)

    def published_by_sweeper(self, message: OutgoingMessage) -> None:
        """Judge a completion that the sweeper publishes: it tells of an ending."""
        body = json.loads(message.body)
        told = body["delivery_id"], body["status"]
        if told not in {(ending.delivery_id, ending.status) for ending in self.endings}:
            raise Violation(f"{body['request_id']}: an ending must be published once it is one, got {body['status']}")
        if body["status"] == ShownStatus.FAILED and not body.get("reason"):
            raise Violation(f"{body['request_id']}: must say why it failed, got no reason")
        self.published[told].append(self._plant.ms)

    def sent_again(self, message: OutgoingMessage) -> None:
        """Judge a message that the sweeper sends: after a wait, if nothing has gone wrong since the last one."""
        item_id, now_ms = json.loads(message.body)[REQUEST_KEY], self._plant.ms
        record = self._record(item_id)
        wait_ms = self._plant.setting.rules.resend_after_seconds * 1_000
        if item_id in self._resent_ms:
            wait_ms *= 2 ** max(0, min(record.resends - 1, 5))
        since_ms = max(record.accepted_ms, record.reopened_ms, self._resent_ms.get(item_id, 0))
        if not self._plant.may_send_early and now_ms - since_ms < wait_ms:
            raise Violation(f"{item_id}: must be sent again after {wait_ms} ms, got {now_ms - since_ms} ms")
        self._resent_ms[item_id] = now_ms

    def acknowledged(self, item_id: str, *, is_redriven: bool) -> None:
        """Judge the end of a message: its request has ended, or an operator has reopened it by another message."""
        record = self._record(item_id)
        shown = record.shown_status(self._plant.ms)
        if shown not in ENDED and (is_redriven or not record.reopened_ms):
            raise Violation(f"{item_id}: a message may be acknowledged when its request has ended, got {shown}")

    def put_back(self, body: str) -> None:
        """Note a letter that is back in the queue."""
        self._put_back[body] += 1
        self._put_back_ms[json.loads(body)[REQUEST_KEY]] = self._plant.ms

    def letter_deleted(self, letter: Stored) -> None:
        """Note that the mover deleted a letter. A copy of it must be back in the queue by then."""
        self._moved[letter.body] += not letter.is_gone
        if self._moved[letter.body] > self._put_back[letter.body]:
            raise Violation(f"{letter.id}: a dead letter must be back in its queue before it is deleted")

    def _record(self, item_id: str) -> RequestRecord:
        record = self._plant.store.find(item_id)
        assert record is not None
        return record
