"""Failed calls: each is counted, because an outage costs no attempt, and no other metric shows it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.tsunagu.runtime.receiving.processes import beat, commit, fail, nothing, refuse, send_on
from tests.tsunagu.runtime.world import Process, World, order, record
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message

Break = Callable[[World], object]


@pytest.fixture
def world() -> World:
    return World()


def collect(body: JsonObject, message: Message) -> None:
    message.put("effects", {"order_id": body["order_id"]})


def silence(operation: str, *, after: int = 0, times: int = 1) -> Break:
    return lambda world: world.store.plan(operation, *[""] * after, *["unavailable"] * times)


@dataclass(frozen=True, slots=True)
class Outage:
    """What fails, and the business function whose message is affected.

    Attributes:
        breaks: Breaks a part of the world.
        process: What the message runs.
        has_failed: Whether the message failed once before.
    """

    breaks: Break
    process: Process = nothing
    has_failed: bool = False


OUTAGES = {
    "claim": Outage(silence("insert")),
    "look at an item that exists": Outage(silence("read"), has_failed=True),
    "take-over": Outage(silence("update"), has_failed=True),
    "start of a suspect": Outage(silence("update", after=1), has_failed=True),
    "completion": Outage(silence("update")),
    "transaction": Outage(silence("transact", times=2), commit),
    "commit of collected writes": Outage(silence("transact", times=2), collect),
    "heartbeat of a lease": Outage(silence("update"), beat),
    "heartbeat of a task": Outage(lambda world: setattr(world.tasks, "broken", True), beat),
    "outbox": Outage(lambda world: setattr(world.outbox, "broken", True), send_on),
    "mark of what was sent": Outage(silence("update", after=1), send_on),
    "dead-letter queue": Outage(lambda world: setattr(world.dead_letter_queue, "broken", True), refuse),
    "notification": Outage(lambda world: setattr(world.topic, "broken", True), refuse),
    "mark of what was notified": Outage(silence("update", after=1), refuse),
}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_failed_call_is_counted_once_and_its_message_is_delivered_again(world: World, outage: Outage) -> None:
    if outage.has_failed:
        world.receive(record(order("o-1")), process=fail)
    world.lease_seconds = 3
    outage.breaks(world)

    assert world.receive(record(order("o-1")), process=outage.process) == ["m-1"]
    assert world.counted()["CallsFailed"] == 1


@pytest.mark.parametrize("process", [nothing, commit, collect, send_on, beat, refuse, fail])
def test_calls_that_succeed_are_not_counted_as_failed(world: World, process: Process) -> None:
    world.receive(record(order("o-1")), process=process)

    assert "CallsFailed" not in world.counted()
