"""Workers that are late, or whose calls go unanswered: none takes what another worker did for its own."""

import random
from dataclasses import replace

import pytest

from tests.tsunagu.runtime.world import World, completion_parts, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import PermanentError, UnavailableError
from tsunagu.runtime.idempotency.decision import ClaimRequest, Held, Unsent
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.lease import LeaseTerm
from tsunagu.runtime.idempotency.store import Outcome
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.completion import Completion
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.message import Message
from tsunagu.testing.fakes import START_MS, FakeClock, FakeItemStore

REQUEST = ClaimRequest(item_id="orders#1", payload_hash="p", request_id="r", message_ids=("m-1",))


@pytest.fixture
def world() -> World:
    return World()


class Worker:
    """Decisions over a store that holds one item."""

    def __init__(self, **fields: object) -> None:
        self.clock, self.store = FakeClock(), FakeItemStore()
        if fields:
            item = {"status": Status.INPROGRESS, "owner": "other", "fence": 1, "lease": 0, "payload_hash": "p"}
            self.store.items["orders#1"] = Item(**{"id": "orders#1", **item, **fields})  # type: ignore[arg-type]
        self.idempotency = Idempotency(
            self.store,
            self.clock,
            owner="me",
            lease=LeaseTerm(self.clock, START_MS + 10_000),
            window_seconds=3_600,
            rng=random.Random(7),
        )

    @property
    def item(self) -> Item:
        return self.store.items["orders#1"]


@pytest.mark.parametrize("is_transactional", [True, False])
def test_late_worker_does_not_take_the_success_of_its_successor_for_its_own(
    world: World, is_transactional: bool
) -> None:
    def late(body: JsonObject, message: Message) -> None:
        world.pass_lease()
        assert world.receive(record(order("o-1"), "m-2")) == []
        if is_transactional:
            world.work(body, message)

    assert world.receive(record(order("o-1")), process=late) == ["m-1"]
    assert world.effects() == ["o-1"]
    assert world.counted()["LeasesLost"] == 1


def test_lost_lease_is_no_failed_attempt(world: World) -> None:
    def late(body: JsonObject, message: Message) -> None:
        world.pass_lease()
        world.receive(record(order("o-1"), "m-2"))
        world.work(body, message)

    world.receive(record(order("o-1")), process=late)

    assert "AttemptsFailed" not in world.counted()


def test_worker_that_loses_a_takeover_to_another_one_defers_the_message_and_does_not_run(world: World) -> None:
    def without_a_dependency(_body: JsonObject, _message: Message) -> None:
        msg = "gone"
        raise UnavailableError(msg)

    def overtake() -> None:
        world.store.plan("transact", "killed_before")
        world.receive_and_die(record(order("o-1"), "m-2"))

    world.receive(record(order("o-1")), process=without_a_dependency)
    world.store.before_update = overtake

    assert world.receive(record(order("o-1"))) == ["m-1"]
    assert (world.runs, world.effects()) == (["o-1"], [])
    assert world.only_item().owner == "worker-3"
    assert world.visibility.changed["handle-m-1"] >= 10  # until the lease of the other ends


def test_earlier_claim_of_the_same_owner_is_refused_by_its_fencing_token() -> None:
    worker = Worker()
    (first,) = worker.idempotency.claim([REQUEST])
    worker.clock.ms += 13_000
    worker.store.items["orders#1"] = replace(worker.item, status=Status.RELEASED)
    (second,) = worker.idempotency.claim([REQUEST])
    assert isinstance(first, Held)
    assert isinstance(second, Held)

    late, current, later = (
        worker.idempotency.settle([worker.idempotency.completed(held.claim)])[0] for held in (first, second, first)
    )

    assert [verdict.outcome for verdict in (late, current, later)] == [
        Outcome.REFUSED,
        Outcome.APPLIED,
        Outcome.REFUSED,
    ]
    assert not first.claim.was_done(later)


def test_outbox_that_was_sent_completes_no_item_that_was_claimed_anew() -> None:
    worker = Worker(fence=2, lease=START_MS + 5_000)

    (verdict,) = worker.idempotency.settle([worker.idempotency.sent(worker.item)])

    assert (verdict.outcome, worker.item.status) == (Outcome.REFUSED, Status.INPROGRESS)


def test_notification_of_an_earlier_dead_letter_marks_no_later_one() -> None:
    worker = Worker(status=Status.DEAD, fence=2)

    (verdict,) = worker.idempotency.settle([worker.idempotency.notified(replace(worker.item, fence=1), ["m-1"])])

    assert (verdict.outcome, worker.item.told) == (Outcome.REFUSED, ())


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.INPROGRESS])
def test_failed_round_of_sends_changes_only_a_committed_item(status: Status) -> None:
    worker = Worker(status=status, lease=7)

    (verdict,) = worker.idempotency.settle([worker.idempotency.send_failed(worker.item)])

    assert (verdict.outcome, worker.item.lease) == (Outcome.REFUSED, 7)


def test_worker_that_finds_its_own_commit_sends_at_once() -> None:
    worker = Worker(status=Status.COMMITTED, owner="me", lease=START_MS + 5_000)

    (decision,) = worker.idempotency.claim([REQUEST])

    assert decision == Unsent(worker.item)


def test_committed_item_is_not_forgotten_when_its_window_is_over(world: World) -> None:
    def process(body: JsonObject, message: Message) -> None:
        message.outbox.send("https://sqs/next", "x")
        world.work(body, message)

    world.outbox.broken = True
    world.receive(record(order("o-1")), process=process)
    world.outbox.broken = False
    world.clock.ms += 3_700_000

    assert world.receive(record(order("o-1"), "m-2"), process=process) == []
    assert (world.effects(), len(world.outbox.sent)) == (["o-1"], 1)


def test_held_item_is_not_forgotten_when_its_window_is_over(world: World) -> None:
    world.store.plan("transact", "killed_before")
    world.receive_and_die(record(order("o-1")))
    item = world.only_item()
    world.store.items[item.id] = replace(item, expiration=1)

    assert world.receive(record(order("o-1"), "m-2")) == ["m-2"]
    assert (world.runs, world.only_item().owner) == (["o-1"], "worker-1")


def test_dead_message_is_acknowledged_only_once_it_was_notified(world: World) -> None:
    def refuse(_body: JsonObject, _message: Message) -> None:
        msg = "no"
        raise PermanentError(msg)

    world.topic.broken = True
    returned = [world.receive(record(order("o-1")), process=refuse) for _ in range(2)]
    world.topic.broken = False

    assert returned == [["m-1"], ["m-1"]]
    assert world.receive(record(order("o-1")), process=refuse) == []
    assert len(world.topic.published) == 1


def test_start_that_the_store_does_not_take_releases_the_message(world: World) -> None:
    def fail(_body: JsonObject, _message: Message) -> None:
        raise ValueError

    world.receive(record(order("o-1")), process=fail)
    world.store.plan("update", "", "unavailable")  # the takeover, and the start

    assert world.receive(record(order("o-1"))) == ["m-1"]
    assert (world.only_item().status, world.only_item().attempts) == (Status.RELEASED, 1)
    assert (world.runs, world.dead_letter_queue.sent) == ([], [])


def test_completion_is_what_the_message_had_when_it_was_sealed() -> None:
    delivery = Delivery.from_record(record(order("o-1")))
    item = Item(id="orders#1", status=Status.INPROGRESS, owner="me", fence=1, lease=START_MS + 5_000)
    completion = Completion(*completion_parts(delivery, item))
    completion.result = "first"
    collected = completion.collected()

    with pytest.raises(RuntimeError, match="the result must be given before the message is completed"):
        completion.result = "late"

    assert completion.collected() == collected == ((), "first")
    assert completion.change().values["result"] == "first"
