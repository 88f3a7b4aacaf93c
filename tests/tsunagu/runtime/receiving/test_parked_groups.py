"""Parked groups: what comes after a dead message of a FIFO group waits in the dead-letter queue, in order."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.tsunagu.runtime.world import QUEUE_ARN, World, order, record
from tsunagu.contracts.messages import place_in, redrive_deduplication_id
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.idempotency.parked_groups import ParkedGroup
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.publish import OutgoingMessage


class ParkingWorld(World):
    """A receiver that parks groups. Orders in `broken` die."""

    def __init__(self) -> None:
        super().__init__()
        self.parks_groups = True
        self.broken = {"a-1"}

    def work(self, body: JsonObject, message: Message) -> None:
        self.runs.append(body["order_id"])
        if body["order_id"] in self.broken:
            msg = "the account is closed"
            raise PermanentError(msg)
        message.put("effects", {"order_id": body["order_id"]})

    @property
    def group(self) -> ParkedGroup:
        return self.store.groups.group(QUEUE_ARN, "a")

    @property
    def letters(self) -> list[str]:
        """Keys of the dead letters, in order."""
        return [body.split('"')[3] for body in (letter.body for letter in self.dead_letter_queue.sent)]

    @property
    def places(self) -> list[int | None]:
        """Numbers of the dead letters in their group."""
        return [self.group.number_of(place_in(str(each.deduplication_id))) for each in self.dead_letter_queue.sent]

    def take_letters(self) -> list[OutgoingMessage]:
        taken = [*self.dead_letter_queue.sent]
        self.dead_letter_queue.sent.clear()
        return taken


def records(*keys: str) -> list[dict[str, Any]]:
    return [record(order(key), key, group="a") for key in keys]


def redriven(letters: Sequence[OutgoingMessage]) -> list[dict[str, Any]]:
    """Return the records of dead letters that were put back into their queue."""
    put_back = []
    for letter in letters:
        place = place_in(str(letter.deduplication_id))
        back = record(letter.body, f"back-{place}", group=letter.group_id)
        back["attributes"]["MessageDeduplicationId"] = redrive_deduplication_id("letter", place)
        put_back.append(back)
    return put_back


@pytest.fixture
def world() -> ParkingWorld:
    return ParkingWorld()


def test_messages_behind_a_dead_one_are_parked_in_order_and_not_processed(world: ParkingWorld) -> None:
    returned = world.receive(*records("a-0", "a-1", "a-2", "a-3"))

    assert (returned, world.runs, world.effects()) == ([], ["a-0", "a-1"], ["a-0"])
    assert (world.letters, world.places) == (["a-1", "a-2", "a-3"], [1, 2, 3])
    assert (world.group.head, world.group.tail, world.group.died) == (1, 4, 1)


def test_group_is_parked_for_later_batches_and_other_groups_are_not(world: ParkingWorld) -> None:
    world.receive(*records("a-1"))

    world.receive(*records("a-2"), record(order("b-1"), "b-1", group="b"))

    assert (world.letters, world.effects()) == (["a-1", "a-2"], ["b-1"])


def test_redriven_group_runs_in_order_and_is_open_then(world: ParkingWorld) -> None:
    world.receive(*records("a-1", "a-2", "a-3"))
    world.broken.clear()

    returned = world.receive(*redriven(world.take_letters()), *records("a-4"))

    assert (returned, world.effects()) == ([], ["a-1", "a-2", "a-3", "a-4"])
    assert (world.letters, world.group.is_parked) == ([], False)
