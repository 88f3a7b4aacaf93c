"""The pipeline, broken on purpose, one rule each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from tests.explorer.mutants.mutant import ONE_SWITCH, Mutants, Patch
from tsunagu.contracts.claims import result_key
from tsunagu.contracts.items import Status
from tsunagu.runtime.claim_check import ClaimCheck, ObjectAlteredError
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.idempotency.decision import Done, Unsent
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.lease import Claim
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.pipeline import join, plan, request_processor, shape, start
from tsunagu.runtime.pipeline.commands import Command, ReplayCommand
from tsunagu.runtime.pipeline.envelope import Envelope, attributes_of
from tsunagu.runtime.pipeline.errors import NotPublishedError
from tsunagu.runtime.pipeline.join import JoiningSender
from tsunagu.runtime.pipeline.journal import Found, envelope_of, is_done
from tsunagu.runtime.pipeline.plan import Planner
from tsunagu.runtime.pipeline.replay import runs_of
from tsunagu.runtime.pipeline.run_marks import OF_THE_INDEX, RunMarks
from tsunagu.runtime.receiving.relay import AddressedMessage, addressed_messages
from tsunagu.runtime.receiving.settlement import Settlement
from tsunagu.runtime.sending.outbox import encode
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.explorer.bounds import Bounds

MUTANTS = Mutants()
seen_in = MUTANTS.seen_in

ONE_LOST, ONE_CRASH = Bounds(lost=1), Bounds(crashes=1)

Call = start._Call  # noqa: SLF001
composed = join._composed  # noqa: SLF001
read = JoiningSender._read  # noqa: SLF001


# --- the join ----------------------------------------------------------------------------------


@seen_in("pipeline: siblings, plain", ONE_SWITCH)
def join_reads_before_the_commit(patch: Patch) -> None:
    flush = Settlement.flush
    early: dict[JoiningSender, Mapping[str, Found]] = {}

    def flushed(self: Settlement) -> None:
        sender = self._relay._sender  # noqa: SLF001
        if isinstance(sender, JoiningSender) and self._pending:
            messages = [message for each in self._pending for message in addressed_messages(each.item)]
            early[sender] = read(sender, messages)
        flush(self)

    patch.setattr(Settlement, "flush", flushed)
    patch.setattr(JoiningSender, "_read", lambda self, messages: early.get(self) or read(self, messages))


@seen_in("pipeline: siblings", ONE_SWITCH)
def join_reads_what_was_there_a_moment_ago(patch: Patch) -> None:
    def mutant(self: JoiningSender, messages: Sequence[AddressedMessage]) -> Mapping[str, Found]:
        items: Any = self._items
        before = items.actor.plant.journal.before
        in_hand = {message.item.id for message in messages}
        found = read(self, messages)
        return {item_id: item if item_id in in_hand else before.get(item_id) for item_id, item in found.items()}

    patch.setattr(JoiningSender, "_read", mutant)


@seen_in("pipeline: siblings")
def join_does_not_wait_for_siblings(patch: Patch) -> None:
    def mutant(message: AddressedMessage, found: Mapping[str, Found]) -> AddressedMessage | SendResult:
        awaits = {name: item_id for name, item_id in message.outbox_message.awaits.items() if is_done(found[item_id])}
        return composed(replace(message, outbox_message=replace(message.outbox_message, awaits=awaits)), found)

    patch.setattr(join, "_composed", mutant)


@seen_in("pipeline: refused")
def join_does_not_wait_for_a_dead_sibling(patch: Patch) -> None:
    def mutant(message: AddressedMessage, found: Mapping[str, Found]) -> AddressedMessage | SendResult:
        dead = {item_id for item_id, item in found.items() if isinstance(item, Item) and item.status is Status.DEAD}
        awaits = {name: item_id for name, item_id in message.outbox_message.awaits.items() if item_id not in dead}
        return composed(replace(message, outbox_message=replace(message.outbox_message, awaits=awaits)), found)

    patch.setattr(join, "_composed", mutant)


@seen_in("pipeline: siblings", ONE_LOST)
def join_takes_no_answer_for_a_sibling_at_work(patch: Patch) -> None:
    patch.setattr(join, "_NOT_READ", SendResult(None))


@seen_in("pipeline: siblings", ONE_SWITCH)
def result_of_the_sender_comes_first(patch: Patch) -> None:
    def mutant(message: AddressedMessage, found: Mapping[str, Found]) -> AddressedMessage | SendResult:
        made = composed(message, found)
        if not isinstance(made, AddressedMessage):
            return made
        body = json.loads(made.outbox_message.body)
        own = message.item.id.split("#")[0].rsplit(".", 1)[1]
        body["results"] = dict(sorted(body["results"].items(), key=lambda result: result[0] != own))
        return replace(made, outbox_message=replace(made.outbox_message, body=json.dumps(body)))

    patch.setattr(join, "_composed", mutant)


@seen_in("pipeline: siblings")
def message_to_the_next_step_skipped(patch: Patch) -> None:
    patch.setattr(JoiningSender, "send", lambda _self, messages: [SendResult(None)] * len(messages))


@seen_in("pipeline: siblings")
def result_not_kept_with_the_completion(patch: Patch) -> None:
    completed = Idempotency.completed

    def mutant(self: Idempotency, claim: Claim, outbox: Any = (), result: str = "") -> Change:
        is_start = ".start#" in claim.item.id
        return completed(self, claim, outbox, result if is_start else "")

    patch.setattr(Idempotency, "completed", mutant)


@seen_in("pipeline: siblings", ONE_LOST)
def result_committed_whatever_the_record_says(patch: Patch) -> None:
    completed = Idempotency.completed
    patch.setattr(Idempotency, "completed", lambda *args: replace(completed(*args), where={}))


@seen_in("pipeline: replay of one service")
def join_of_one_service_awaits_its_own_run_alone(patch: Patch) -> None:
    ids = shape.service_item_ids
    patch.setattr(request_processor, "service_item_ids", lambda *names, run_id, **_: ids(*names, run_id=run_id))


# --- starts ------------------------------------------------------------------------------------


@seen_in("pipeline: start", ONE_LOST)
def start_answers_before_its_record_stands(patch: Patch) -> None:
    commit, publish = Call.commit, Call.publish

    def committed(self: Any, claim: Claim, outbox: Any, text: str) -> Item:
        try:
            return commit(self, claim, outbox, text)
        except NotPublishedError:
            return claim.item

    patch.setattr(Call, "commit", committed)
    patch.setattr(Call, "publish", lambda self, item: publish(self, item) if is_done(item) else None)


@seen_in("pipeline: start")
def start_publishes_before_its_record_stands(patch: Patch) -> None:
    commit = Call.commit

    def mutant(self: Any, claim: Claim, outbox: Any, text: str) -> Item:
        item = replace(claim.item, status=Status.COMMITTED, outbox=encode(outbox.seal()), result=text)
        self.ports.outbox.send(addressed_messages(item))
        return commit(self, claim, outbox, text)

    patch.setattr(Call, "commit", mutant)


@seen_in("pipeline: start")
def start_completes_without_publishing(patch: Patch) -> None:
    patch.setattr(Call, "publish", lambda self, item: self.idempotency.settle([self.idempotency.sent(item)]))


@seen_in("pipeline: start", ONE_LOST)
@seen_in("pipeline: given up", ONE_CRASH)
def known_start_is_not_published_again(patch: Patch) -> None:
    known = Call.known

    def mutant(self: Any, decision: Any, record_id: str) -> Envelope:
        return envelope_of(decision.item) if isinstance(decision, Unsent) else known(self, decision, record_id)

    patch.setattr(Call, "known", mutant)


@seen_in("pipeline: start", ONE_LOST)
def start_answers_what_was_not_published(patch: Patch) -> None:
    publish = Call.publish

    def mutant(self: Any, item: Item) -> None:
        try:
            publish(self, item)
        except NotPublishedError:
            return

    patch.setattr(Call, "publish", mutant)


@seen_in("pipeline: asked twice")
@seen_in("pipeline: start", ONE_CRASH)
def same_key_gets_another_run(patch: Patch) -> None:
    patch.setattr(start, "start_key", lambda *, run_id, **_: f"run:{run_id}")


@seen_in("pipeline: asked twice")
def duplicate_is_told_ids_of_its_own(patch: Patch) -> None:
    known = Call.known

    def mutant(self: Any, decision: Any, record_id: str) -> Envelope:
        found = known(self, decision, record_id)
        return replace(found, run_id=self.ports.new_id()) if isinstance(decision, Done) else found

    patch.setattr(Call, "known", mutant)


@seen_in("pipeline: rivals")
def other_request_under_a_key_taken_for_a_duplicate(patch: Patch) -> None:
    patch.setattr(start, "payload_hash", lambda _document: "")


@seen_in("pipeline: start, claims", ONE_CRASH)
def lease_of_a_killed_start_never_ends(patch: Patch) -> None:
    patch.setattr(Item, "is_held", lambda item, _now_ms: item.status is Status.INPROGRESS)


# --- the claim check ---------------------------------------------------------------------------


@seen_in("pipeline: start, claims", ONE_LOST)
@seen_in("pipeline: siblings, claims", ONE_LOST)
def own_object_taken_for_another(patch: Patch) -> None:
    def mutant(_self: ClaimCheck, key: str, _sha256: str) -> NoReturn:
        raise ObjectAlteredError(key)

    patch.setattr(ClaimCheck, "_own_version", mutant)


@seen_in("pipeline: siblings, claims", ONE_CRASH)
def attempts_share_an_object(patch: Patch) -> None:
    def mutant(*ids: str, step: str, service: str, **_: int) -> str:
        return result_key(*ids, step=step, service=service, fencing_token=1)

    patch.setattr(request_processor, "result_key", mutant)


@seen_in("pipeline: siblings, claims", ONE_CRASH)
def object_of_an_earlier_attempt_taken_for_this_ones(patch: Patch) -> None:
    attempts_share_an_object(patch)
    patch.setattr(ClaimCheck, "_own_version", lambda self, key, _sha256: self._store.find(key).version_id)


@seen_in("pipeline: siblings, claims", ONE_LOST)
def object_that_is_not_read_now_never_is(patch: Patch) -> None:
    redeem = ClaimCheck.redeem

    def mutant(self: ClaimCheck, part: Any) -> Any:
        try:
            return redeem(self, part)
        except UnavailableError as error:
            raise ObjectAlteredError from error

    patch.setattr(ClaimCheck, "redeem", mutant)


# --- replays -----------------------------------------------------------------------------------


@seen_in("pipeline: replay")
def replay_goes_on_under_the_earlier_run(patch: Patch) -> None:
    envelope = Planner.envelope

    def mutant(self: Planner, command: Command, **ids: Any) -> Envelope:
        if isinstance(command, ReplayCommand):
            ids["run_id"] = runs_of(self._journal, command.request_id)[0].run_id
        return envelope(self, command, **ids)

    patch.setattr(Planner, "envelope", mutant)


@seen_in("pipeline: replay of one service")
def replay_of_one_service_reaches_all(patch: Patch) -> None:
    patch.setattr(plan, "attributes_of", lambda envelope, context: attributes_of(replace(envelope, only=None), context))


# --- marks of open runs ------------------------------------------------------------------------


@seen_in("pipeline: start", ONE_CRASH)
def run_is_marked_after_its_commit(patch: Patch) -> None:
    marked = RunMarks._marked  # noqa: SLF001

    def mutant(self: RunMarks, changes: Sequence[Change]) -> list[Verdict]:
        verdicts = self._store.update(changes)
        marks = [(change, marked(self, change)) for change in changes]
        for change, with_mark in marks:
            if with_mark is not change:
                values = {name: with_mark.values[name] for name in OF_THE_INDEX}
                self._store.update([Change(item_id=change.item_id, values=values, where={})])
        return verdicts

    patch.setattr(RunMarks, "update", mutant)
