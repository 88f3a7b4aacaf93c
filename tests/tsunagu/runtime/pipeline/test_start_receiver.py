"""Starts by a queue: each message is one request, or a dead letter that says why it is none."""

import json
from typing import Any

import pytest

from tests.tsunagu.runtime.pipeline.test_starts import REQUEST_ID, START_CALLS, harm
from tests.tsunagu.runtime.pipeline.world import HOP_LIMIT, LARGE_ORDER, ORDER, PipelineWorld
from tests.tsunagu.runtime.world import FakeContext, record
from tsunagu.contracts.claims import check_id
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.work import Work
from tsunagu.testing.fakes import Killed


@pytest.fixture
def world() -> PipelineWorld:
    return PipelineWorld()


def entry_record(document: object, message_id: str = "m-1", attributes: dict[str, str] | None = None) -> dict[str, Any]:
    return record(document if isinstance(document, str) else json.dumps(document), message_id, attributes=attributes)


def start_document(**more: object) -> dict[str, object]:
    return {"action": "start", "payload": ORDER, "idempotency_key": "k-1", **more}


def receive(world: PipelineWorld, *records: dict[str, Any]) -> list[str]:
    response = world.entry().receive({"Records": [*records]}, FakeContext())
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def test_message_of_the_entry_queue_starts_a_run(world: PipelineWorld) -> None:
    assert receive(world, entry_record(start_document())) == []
    world.settle()

    (notification,) = world.notifications()
    assert world.effects() == [(name, notification["run_id"]) for name in ("billing", "inventory", "shipping")]
    (start,) = world.journal.starts(notification["request_id"])
    assert start.item.request_id == notification["request_id"]


@pytest.mark.parametrize(("system", "group_ids"), [({"tenant": "a"}, {"a"}), ({"group": "a"}, {None}), ({}, {None})])
def test_every_hop_keeps_the_group_of_a_fair_entry_queue(
    world: PipelineWorld, system: dict[str, str], group_ids: set[str | None]
) -> None:
    receive(world, record(json.dumps(start_document()), **system))  # type: ignore[arg-type]
    world.settle()

    assert len(world.notifications()) == 1
    assert {each.outbox_message.group_id for each in world.topics.published} == group_ids


def test_copies_in_the_entry_queue_are_one_request(world: PipelineWorld) -> None:
    receive(world, entry_record(start_document()), entry_record(start_document(), "m-2"))
    receive(world, entry_record(start_document(), "m-3"))
    world.settle()

    assert len(world.notifications()) == 1


def test_direct_start_and_message_under_one_key_are_one_request(world: PipelineWorld) -> None:
    receive(world, entry_record(start_document()))

    answer = world.ask(**start_document())
    world.settle()

    assert answer["status"] == "duplicate"
    assert [each["request_id"] for each in world.notifications()] == [answer["request_id"]]


def test_each_start_is_a_request_of_its_own_whatever_request_id_came_along(world: PipelineWorld) -> None:
    for number, brought in enumerate([REQUEST_ID, REQUEST_ID, "../x", "anything-else"]):
        document = start_document(payload={"order_id": f"o-{number}"}, idempotency_key=f"k-{number}")
        receive(world, entry_record(document, f"m-{number}", {"tsunagu_request_id": brought}))
    world.settle()

    request_ids = [check_id("request_id", each["request_id"]) for each in world.notifications()]
    assert len({*request_ids, REQUEST_ID}) == 5
    world.replay(request_ids[0], "reserve")
    assert json.loads(world.bodies("arn:aws:sns:eu-central-1:1:reserve")[-1])["request"] == {
        "inline": {"order_id": "o-0"}
    }


def test_producer_learns_the_ids_by_asking_with_the_same_key_and_document(world: PipelineWorld) -> None:
    receive(world, entry_record(start_document(), attributes={"tsunagu_request_id": REQUEST_ID}))
    world.settle()
    (notification,) = world.notifications()

    answer = world.ask(**start_document())

    assert answer == {
        "request_id": notification["request_id"],
        "run_id": notification["run_id"],
        "status": "duplicate",
    }


@pytest.mark.parametrize("killed", ["killed_before", "killed_after"])
@pytest.mark.parametrize(("call", "nth"), START_CALLS)
def test_kill_in_the_entry_loses_and_doubles_nothing(world: PipelineWorld, call: str, nth: int, killed: str) -> None:
    received = entry_record(start_document(payload=LARGE_ORDER), attributes={"tsunagu_request_id": REQUEST_ID})
    harm(world, call, nth, killed)
    with pytest.raises(Killed):
        receive(world, received)
    world.pass_lease()

    assert receive(world, received) == []
    world.settle()

    assert len(set(world.bodies("arn:aws:sns:eu-central-1:1:reserve"))) == 1
    assert len(world.effects()) == 3
    (notification,) = world.notifications()
    assert len(world.journal.starts(notification["request_id"])) == 1


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("no json", "the body must be JSON"),
        ("", "the body must be JSON"),
        ("[]", "the body must be a JSON object, got list"),
        ({"action": "start", "payload": ORDER}, "a start with an idempotency_key"),
        (
            {"action": "replay", "request_id": REQUEST_ID, "from_step": "ship", "idempotency_key": "k"},
            "must be a start",
        ),
        ({"action": "start", "payload": [], "idempotency_key": "k"}, "payload must be a JSON object"),
        ({"action": "start", "payload": {"n": "n" * 6_000}, "idempotency_key": "k"}, "at most 5,000 bytes"),
    ],
)
def test_message_that_is_no_start_is_dead_lettered_with_the_reason(
    world: PipelineWorld, document: object, reason: str
) -> None:
    assert receive(world, entry_record(document)) == []

    (letter,) = world.dead_letters.sent
    assert reason in str(letter.attributes["tsunagu_dead_letter_reason"])
    assert world.topics.published == []


@pytest.mark.parametrize(("hops", "is_taken"), [(HOP_LIMIT - 1, True), (HOP_LIMIT, False), (10**8, False)])
def test_run_that_starts_runs_ends_within_its_hops(world: PipelineWorld, hops: int, is_taken: bool) -> None:
    receive(world, entry_record(start_document(), attributes={"tsunagu_hop_count": str(hops)}))

    assert [json.loads(body)["hop"] for body in world.bodies("arn:aws:sns:eu-central-1:1:reserve")] == (
        [hops + 1] if is_taken else []
    )
    assert len(world.dead_letters.sent) == (0 if is_taken else 1)


def test_loop_through_the_entry_queue_ends(world: PipelineWorld) -> None:
    def ship_and_start_again(order: JsonObject, work: Work) -> object:
        document = {"action": "start", "payload": order, "idempotency_key": work.run_id}
        work.outbox.send("https://sqs/entry", json.dumps(document), attributes={"producer": "shipping"})
        return {}

    world.business["shipping"] = ship_and_start_again
    world.start()
    world.settle()

    for number in range(HOP_LIMIT):
        (sent,) = [
            each.outbox_message for each in world.topics.published if each.outbox_message.target == "https://sqs/entry"
        ][-1:]
        receive(world, entry_record(sent.body, f"m-{number}", {**sent.attributes}))
        world.settle()

    assert [json.loads(body)["hop"] for body in world.bodies("arn:aws:sns:eu-central-1:1:reserve")] == [1, 3, 5]
    assert all("a loop" in str(letter.attributes["tsunagu_dead_letter_reason"]) for letter in world.dead_letters.sent)
    assert world.dead_letters.sent


@pytest.mark.parametrize("hop_count", ["", "-1", "x", "\uff19", "1" * 10])
def test_hop_count_that_is_none_counts_as_none(world: PipelineWorld, hop_count: str) -> None:
    receive(world, entry_record(start_document(), attributes={"tsunagu_hop_count": hop_count}))

    assert [json.loads(body)["hop"] for body in world.bodies("arn:aws:sns:eu-central-1:1:reserve")] == [1]


def test_what_a_service_sends_has_the_hops_of_its_run_whatever_came_beside_the_envelope(world: PipelineWorld) -> None:
    world.business["inventory"] = lambda _, work: work.outbox.send("https://sqs/entry", "{}")
    world.start()
    (waiting,) = world.topics.queues.pop("inventory")
    world.topics.put("inventory", waiting["body"], {"tsunagu_hop_count": "x"})

    world.deliver("inventory")

    (sent,) = [
        each.outbox_message for each in world.topics.published if each.outbox_message.target == "https://sqs/entry"
    ]
    assert sent.attributes["tsunagu_hop_count"] == "1"
