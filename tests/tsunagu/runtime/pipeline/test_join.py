"""The join of a step's services, in every order of their calls, with a kill or a lost answer at every one of them."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.tsunagu.runtime.pipeline.test_envelope import PLAIN
from tests.tsunagu.runtime.pipeline.world import PipelineWorld
from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.pipeline.join import JoiningSender, onward_text
from tsunagu.runtime.pipeline.journal import run_started_ms
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.outbox import Channel, OutboxMessage
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.explorer.fiber import Fiber
from tsunagu.testing.explorer.schedule import Choices
from tsunagu.testing.fakes import DENIED, FakeItemStore, FakeOutboxSender, Killed

SIBLINGS = ("inventory", "billing")
FAULTY = "inventory"  # the other one is its mirror image
STORE_CALLS = ("insert", "read", "update", "transact")


class Workers:
    """Workers of the two services, each stopped before each of its calls; `choices` says which goes on, and how."""

    def __init__(self, world: PipelineWorld, choices: Choices, faults: Sequence[str]) -> None:
        self._choices = choices
        self._faults = faults
        self._running: Fiber | None = None
        self._fault = ""
        self._fibers = {name: Fiber(functools.partial(self._work, world, name)) for name in SIBLINGS}
        for call in STORE_CALLS:
            setattr(world.store, call, self._stopping(getattr(world.store, call), world.store, call))
        world.topics.send = self._stopping(world.topics.send, None, "send")  # type: ignore[method-assign]
        self._topics = world.topics

    def run(self) -> None:
        while waiting := {name: fiber for name, fiber in self._fibers.items() if not fiber.is_finished}:
            faulty = [f"{FAULTY} {fault}" for fault in self._faults if FAULTY in waiting]
            options = [*waiting, *faulty]
            name, _, fault = self._choices.pick(options).partition(" ")
            if fault:
                self._faults = ()
            self._running, self._fault = waiting[name], fault
            waiting[name].resume()

    def _work(self, world: PipelineWorld, name: str) -> None:
        try:
            world.deliver(name)
        except Killed:
            return

    def _stopping(self, call: Callable[..., Any], store: FakeItemStore | None, name: str) -> Callable[..., Any]:
        def stopping(*arguments: Any) -> Any:
            if self._running is None or not arguments[0]:
                return call(*arguments)
            running = self._running
            running.pause()
            self._running = running
            fault, self._fault = self._fault, ""
            if fault and store is not None:
                store.plan(name, fault)
            elif fault:
                self._topics.faults.append({"unavailable": "broken"}.get(fault, fault))
            return call(*arguments)

        return stopping

    def stop(self) -> None:
        self._running = None


def every_run(faults: Sequence[str]) -> Iterator[PipelineWorld]:
    """Yield the world after each possible run of the two workers; at most one call of a run has a fault."""
    prefix: Sequence[int] | None = []
    while prefix is not None:
        world, choices = PipelineWorld(), Choices(prefix)
        world.start()
        workers = Workers(world, choices, faults)
        workers.run()
        workers.stop()
        yield world
        prefix = choices.next_prefix()


def test_in_every_order_the_last_one_publishes_and_all_publish_the_same() -> None:
    orders = 0
    for world in every_run(()):
        orders += 1
        bodies = world.bodies("arn:aws:sns:eu-central-1:1:ship")
        assert bodies != []
        assert len(set(bodies)) == 1
        world.settle()
        assert [service for service, _ in world.effects()] == ["billing", "inventory", "shipping"]

    assert orders > 100


@pytest.mark.slow  # the explorer has one crash at any point of a pipeline in every run
@pytest.mark.parametrize("fault", ["killed_after", "killed_before", "unavailable", "unanswered"])
def test_in_every_order_a_fault_at_any_call_loses_and_doubles_nothing(fault: str) -> None:
    orders = 0
    for world in every_run([fault]):
        orders += 1
        world.settle()
        assert [service for service, _ in world.effects()] == ["billing", "inventory", "shipping"]
        assert len(set(world.bodies("arn:aws:sns:eu-central-1:1:ship"))) == 1
        assert len(world.notifications()) == 1

    assert orders > 1_000


# ---- the sender ----


def item(item_id: str, status: Status = Status.COMPLETED, result: str = '{"inline":1}') -> Item:
    return Item(id=item_id, status=status, owner="w", fence=1, lease=0, result=result, request_id=STARTED["request_id"])


ENVELOPE = PipelineWorld()
STARTED = ENVELOPE.start()
WINDOW_MS = 1_000_000
ORIGIN = ENVELOPE.bodies("arn:aws:sns:eu-central-1:1:reserve")[0]
ASKED_ONE = replace(PLAIN, step="reserve", only="inventory", base_run_id=PLAIN.request_id).encode()


def onward(origin: str = ORIGIN, age_ms: int = 0) -> AddressedMessage:
    updated = run_started_ms(STARTED["run_id"]) + age_ms
    own = replace(item("i", Status.COMMITTED), updated=updated, expiration=(updated + WINDOW_MS) // 1_000)
    awaits = {"inventory": "i", "billing": "b"}
    onward_message = OutboxMessage(
        channel=Channel.TOPIC, target="arn:aws:sns:eu-central-1:1:ship", body=onward_text("ship"), awaits=awaits
    )
    return AddressedMessage(onward_message, "id", own, origin)


def plain(text: str) -> AddressedMessage:
    return AddressedMessage(OutboxMessage(channel=Channel.TOPIC, target="t", body=text), "id", item("p"))


def send(
    *messages: AddressedMessage, sibling: Item | None, broken: bool = False
) -> tuple[list[SendResult], list[AddressedMessage]]:
    store, sender = FakeItemStore(), FakeOutboxSender(broken=broken)
    if sibling is not None:
        store.items["b"] = sibling
    return JoiningSender(store, sender).send(messages), sender.sent


@pytest.mark.parametrize("status", [Status.COMMITTED, Status.COMPLETED])
def test_results_stand_from_their_commit_on(status: Status) -> None:
    results, sent = send(onward(), sibling=item("b", status))

    assert results == [SendResult("sent-1")]
    assert '"results":{"billing":{"inline":1},"inventory":{"inline":1}}' in sent[0].outbox_message.body


@pytest.mark.parametrize(
    "sibling", [None, item("b", Status.INPROGRESS), item("b", Status.RELEASED), item("b", Status.DEAD)]
)
def test_message_is_left_to_a_sibling_that_is_not_done(sibling: Item | None) -> None:
    assert send(onward(), sibling=sibling) == ([SendResult(None)], [])


def test_sibling_without_a_record_is_waited_for_as_long_as_it_can_be_on_its_way() -> None:
    assert send(onward(age_ms=WINDOW_MS - 1_000), sibling=None) == ([SendResult(None)], [])


def test_other_messages_are_sent_as_they_are_and_results_keep_their_order() -> None:
    results, sent = send(plain("one"), onward(), plain("two"), sibling=None)

    assert results == [SendResult("sent-1"), SendResult(None), SendResult("sent-2")]
    assert [each.outbox_message.body for each in sent] == ["one", "two"]


def test_items_that_may_not_be_read_are_told_with_the_call_that_is_denied() -> None:
    store = FakeItemStore()
    store.plan("read", "denied")

    (result,) = JoiningSender(store, FakeOutboxSender()).send([onward()])

    assert (result.error is not None, result.is_permanent, result.call) == (True, False, DENIED)


def test_failed_send_is_told() -> None:
    results, _ = send(onward(), sibling=item("b"), broken=True)

    assert results == [SendResult(None, "ServiceUnavailable: gone")]


@pytest.mark.parametrize(
    ("message", "sibling"),
    [
        (onward(), item("b", result="")),
        (onward(), item("b", result="no json")),
        (onward(), item("b", result='{"order_id": 7}')),
        (onward(origin=""), item("b")),
        (onward(origin="{}"), item("b")),
        (onward(), replace(item("b"), request_id="another")),
        (onward(age_ms=WINDOW_MS + 1), None),
        (onward(origin=ASKED_ONE), None),
        (onward(origin=ASKED_ONE), item("b", Status.INPROGRESS)),
    ],
)
def test_message_that_cannot_be_made_is_refused_for_good_and_hurts_no_other(
    message: AddressedMessage, sibling: Item | None
) -> None:
    (refused, other), _ = send(message, plain("other"), sibling=sibling)

    assert (refused.message_id, refused.is_permanent) == (None, True)
    assert "cannot be made" in str(refused.error)
    assert other == SendResult("sent-1")


def test_record_in_hand_is_not_read_again() -> None:
    store = FakeItemStore()
    message = onward()
    alone = AddressedMessage(
        OutboxMessage(channel=Channel.TOPIC, target="t", body=onward_text(""), awaits={"inventory": "i"}),
        "id",
        message.item,
        ORIGIN,
    )

    assert JoiningSender(store, FakeOutboxSender()).send([alone]) == [SendResult("sent-1")]
    assert store.calls == []
