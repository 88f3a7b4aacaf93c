"""Requests on their way through the order pipeline: who works, with what, how often, and what goes on."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.tsunagu.runtime.pipeline.world import LARGE_ORDER, ORDER, PipelineWorld
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import PermanentError, RetryableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.work import Work

SERVICES = ("billing", "inventory", "shipping")
RESULTS = {"inventory": {"reserved": "o-1"}, "billing": {"amount": 1, "currency": "EUR"}}


@pytest.fixture
def world() -> PipelineWorld:
    return PipelineWorld()


def each_service_once(answer: dict[str, str]) -> list[tuple[object, object]]:
    return [(service, answer["run_id"]) for service in SERVICES]


def test_request_goes_through_every_service_once_and_ends_with_one_notification(world: PipelineWorld) -> None:
    answer = world.start()
    world.settle()

    assert answer["status"] == "accepted"
    assert world.effects() == each_service_once(answer)
    (notification,) = world.notifications()
    assert (notification["request_id"], notification["run_id"]) == (answer["request_id"], answer["run_id"])
    assert (notification["step"], notification["hop"]) == ("", 3)
    assert notification["results"] == {"shipping": {"inline": {"shipped": RESULTS}}}


def test_services_get_the_request_and_the_results_of_the_step_before(world: PipelineWorld) -> None:
    world.start()
    world.settle()

    assert world.seen == {"inventory": (ORDER, {}), "billing": (ORDER, {}), "shipping": (ORDER, RESULTS)}


def test_every_message_carries_request_id_version_and_hop_count(world: PipelineWorld) -> None:
    answer = world.start()
    world.settle()

    expected = [
        {"tsunagu_request_id": answer["request_id"], "tsunagu_schema_version": "1", "tsunagu_hop_count": str(hop)}
        for hop in (1, 2, 3)
    ]
    assert [each.outbox_message.attributes for each in world.topics.published] == expected


def test_large_payload_and_large_results_lie_in_objects_and_come_out_the_same(world: PipelineWorld) -> None:
    world.business["billing"] = lambda _order, _work: {"invoice": "i" * 500}
    answer = world.start(LARGE_ORDER)
    world.settle()

    order, results = world.seen["shipping"]
    assert (order, results["billing"]) == (LARGE_ORDER, {"invoice": "i" * 500})
    prefix = f"orders/{answer['request_id']}/{answer['run_id']}/"
    assert {f"{prefix}request.json", f"{prefix}reserve/billing/1.json"} <= {*world.objects.versions}
    assert all(len(each.outbox_message.body) < 1_500 for each in world.topics.published)


@pytest.mark.parametrize("order", [{}, {"日本\u2028": {"": [None, "\uffff\x00😀"]}}, {"n": 1e300, "m": -(2**70)}])
def test_any_json_object_comes_through_as_it_is(world: PipelineWorld, order: JsonObject) -> None:
    world.business["inventory"] = lambda order, _work: [order]
    world.start(order)
    world.settle()

    assert world.seen["billing"] == (order, {})
    assert world.seen["shipping"][1]["inventory"] == [order]


@dataclass
class Charge:
    amount: int


@pytest.mark.parametrize(
    ("value", "result"), [(Charge(7), {"amount": 7}), (None, None), ([], []), ("text", "text")], ids=str
)
def test_result_is_a_json_value_or_a_dataclass(world: PipelineWorld, value: object, result: object) -> None:
    world.business["billing"] = lambda _order, _work: value
    world.start()
    world.settle()

    assert world.seen["shipping"][1]["billing"] == result


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), "x" * 6_000], ids=["a set", "NaN", "too large"])
def test_result_that_cannot_be_kept_is_dead_lettered_and_nothing_of_it_is_committed(
    world: PipelineWorld, value: object
) -> None:
    def business(_order: JsonObject, work: Work) -> object:
        work.put("effects", {"service": "billing", "run_id": work.run_id})
        return value

    world.business["billing"] = business
    answer = world.start()
    world.settle()

    assert world.status(answer["run_id"], "billing") is Status.DEAD
    assert [service for service, _ in world.effects()] == ["inventory"]
    assert world.notifications() == []


def test_service_without_writes_completes_without_a_transaction(world: PipelineWorld) -> None:
    world.business["billing"] = lambda _order, _work: {"amount": 1}
    world.start()
    world.store.calls.clear()
    world.deliver("billing")

    assert "transact" not in world.store.calls


def test_writes_and_result_stand_together_or_not_at_all(world: PipelineWorld) -> None:
    answer = world.start()
    world.store.plan("transact", "unavailable", "unavailable")
    world.deliver("inventory")
    world.deliver("billing")

    assert world.status(answer["run_id"], "inventory") is Status.RELEASED
    assert [service for service, _ in world.effects()] == ["billing"]

    world.settle()
    assert world.effects() == each_service_once(answer)


def test_failing_service_leaves_its_sibling_alone_and_is_finished_by_a_redrive(world: PipelineWorld) -> None:
    charge, world.business["billing"] = world.business["billing"], _refuse
    answer = world.start()
    world.settle()
    assert world.status(answer["run_id"], "inventory") is Status.COMPLETED
    assert world.notifications() == []
    (letter,) = world.dead_letters.sent
    assert letter.attributes["tsunagu_dead_letter_reason"] == "declined"

    world.business["billing"] = charge
    carried = {name: str(getattr(value, "value", value)) for name, value in letter.attributes.items()}
    world.topics.put("billing", letter.body, carried)
    world.settle()

    assert world.effects() == each_service_once(answer)
    assert len(world.notifications()) == 1


def _refuse(_order: JsonObject, _work: Work) -> object:
    raise PermanentError("declined")


def test_attempts_of_a_service_are_its_own(world: PipelineWorld) -> None:
    charge = world.business["billing"]

    def flaky(order: JsonObject, work: Work) -> object:
        if work.attempt == 1:
            raise RetryableError("busy", after_seconds=1)
        return charge(order, work)

    world.business["billing"] = flaky
    answer = world.start()
    world.settle()

    assert world.effects() == each_service_once(answer)
    inventory, billing = (world.item(answer["run_id"], service) for service in ("inventory", "billing"))
    assert inventory is not None
    assert billing is not None
    assert (inventory.fence, billing.fence) == (1, 2)


def test_duplicate_delivery_of_a_step_is_refused(world: PipelineWorld) -> None:
    answer = world.start()
    for service in ("inventory", "billing"):
        world.topics.queues[service] *= 2
        world.topics.queues[service][1] = {**world.topics.queues[service][1], "messageId": "copy"}
    world.settle()

    assert world.effects() == each_service_once(answer)
    assert len(world.notifications()) == 1


def test_each_attempt_writes_an_object_of_its_own(world: PipelineWorld) -> None:
    world.business["billing"] = lambda _order, _work: "r" * 500
    answer = world.start()
    world.store.plan("update", "unavailable")
    world.deliver("billing")
    world.pass_lease()
    world.deliver("billing")

    prefix = f"orders/{answer['request_id']}/{answer['run_id']}/reserve/billing/"
    assert [*world.objects.versions] == [f"{prefix}1.json", f"{prefix}2.json"]


def test_work_knows_the_run(world: PipelineWorld) -> None:
    seen: list[Any] = []

    def business(_order: JsonObject, work: Work) -> object:
        seen.append((work.request_id, work.run_id, work.fencing_token, work.attempt))
        work.heartbeat()
        work.outbox.publish("arn:aws:sns:eu-central-1:1:other", "told")
        return {}

    world.business["billing"] = business
    answer = world.start()
    world.deliver("billing")
    world.deliver("inventory")

    assert seen == [(answer["request_id"], answer["run_id"], 1, 1)]
    assert world.bodies("arn:aws:sns:eu-central-1:1:other") == ["told"]
    assert len(world.bodies("arn:aws:sns:eu-central-1:1:ship")) == 1
