"""Parked groups, broken on purpose, one rule each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.explorer.mutants.mutant import Mutants, Patch
from tsunagu.operations import parked_groups as operations
from tsunagu.operations import redrive
from tsunagu.operations.letters.walk import Walk
from tsunagu.runtime.idempotency import parked_groups
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.parked_groups import GroupWriter, ParkedGroup
from tsunagu.runtime.receiving import dead_letters
from tsunagu.runtime.receiving.dead_lettering import DeadLettering
from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.parked import Parked, Turn
from tsunagu.runtime.receiving.parking import Parking
from tsunagu.runtime.receiving.settlement import Settlement
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.fakes import FakeGroups

MUTANTS = Mutants()
seen_in = MUTANTS.seen_in

CRASH, FAILED_CALL = Bounds(crashes=1), Bounds(lost=1)


@seen_in("group, parked")
def dead_message_parks_nothing(patch: Patch) -> None:
    dead = Parking.dead

    def mutant(self: Parking, message: Any, item_id: str, died_of: str | None = None) -> Parked:
        return dead(self, message, item_id, died_of) if died_of is None else Parked(reason=died_of)

    patch.setattr(Parking, "dead", mutant)


@seen_in("group, parked, one at a time")
def group_is_known_to_the_batch_of_the_dead_message_only(patch: Patch) -> None:
    patch.setattr(FakeGroups, "read", lambda _self, group: group)


@seen_in("group, parked, one at a time", CRASH)
def group_is_parked_after_the_letter_was_sent(patch: Patch) -> None:
    """As if the mark of the item and the group were two writes, and the second came last."""
    late: dict[int, list[Any]] = {}
    dead, confirm = Parking.dead, DeadLettering._confirm  # noqa: SLF001

    def without_writes(self: Parking, message: Any, item_id: str, died_of: str | None = None) -> Parked:
        parked = dead(self, message, item_id, died_of)
        late[id(message)] = [*parked.writes]
        return parked._replace(writes=())

    def with_writes(self: DeadLettering, message: Any, item: Any, message_ids: list[str]) -> None:
        confirm(self, message, item, message_ids)
        store: Any = self._idempotency._store  # noqa: SLF001
        actor = store._store.actor  # noqa: SLF001

        def write() -> None:
            for each in late.pop(id(message), []):
                actor.plant.store.groups.apply(each)

        actor.plant.point(actor, "parks the group", write)

    patch.setattr(Parking, "dead", without_writes)
    patch.setattr(DeadLettering, "_confirm", with_writes)


@seen_in("group, redrive")
def letter_has_no_place(patch: Patch) -> None:
    patch.setattr(DeadLetterChannel, "_place", lambda _self, _item, _delivery: "")


@seen_in("group, redrive", FAILED_CALL)
def place_is_not_kept_by_the_item(patch: Patch) -> None:
    dead = Idempotency.dead
    patch.setattr(Idempotency, "dead", lambda self, claim, **values: dead(self, claim, **{**values, "place": ""}))


@seen_in("group, arrival during the redrive", FAILED_CALL)
def arrival_overtakes_a_group_that_is_being_redriven(patch: Patch) -> None:
    turn = Parking.turn

    def mutant(self: Parking, message: Any) -> Turn:
        known = self._known(message)
        return Turn.RUNS if known is not None and not known.now.is_dead else turn(self, message)

    patch.setattr(Parking, "turn", mutant)


@seen_in("group, dies again")
def every_message_with_a_place_runs(patch: Patch) -> None:
    turn = Parking.turn

    def mutant(self: Parking, message: Any) -> Turn:
        return Turn.RUNS if message.deliveries[0].group_place else turn(self, message)

    patch.setattr(Parking, "turn", mutant)


@seen_in("group, dies again")
def message_parked_again_gets_a_new_place(patch: Patch) -> None:
    dead = Parking.dead

    def mutant(self: Parking, message: Any, item_id: str, died_of: str | None = None) -> Parked:
        if died_of is None:
            patch.setattr(Delivery, "group_place", "")
        parked = dead(self, message, item_id, died_of)
        patch.setattr(Delivery, "group_place", group_place)
        return parked

    group_place = Delivery.group_place
    patch.setattr(Parking, "dead", mutant)


@seen_in("group, redrive")
def group_never_goes_on(patch: Patch) -> None:
    patch.setattr(Parking, "settling", lambda _self, _message: None)


@seen_in("group, redrive", CRASH)
def message_is_confirmed_before_its_group_goes_on(patch: Patch) -> None:
    patch.setattr(Settlement, "_settle_places", lambda self: self._settling.clear())
    finish = Settlement.finish

    def mutant(self: Settlement, message: Any) -> None:
        finish(self, message)
        message.confirm()

    patch.setattr(Settlement, "finish", mutant)


@seen_in("group, redrive", Bounds(switches=3), [*[0] * 24, 1, 1, 1])
def group_goes_on_without_its_condition(patch: Patch) -> None:
    settled = ParkedGroup.settled

    def mutant(self: ParkedGroup, number: int, now_ms: int, window_seconds: int) -> Change:
        return replace(settled(self, number, now_ms, window_seconds), where={})

    patch.setattr(ParkedGroup, "settled", mutant)


@seen_in("group, discarded head", Bounds(switches=1))
def number_given_without_the_condition_of_the_group(patch: Patch) -> None:
    write = GroupWriter.write

    def mutant(self: GroupWriter, before: Any, after: Any, entry: Any) -> Any:
        return tuple(each._replace(condition=None) for each in write(self, before, after, entry))

    patch.setattr(GroupWriter, "write", mutant)


@seen_in("group, parked, one at a time", FAILED_CALL)
def group_that_was_not_read_is_taken_for_open(patch: Patch) -> None:
    patch.setattr(Parking, "unread", lambda _self, _message: None)


@seen_in("group, discarded head", CRASH)
def discarded_message_runs_when_its_letter_is_redriven(patch: Patch) -> None:
    patch.setattr(Parking, "is_settled", lambda _self, _message: False)
    patch.setattr(Parking, "turn", lambda _self, _message: Turn.RUNS)


@seen_in("group, discarded head", CRASH)
def letter_is_deleted_before_the_group_goes_on(patch: Patch) -> None:
    give_up = operations.give_up

    def discard(source: Any, known: Any, group_id: str, number: int, clock: Any) -> Any:
        with Walk(source, lambda letter: letter.delivery.group_place.endswith(f".{number}")) as walk:
            while (letters := walk.take(1)) is not None:
                source.delete(letters)
        return give_up(known, group_id, [number], clock)

    patch.setattr("tests.explorer.parked.operator.discard", discard)


@seen_in("group, dies again")
def redrive_does_not_stop_when_the_head_dies_again(patch: Patch) -> None:
    patch.setattr(operations, "_has_died_again", lambda _group, _before: False)


@seen_in("group, redrive", CRASH)
def redrive_of_a_group_deletes_before_it_sends(patch: Patch) -> None:
    move = operations._move  # noqa: SLF001

    def mutant(letters: Sequence[Any], group: Any, bodies: Any, queues: Any, report: Any) -> None:
        queues[0].delete(letters)
        move(letters, group, bodies, queues, report)

    patch.setattr(operations, "_move", mutant)


@seen_in("group, dies again")
def redrive_under_one_deduplication_id_for_each_place(patch: Patch) -> None:
    patch.setattr(redrive, "redrive_deduplication_id", lambda _message_id, place: f"redrive-place-{place}-")


@seen_in("group, dies again")
def letter_under_one_deduplication_id_for_each_place(patch: Patch) -> None:
    patch.setattr(dead_letters, "dead_letter_deduplication_id", lambda _message_id, place: f"dead-place-{place}-")


@seen_in("group, outbox refused", CRASH)
@seen_in("group, outbox refused")
def message_whose_outbox_is_refused_parks_nothing(patch: Patch) -> None:
    def mutant(self: Settlement, message: Any, item: Any) -> None:
        self._letters.add(message, item, tuple(message.deliveries))

    patch.setattr(Settlement, "_give_up", mutant)


@seen_in("group, redrive")
def number_is_given_twice(patch: Patch) -> None:
    after = parked_groups.after_parking
    patch.setattr(
        "tsunagu.runtime.receiving.parking.after_parking",
        lambda group, number, now_ms: replace(after(group, number, now_ms), tail=group.tail),
    )
