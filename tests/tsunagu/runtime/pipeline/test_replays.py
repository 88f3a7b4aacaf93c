"""Replays: a new run from any step, with the input that was stored or another one, of all services or one."""

from typing import Any

import pytest

from tests.tsunagu.runtime.pipeline.world import LARGE_ORDER, ORDER, PipelineWorld
from tsunagu.runtime.errors import PermanentError, UnavailableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.errors import KeyTakenError, NoStoredInputError, UnknownRequestError
from tsunagu.runtime.pipeline.work import Work
from tsunagu.testing.fakes import DENIED

UNKNOWN = "0192b1c2-7e54-7b1f-8a3f-2d1c0b9a8f7e"
RESULTS = {"inventory": {"reserved": "o-1"}, "billing": {"amount": 1, "currency": "EUR"}}


@pytest.fixture
def world() -> PipelineWorld:
    return PipelineWorld()


@pytest.fixture
def request_id(world: PipelineWorld) -> str:
    """A request that went through."""
    request_id = world.start()["request_id"]
    world.settle()
    return request_id


def effects_of(world: PipelineWorld, run: dict[str, str]) -> list[object]:
    return [service for service, run_id in world.effects() if run_id == run["run_id"]]


@pytest.mark.parametrize(
    ("from_step", "services"), [("reserve", ["billing", "inventory", "shipping"]), ("ship", ["shipping"])]
)
@pytest.mark.parametrize("order", [ORDER, LARGE_ORDER], ids=["inline", "in objects"])
def test_replay_runs_the_step_and_those_behind_it_once_more_with_equal_results(
    world: PipelineWorld, order: JsonObject, from_step: str, services: list[str]
) -> None:
    first = world.start(order)
    world.settle()
    run = world.replay(first["request_id"], from_step)
    world.settle()

    assert (run["request_id"], run["status"]) == (first["request_id"], "accepted")
    assert run["run_id"] != first["run_id"]
    assert effects_of(world, run) == services
    assert effects_of(world, first) == ["billing", "inventory", "shipping"]
    before, after = world.notifications()
    assert after["run_id"] == run["run_id"]
    assert world.seen["shipping"] == (order, {**RESULTS, "billing": {"amount": len(order), "currency": "EUR"}})
    assert after["results"] == before["results"] or "claim" in str(after["results"])


def test_replay_with_one_key_is_one_run(world: PipelineWorld, request_id: str) -> None:
    run = world.replay(request_id, "ship", idempotency_key="again")
    copy = world.replay(request_id, "ship", idempotency_key="again")

    assert copy == {**run, "status": "duplicate"}
    with pytest.raises(KeyTakenError):
        world.replay(request_id, "reserve", idempotency_key="again")


def test_each_replay_without_a_key_is_a_run_of_its_own(world: PipelineWorld, request_id: str) -> None:
    runs = [world.replay(request_id, "ship") for _ in range(3)]
    world.settle()

    assert [effects_of(world, run) for run in runs] == [["shipping"]] * 3


def test_edited_request_takes_the_place_of_the_stored_one(world: PipelineWorld, request_id: str) -> None:
    world.replay(request_id, "reserve", payload={"order_id": "o-2"})
    world.settle()

    assert world.seen["shipping"] == (
        {"order_id": "o-2"},
        {"inventory": {"reserved": "o-2"}, "billing": {"amount": 1, "currency": "EUR"}},
    )


def test_edited_results_take_the_place_of_the_stored_ones(world: PipelineWorld, request_id: str) -> None:
    results = {"inventory": {"reserved": "all"}, "billing": {"amount": 99}}
    run = world.replay(request_id, "ship", payload={"request": ORDER, "results": results})
    world.settle()

    assert world.seen["shipping"] == (ORDER, results)
    assert effects_of(world, run) == ["shipping"]


def test_later_replay_begins_with_what_the_newest_run_was_given(world: PipelineWorld, request_id: str) -> None:
    world.replay(request_id, "reserve", payload={"order_id": "o-2"})
    world.settle()
    world.replay(request_id, "ship")
    world.settle()

    assert world.seen["shipping"][0] == {"order_id": "o-2"}


def test_only_the_chosen_service_works_and_the_others_results_stand(world: PipelineWorld, request_id: str) -> None:
    world.seen.clear()
    world.business["billing"] = _charging(world, {"amount": 77})
    run = world.replay(request_id, "reserve", only="billing")
    world.settle()

    assert effects_of(world, run) == ["billing", "shipping"]
    assert world.seen["shipping"] == (ORDER, {**RESULTS, "billing": {"amount": 77}})
    assert len(world.notifications()) == 2


def _charging(world: PipelineWorld, result: object) -> Any:
    return world._writing("billing", lambda _order, _work: result)  # noqa: SLF001


def test_message_for_one_service_says_so_and_the_next_step_asks_all(world: PipelineWorld, request_id: str) -> None:
    world.topics.published.clear()
    world.replay(request_id, "reserve", only="billing")
    world.settle()

    asked = [each.outbox_message.attributes.get("tsunagu_service") for each in world.topics.published]
    assert asked == ["billing", None, None]


def test_results_of_a_replay_of_one_service_are_the_input_of_the_next_step(
    world: PipelineWorld, request_id: str
) -> None:
    world.business["billing"] = _charging(world, {"amount": 77})
    world.replay(request_id, "reserve", only="billing")
    world.settle()
    world.seen.clear()
    world.replay(request_id, "ship")
    world.settle()

    assert world.seen == {"shipping": (ORDER, {**RESULTS, "billing": {"amount": 77}})}


def test_second_replay_of_one_service_stands_on_the_same_base(world: PipelineWorld, request_id: str) -> None:
    world.replay(request_id, "reserve", only="billing", payload={"order_id": "o-2"})
    world.settle()
    run = world.replay(request_id, "reserve", only="billing")
    world.settle()

    assert effects_of(world, run) == ["billing", "shipping"]
    assert world.seen["shipping"] == ({"order_id": "o-2"}, RESULTS)


def test_replay_of_the_other_service_stands_on_a_run_that_has_all_of_its_own(
    world: PipelineWorld, request_id: str
) -> None:
    world.business["billing"] = _charging(world, {"amount": 77})
    world.replay(request_id, "reserve", only="billing")
    world.settle()
    world.replay(request_id, "reserve", only="inventory")
    world.settle()

    assert world.seen["shipping"][1]["billing"] == RESULTS["billing"]


def test_edited_payload_for_one_service_takes_the_others_from_a_run_that_has_them(
    world: PipelineWorld, request_id: str
) -> None:
    run = world.replay(request_id, "reserve", only="inventory", payload={"order_id": "o-2"})
    world.settle()

    assert world.seen["inventory"][0] == {"order_id": "o-2"}
    assert world.seen["shipping"] == (
        {"order_id": "o-2"},
        {"inventory": {"reserved": "o-2"}, "billing": RESULTS["billing"]},
    )
    assert effects_of(world, run) == ["inventory", "shipping"]


def test_failed_request_is_finished_by_a_replay_of_the_service_that_failed(world: PipelineWorld) -> None:
    charge, world.business["billing"] = world.business["billing"], _refuse
    request_id = world.start()["request_id"]
    world.settle()
    world.business["billing"] = charge
    world.replay(request_id, "reserve", only="billing")
    world.settle()

    assert [service for service, _ in world.effects()].count("inventory") == 1
    assert world.seen["shipping"] == (ORDER, RESULTS)


def _refuse(_order: JsonObject, _work: Work) -> object:
    raise PermanentError("declined")


def test_input_that_no_run_has_is_refused(world: PipelineWorld) -> None:
    world.business["billing"] = _refuse
    request_id = world.start()["request_id"]
    world.settle()

    with pytest.raises(NoStoredInputError, match="must have the input of ship, got 1 without"):
        world.replay(request_id, "ship")
    with pytest.raises(
        NoStoredInputError, match="the input of reserve and the results of the services beside inventory"
    ):
        world.replay(request_id, "reserve", only="inventory")
    with pytest.raises(NoStoredInputError, match="the results of the services of reserve beside inventory"):
        world.replay(request_id, "reserve", only="inventory", payload=ORDER)
    assert world.replay(request_id, "reserve")["status"] == "accepted"


def test_request_that_began_in_the_middle_has_no_input_for_the_step_before(world: PipelineWorld) -> None:
    request_id = world.start({"request": ORDER, "results": RESULTS}, from_step="ship")["request_id"]
    world.settle()

    with pytest.raises(NoStoredInputError):
        world.replay(request_id, "reserve")
    world.replay(request_id, "ship")
    world.settle()
    assert len(world.notifications()) == 2


@pytest.mark.parametrize("payload", [{}, {"payload": ORDER}])
def test_unknown_request_is_refused(world: PipelineWorld, request_id: str, payload: dict[str, object]) -> None:
    with pytest.raises(UnknownRequestError, match=f"got {UNKNOWN}, of which no run is recorded"):
        world.replay(UNKNOWN, "reserve", **payload)


def test_index_that_is_behind_is_told_from_nothing_by_asking_again(world: PipelineWorld, request_id: str) -> None:
    world.index.behind = True
    with pytest.raises(UnknownRequestError):
        world.replay(request_id, "ship", idempotency_key="k-1")
    world.index.behind = False

    assert world.replay(request_id, "ship", idempotency_key="k-1")["status"] == "accepted"


def test_journal_that_does_not_answer_is_unavailable_and_the_key_stays_free(
    world: PipelineWorld, request_id: str
) -> None:
    world.store.plan("read", "unavailable")
    with pytest.raises(UnavailableError, match="the table did not answer"):
        world.replay(request_id, "ship", idempotency_key="k-1")

    assert world.replay(request_id, "ship", idempotency_key="k-1")["status"] == "accepted"


def test_journal_that_may_not_be_read_says_which_call_is_denied(world: PipelineWorld, request_id: str) -> None:
    world.store.plan("read", "denied")

    with pytest.raises(UnavailableError, match="AccessDeniedException") as raised:
        world.replay(request_id, "ship", idempotency_key="k-1")

    assert raised.value.call == DENIED


def test_another_pipeline_on_the_same_table_has_requests_of_its_own(world: PipelineWorld, request_id: str) -> None:
    foreign = {item_id.replace("orders.", "returns."): item for item_id, item in world.store.items.items()}
    world.store.items = foreign

    with pytest.raises(UnknownRequestError):
        world.replay(request_id, "ship")
