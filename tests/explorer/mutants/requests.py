"""Accepted requests: the rules of worker, sweeper, settler and gateway broken on purpose, one each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.explorer.mutants.mutant import Mutants, Patch
from tests.explorer.requests.setting import SCOPE
from tests.explorer.requests.table import RequestTable
from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import ShownStatus
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.requests import intake, known_records, sweeper
from tsunagu.runtime.requests.known_records import KnownRecords
from tsunagu.runtime.requests.open_request import OpenRequest, RecordChange
from tsunagu.runtime.requests.receiver import RequestNotDoneError, RequestReceiver
from tsunagu.runtime.requests.results import Results, ResultSender
from tsunagu.runtime.requests.settler import Settler
from tsunagu.runtime.requests.sweep_rules import (
    Close,
    Look,
    Step,
    SweepRules,
    closing,
    failing,
    mark_of_resend,
    next_step,
)
from tsunagu.runtime.requests.sweeper import _Run
from tsunagu.runtime.sending.outbox import Channel
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.ports import last

MUTANTS = Mutants()
seen_in = MUTANTS.seen_in

ONE_CRASH, ONE_LOST, ONE_SWITCH = Bounds(crashes=1), Bounds(lost=1), Bounds(switches=1)


def closed_as(patch: Patch, change: Callable[[RecordChange], RecordChange]) -> None:
    """Take what has ended out of the index in another way."""
    patch.setattr(sweeper, "closing", lambda *args: change(closing(*args)))


def failed_as(patch: Patch, change: Callable[[RecordChange], RecordChange]) -> None:
    """End what is late in another way."""
    patch.setattr(sweeper, "failing", lambda *args: change(failing(*args)))


def changed_as(patch: Patch, change: Callable[[Change, Change], Change]) -> None:
    """Let workers change records in another way: `change` gets what they want, and what is written."""
    written = KnownRecords._change  # noqa: SLF001
    patch.setattr(KnownRecords, "_change", lambda self, wanted: change(wanted, written(self, wanted)))


def stepped_as(patch: Patch, change: Callable[[Step], Step]) -> None:
    """Let the sweeper decide in another way."""
    patch.setattr(sweeper, "next_step", lambda *args: change(next_step(*args)))


def without(names: Mapping[str, Any], *dropped: str) -> dict[str, Any]:
    return {name: value for name, value in names.items() if name not in dropped}


# --- endings -----------------------------------------------------------------------------------


@seen_in("requests: refused", ONE_LOST)
def failed_request_reopened_by_any_copy(patch: Patch) -> None:
    claim_request = intake._claim_request  # noqa: SLF001
    patch.setattr(intake, "_claim_request", lambda *args: claim_request(*args)._replace(reopens=True))


@seen_in("requests: frozen")
def late_worker_commits_what_has_failed(patch: Patch) -> None:
    completed = Idempotency.completed

    def mutant(*args: Any) -> Change:
        change = completed(*args)
        return replace(change, where=without(change.where, items.STATUS))

    patch.setattr(Idempotency, "completed", mutant)


@seen_in("requests: frozen", Bounds(switches=2))
def deadline_ends_what_was_committed_since(patch: Patch) -> None:
    failed_as(patch, lambda change: replace(change, where=without(change.where, items.STATUS)))


@seen_in("requests: sent after the deadline")
def deadline_ends_what_is_committed(patch: Patch) -> None:
    def deadline_ms(self: SweepRules, request: OpenRequest) -> int:
        return request.opened_ms + self.deadline_seconds * 1_000

    def dead(change: RecordChange) -> RecordChange:
        return replace(change, values={**change.values, items.STATUS: Status.DEAD, items.LEASE: items.NEVER})

    patch.setattr(SweepRules, "deadline_ms", deadline_ms)
    failed_as(patch, dead)


@seen_in("requests: frozen sends, the last one lost", ONE_LOST)
def late_sends_complete_what_was_given_up(patch: Patch) -> None:
    changed_as(patch, lambda wanted, written: replace(written, where=wanted.where))


@seen_in("requests: no workers until after the deadline")
def deadline_never_comes(patch: Patch) -> None:
    patch.setattr(SweepRules, "deadline_ms", lambda _self, _request: items.NEVER)


@seen_in("requests: stumbling, cancelled")
def cancelled_after_a_worker_had_it(patch: Patch) -> None:
    delete_request = RequestTable.delete_request

    def mutant(self: RequestTable, item_id: str, now_ms: int) -> bool:
        item = self.items[item_id]
        if item.status is Status.RELEASED:
            self.items[item_id] = replace(item, fence=0)
        is_cancelled = delete_request(self, item_id, now_ms)
        self.items[item_id] = replace(self.items[item_id], fence=item.fence)
        return is_cancelled

    patch.setattr(RequestTable, "delete_request", mutant)


@seen_in("requests: cancelled")
def cancelled_request_is_worked_on(patch: Patch) -> None:
    read = KnownRecords.read

    def mutant(self: KnownRecords, item_ids: Sequence[str]) -> list[Any]:
        return [
            replace(item, status=Status.RELEASED) if isinstance(item, Item) and not item.fence else item
            for item in read(self, item_ids)
        ]

    patch.setattr(KnownRecords, "read", mutant)


@seen_in("requests: given up by SQS", Bounds(crashes=1, lost=1))
def letter_of_an_earlier_life_ends_a_request(patch: Patch) -> None:
    change = Settler._change  # noqa: SLF001

    def mutant(self: Settler, given_up: Any, *rest: Any) -> Any:
        return change(self, replace(given_up, sent_ms=items.NEVER), *rest)

    patch.setattr(Settler, "_change", mutant)


@seen_in("requests: given up by SQS")
def letters_of_sqs_are_ignored(patch: Patch) -> None:
    patch.setattr(Settler, "_message", lambda *_: None)


# --- resends -----------------------------------------------------------------------------------


@seen_in("requests: no workers for a while", ONE_CRASH)
def marked_after_it_was_sent_again(patch: Patch) -> None:
    def mutant(self: Any, lost: Sequence[OpenRequest], now_ms: int) -> None:
        self._sent(self._ports.queue, [OutgoingMessage(body=requests.message_body(each.item.id)) for each in lost])
        self._change([mark_of_resend(each, now_ms, self._rules) for each in lost])

    patch.setattr(_Run, "_resend", mutant)


@seen_in("requests: two sweepers", ONE_SWITCH)
def sent_again_without_a_mark(patch: Patch) -> None:
    def mutant(self: Any, lost: Sequence[OpenRequest], _now_ms: int) -> None:
        self._sent(self._ports.queue, [OutgoingMessage(body=requests.message_body(each.item.id)) for each in lost])

    patch.setattr(_Run, "_resend", mutant)


@seen_in("requests: two sweepers", ONE_SWITCH)
def mark_without_a_condition(patch: Patch) -> None:
    patch.setattr(sweeper, "mark_of_resend", lambda *args: replace(mark_of_resend(*args), where={}))


@seen_in("requests: no pipe")
@seen_in("requests: one", ONE_LOST)
def never_sent_again(patch: Patch) -> None:
    stepped_as(patch, lambda step: step if isinstance(step, Close | Look) else Look(items.NEVER))


# --- completions and the index -----------------------------------------------------------------


@seen_in("requests: refused", ONE_CRASH)
def closed_before_it_is_published(patch: Patch) -> None:
    def mutant(self: Any, ended: Sequence[tuple[OpenRequest, Close]], now_ms: int) -> None:
        self._change([closing(each, now_ms, self._rules) for each, _ in ended])
        self._publish([(each, step.ending) for each, step in ended if step.ending is not None])

    patch.setattr(_Run, "_close", mutant)


@seen_in("requests: refused", ONE_LOST)
def closed_although_it_was_not_published(patch: Patch) -> None:
    publish = _Run._publish  # noqa: SLF001
    patch.setattr(_Run, "_publish", lambda self, ended: [True for _ in publish(self, ended)])


@seen_in("requests: cancelled")
def published_again_after_a_repeated_post(patch: Patch) -> None:
    def again(request: OpenRequest, *rest: Any) -> Step:
        return next_step(replace(request, closed_ms=0), *rest)

    patch.setattr(sweeper, "next_step", again)


@seen_in("requests: hasty operator", Bounds(switches=1))
def closed_although_it_was_reopened(patch: Patch) -> None:
    closed_as(patch, lambda change: replace(change, where={}))


@seen_in("requests: failing")
def reopened_request_is_not_in_the_index(patch: Patch) -> None:
    def mutant(_wanted: Change, written: Change) -> Change:
        return replace(written, values=without(written.values, requests.OPEN, requests.DUE))

    changed_as(patch, mutant)


@seen_in("requests: refused")
@seen_in("requests: unsendable")
def failure_waits_for_the_next_look(patch: Patch) -> None:
    patch.setattr(known_records, "_fails", lambda _change: False)


@seen_in("requests: cancelled")
def cancellation_waits_for_the_next_look(patch: Patch) -> None:
    delete_request = RequestTable.delete_request

    def mutant(self: RequestTable, item_id: str, now_ms: int) -> bool:
        due_ms = self.record(item_id).due_ms
        is_cancelled = delete_request(self, item_id, now_ms)
        self._records[item_id] = replace(self._records[item_id], due_ms=due_ms)
        return is_cancelled

    patch.setattr(RequestTable, "delete_request", mutant)


@seen_in("requests: one")
def open_request_expires(patch: Patch) -> None:
    patch.setattr(known_records, "_OPEN", frozenset())


@seen_in("requests: unsendable")
def given_up_request_never_expires(patch: Patch) -> None:
    def mutant(_wanted: Change, written: Change) -> Change:
        never = {items.EXPIRATION: requests.NO_EXPIRATION} if items.TOLD in written.values else {}
        return replace(written, values={**written.values, **never})

    changed_as(patch, mutant)


@seen_in("requests: refused")
def failure_is_published_as_a_success(patch: Patch) -> None:
    stepped_as(patch, lambda step: replace(step, ending=ShownStatus.SUCCEEDED) if isinstance(step, Close) else step)


# --- results -----------------------------------------------------------------------------------


@seen_in("requests: one")
def result_is_copied_before_the_commit(patch: Patch) -> None:
    stage = Results.stage

    def mutant(self: Results, record: Any, outbox: Any, results: Any, *, fencing_token: int) -> str:
        kept = stage(self, record, outbox, results, fencing_token=fencing_token)
        ids = SCOPE, record.caller, record.request_id
        assert self._store is not None
        self._store.copy(requests.staging_key(*ids, fencing_token=fencing_token), requests.result_key(*ids))
        return kept

    patch.setattr(Results, "stage", mutant)


@seen_in("requests: one", ONE_LOST)
def completion_is_sent_although_the_copy_failed(patch: Patch) -> None:
    def mutant(self: Any, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        copies = {
            index: self._store.copy(each.outbox_message.body, each.outbox_message.target)
            for index, each in enumerate(messages)
            if each.outbox_message.channel is Channel.OBJECT
        }
        sent = iter(self._sender.send([each for index, each in enumerate(messages) if index not in copies]))
        return [copies[index] if index in copies else next(sent) for index in range(len(messages))]

    patch.setattr(ResultSender, "send", mutant)


@seen_in("requests: one")
def result_is_never_copied(patch: Patch) -> None:
    send = ResultSender.send

    def mutant(self: ResultSender, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        others = [each for each in messages if each.outbox_message.channel is not Channel.OBJECT]
        return [SendResult(None)] * (len(messages) - len(others)) + send(self, others)

    patch.setattr(ResultSender, "send", mutant)


# --- requests that the gateway hands over --------------------------------------------------------


@seen_in("requests: event, stumbling, other body")
def event_is_done_though_its_request_is_not(patch: Patch) -> None:
    receive_one = RequestReceiver._receive_one  # noqa: SLF001

    def mutant(self: Any, *args: Any) -> Any:
        try:
            return receive_one(self, *args)
        except RequestNotDoneError:
            return {"batchItemFailures": []}

    patch.setattr(RequestReceiver, "_receive_one", mutant)


@seen_in("requests: event", ONE_LOST)
def event_is_done_though_it_was_not_recorded(patch: Patch) -> None:
    receive_one = RequestReceiver._receive_one  # noqa: SLF001

    def mutant(self: Any, *args: Any) -> Any:
        try:
            return receive_one(self, *args)
        except UnavailableError:
            return {"batchItemFailures": []}

    patch.setattr(RequestReceiver, "_receive_one", mutant)


@seen_in("requests: event", ONE_CRASH)
def record_of_the_try_before_is_taken_for_a_new_one(patch: Patch) -> None:
    patch.setattr(RequestReceiver, "_recorded", lambda self, wanted: last(self._records.insert_record(wanted), wanted))


@seen_in("requests: event, throttled until it is too old")
def events_that_lambda_gave_up_are_ignored(patch: Patch) -> None:
    patch.setattr(Settler, "_event", lambda *_: None)


@seen_in("requests: event, one try", ONE_CRASH)
def events_that_no_worker_recorded_are_ignored(patch: Patch) -> None:
    patch.setattr(Settler, "_new", lambda *_: None)


@seen_in("requests: event, too old, posted again", ONE_SWITCH)
def settler_writes_over_a_record(patch: Patch) -> None:
    new = Settler._new  # noqa: SLF001
    patch.setattr(Settler, "_new", lambda *args: replace(new(*args), where={}))


@seen_in("requests: event, throttled until it is too old")
def record_of_an_event_that_was_given_up_is_not_in_the_index(patch: Patch) -> None:
    new = Settler._new  # noqa: SLF001

    def mutant(*args: Any) -> RecordChange:
        change = new(*args)
        return replace(change, values=without(change.values, requests.OPEN))

    patch.setattr(Settler, "_new", mutant)


@seen_in("requests: event, too old, posted again", ONE_SWITCH)
def letter_ends_a_request_that_has_ended(patch: Patch) -> None:
    change = Settler._change  # noqa: SLF001

    def mutant(self: Settler, given_up: Any, found: Any, now_ms: int) -> Any:
        wanted = change(self, given_up, found, now_ms)
        return wanted and replace(wanted, where={})

    patch.setattr(Settler, "_change", mutant)


@seen_in("requests: event, unsendable", ONE_LOST)
def deadline_leaves_what_nobody_can_send(patch: Patch) -> None:
    def deadline_ms(self: SweepRules, request: OpenRequest) -> int:
        is_committed = request.item.status is Status.COMMITTED
        return items.NEVER if is_committed else request.opened_ms + self.deadline_seconds * 1_000

    patch.setattr(SweepRules, "deadline_ms", deadline_ms)


@seen_in("requests: event, failing")
def failure_of_an_event_waits_for_the_next_look(patch: Patch) -> None:
    failure_waits_for_the_next_look(patch)
