"""The trace of a request: where it is, how often it was tried, what came of it, where the data lies."""

from dataclasses import replace

import pytest

from tests.tsunagu.runtime.pipeline.world import LARGE_ORDER, ORDER, ORDERS, PipelineWorld
from tsunagu.contracts.items import Status
from tsunagu.operations.trace import ServiceTrace, trace
from tsunagu.runtime.claim_check import Inline, PayloadTooLargeError, Stored
from tsunagu.runtime.errors import PermanentError, UnavailableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.journal import Journal
from tsunagu.runtime.pipeline.shape import Pipeline
from tsunagu.runtime.pipeline.work import Work
from tsunagu.testing.fakes import START_MS

REQUEST_ID = "0192b1c2-7e54-7b1f-8a3f-2d1c0b9a8f7e"


@pytest.fixture
def world() -> PipelineWorld:
    return PipelineWorld()


def states(services: list[ServiceTrace]) -> dict[str, Status | None]:
    return {each.service: each.status for each in services}


def test_request_that_went_through_is_done_in_every_service(world: PipelineWorld) -> None:
    answer = world.start()
    world.settle()

    (run,) = trace(world.journal, answer["request_id"])

    assert (run.run_id, run.status, run.from_step, run.is_done) == (
        answer["run_id"],
        Status.COMPLETED,
        "reserve",
        True,
    )
    assert run.request == Inline(ORDER)
    assert [(each.step, each.service, each.status, each.claims) for each in run.services] == [
        ("reserve", "inventory", Status.COMPLETED, 1),
        ("reserve", "billing", Status.COMPLETED, 1),
        ("ship", "shipping", Status.COMPLETED, 1),
    ]
    assert run.services[0].result == Inline({"reserved": "o-1"})
    assert START_MS < run.started_ms <= (run.services[0].updated_ms or 0)


def test_service_that_was_not_reached_has_no_state(world: PipelineWorld) -> None:
    answer = world.start()
    world.deliver("billing")

    (run,) = trace(world.journal, answer["request_id"])

    assert states([*run.services]) == {"inventory": None, "billing": Status.COMPLETED, "shipping": None}
    assert not run.is_done


def test_dead_service_says_why_and_after_how_many_attempts(world: PipelineWorld) -> None:
    world.business["billing"] = _refuse
    answer = world.start()
    world.settle()

    (run,) = trace(world.journal, answer["request_id"])

    billing = run.services[1]
    assert (billing.status, billing.reason, billing.attempts, billing.result) == (Status.DEAD, "declined", 1, None)
    assert not run.is_done


def _refuse(_order: JsonObject, _work: Work) -> object:
    raise PermanentError("declined")


def test_large_data_is_shown_where_it_lies(world: PipelineWorld) -> None:
    answer = world.start(LARGE_ORDER)

    (run,) = trace(world.journal, answer["request_id"])

    assert isinstance(run.request, Stored)
    assert run.request.key == f"orders/{answer['request_id']}/{answer['run_id']}/request.json"


def test_runs_are_in_the_order_in_which_they_were_started(world: PipelineWorld) -> None:
    first = world.start()
    world.settle()
    replays = [world.replay(first["request_id"], "ship") for _ in range(3)]

    runs = trace(world.journal, first["request_id"])

    assert [run.run_id for run in runs] == [first["run_id"], *(each["run_id"] for each in replays)]
    assert [run.from_step for run in runs] == ["reserve", "ship", "ship", "ship"]
    assert [[*states([*run.services])] for run in runs[1:]] == [["shipping"]] * 3


def test_services_that_were_not_asked_are_shown_with_the_record_that_stands_for_them(world: PipelineWorld) -> None:
    first = world.start()
    world.settle()
    world.replay(first["request_id"], "reserve", only="billing")
    _, run = trace(world.journal, first["request_id"])
    assert states([*run.services]) == {"inventory": Status.COMPLETED, "billing": None, "shipping": None}
    world.settle()

    _, run = trace(world.journal, first["request_id"])

    assert (run.only, run.base_run_id) == ("billing", first["run_id"])
    assert [(each.service, each.is_of_base) for each in run.services] == [
        ("inventory", True),
        ("billing", False),
        ("shipping", False),
    ]
    assert run.is_done

    inventory = world.item(first["run_id"], "inventory")
    assert inventory is not None
    world.store.items[inventory.id] = replace(inventory, status=Status.COMMITTED)
    of_base, replayed = trace(world.journal, first["request_id"])
    assert (of_base.is_done, replayed.is_done) == (False, True)


def test_start_that_was_refused_is_shown_with_the_reason(world: PipelineWorld) -> None:
    with pytest.raises(PayloadTooLargeError):
        world.start({"note": "n" * 6_000})
    (item,) = world.store.items.values()

    (run,) = trace(world.journal, item.request_id)

    assert (run.run_id, run.status, run.services, run.is_done) == (None, Status.DEAD, (), False)
    assert "at most 5,000 bytes" in run.reason


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ('{"schema_version":2}', "an envelope must have"),
        ("{", "Expecting"),
        ("", "Expecting"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_start_that_cannot_be_read_says_so_and_hides_no_other(world: PipelineWorld, result: str, problem: str) -> None:
    first = world.start(idempotency_key="k-1")
    world.settle()
    second = world.replay(first["request_id"], "reserve")
    world.settle()
    starts = [item for item in world.store.items.values() if item.id.startswith("orders.start#")]
    (start,) = [item for item in starts if second["run_id"] in item.result]
    world.store.items[start.id] = replace(start, result=result)

    readable, unreadable = trace(world.journal, first["request_id"])

    assert (readable.run_id, readable.is_done) == (first["run_id"], True)
    assert (unreadable.run_id, unreadable.services, unreadable.is_done) == (None, (), False)
    assert "the item cannot be read" in unreadable.reason
    assert problem in unreadable.reason
    assert world.replay(first["request_id"], "ship")["status"] == "accepted"


def test_unknown_request_has_no_runs(world: PipelineWorld) -> None:
    assert trace(world.journal, REQUEST_ID) == []


def test_table_that_does_not_answer_is_no_trace(world: PipelineWorld) -> None:
    answer = world.start()
    world.store.plan("read", "", "unavailable")

    with pytest.raises(UnavailableError):
        trace(world.journal, answer["request_id"])


def test_run_that_began_at_a_step_that_is_gone_is_shown_without_services(world: PipelineWorld) -> None:
    answer = world.start()
    journal = Journal(Pipeline("orders", ORDERS.steps[1:]), world.store, world.index)

    (run,) = trace(journal, answer["request_id"])

    assert (run.from_step, [*run.services], run.is_done) == ("reserve", [], False)
