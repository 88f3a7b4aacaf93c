"""A store that is gone for three minutes costs no valid message, however small the back-stop."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.correctness.queue_model import ModelQueue
from tests.tsunagu.runtime.world import MAX_ATTEMPTS, TIMEOUT_SECONDS, World, order
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message

OUTAGE_SECONDS = 180
VISIBILITY_SECONDS = 6 * TIMEOUT_SECONDS
# As many receives as fit the outage, one when it ends, and one for each attempt of a message that fails by itself.
BACK_STOP = OUTAGE_SECONDS // VISIBILITY_SECONDS + 1 + MAX_ATTEMPTS
KEYS = [f"o-{number}" for number in range(25)]

OPERATIONS = ["insert", "read", "update", "transact"]


class OutageWorld(World):
    """A world whose store has outages, and whose visibility changes reach a queue."""

    def __init__(self, *, visibility_seconds: int = VISIBILITY_SECONDS, max_receive_count: int = BACK_STOP) -> None:
        super().__init__()
        self.queue = ModelQueue(self.clock, visibility_seconds=visibility_seconds, max_receive_count=max_receive_count)
        for key in KEYS:
            self.queue.send(order(key))

    def run_for(self, seconds: int, process: Callable[[JsonObject, Message], None] | None = None) -> None:
        end_ms = self.clock.ms + seconds * 1_000
        while self.clock.ms < end_ms and self.queue.waiting:
            self.visibility.changed.clear()
            self.queue.poll(lambda records: self.receive(*records, process=process))
            self.queue.change(self.visibility.changed)

    def begin_outage(self, operations: list[str], fault: str = "unavailable") -> None:
        for operation in operations:
            self.store.faults[operation] = [fault] * 10_000

    def end_outage(self) -> None:
        self.store.faults.clear()


@pytest.fixture
def world() -> OutageWorld:
    return OutageWorld()


@pytest.mark.parametrize("fault", ["unavailable", "unanswered"])
@pytest.mark.parametrize("operations", [OPERATIONS, *([each] for each in OPERATIONS)], ids="+".join)
def test_no_valid_message_dies_of_an_outage(world: OutageWorld, operations: list[str], fault: str) -> None:
    world.begin_outage(operations, fault)
    world.run_for(OUTAGE_SECONDS)
    world.end_outage()
    world.run_for(OUTAGE_SECONDS)

    assert (world.queue.set_aside, world.dead_letter_queue.sent) == ([], [])
    assert (world.queue.waiting, sorted(map(str, world.effects()))) == ({}, sorted(KEYS))


def test_no_message_dies_that_had_failed_before_the_outage(world: OutageWorld) -> None:
    def fail(_body: JsonObject, _message: Message) -> None:
        msg = "a dependency is gone"
        raise ConnectionError(msg)

    world.run_for(3, process=fail)
    world.begin_outage(OPERATIONS)
    world.run_for(OUTAGE_SECONDS)
    world.end_outage()
    world.run_for(OUTAGE_SECONDS)

    assert (world.queue.set_aside, world.dead_letter_queue.sent) == ([], [])
    assert sorted(map(str, world.effects())) == sorted(KEYS)


@pytest.mark.parametrize("operations", [["insert"], ["transact"]], ids="+".join)
def test_no_message_dies_of_a_permission_that_is_missing_for_three_days(operations: list[str]) -> None:
    world = OutageWorld(visibility_seconds=6, max_receive_count=1_000)  # those of a time-out of one second
    world.begin_outage(operations, "denied")
    for _ in range(3 * 24):
        world.run_for(3_600)
    world.end_outage()
    world.run_for(3_600)

    assert (world.queue.set_aside, world.dead_letter_queue.sent) == ([], [])
    assert (world.queue.waiting, sorted(map(str, world.effects()))) == ({}, sorted(KEYS))


def test_the_back_stop_would_take_messages_whose_visibility_is_shortened_in_an_outage(world: OutageWorld) -> None:
    def refuse(records: Sequence[dict[str, Any]]) -> list[str]:
        world.queue.change({each["receiptHandle"]: 1 for each in records})
        return [each["messageId"] for each in records]

    for _ in range(OUTAGE_SECONDS):
        world.queue.poll(refuse)

    assert sorted(world.queue.set_aside) == sorted(KEYS)
