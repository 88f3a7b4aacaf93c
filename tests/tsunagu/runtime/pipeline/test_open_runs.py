"""Open runs: a run is in the index from the commit of its start until it is seen to be over, whatever happens."""

import itertools
import json
from dataclasses import replace

import pytest

from tests.tsunagu.runtime.pipeline.test_start_receiver import entry_record, receive, start_document
from tests.tsunagu.runtime.pipeline.world import ORDERS, PipelineWorld
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import PermanentError, RetryableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.errors import NotPublishedError
from tsunagu.runtime.pipeline.shape import Pipeline, PipelineStep
from tsunagu.runtime.pipeline.unfinished_run import Cause
from tsunagu.runtime.pipeline.work import Work
from tsunagu.testing.fakes import Killed

DAY_SECONDS = 86_400


@pytest.fixture
def world() -> PipelineWorld:
    return PipelineWorld()


def waits(world: PipelineWorld, pipeline: Pipeline | None = None) -> list[tuple[str, str, Cause]]:
    return [(wait.step, wait.service, wait.cause) for run in world.unfinished(pipeline) for wait in run.waits]


def _refuse(_order: JsonObject, _work: Work) -> object:
    raise PermanentError("declined")


def _fail(_order: JsonObject, _work: Work) -> object:
    raise RetryableError("the bank is closed")


def test_run_is_open_from_its_start_until_a_sweep_sees_it_done(world: PipelineWorld) -> None:
    world.start()
    assert len(world.open_starts()) == 1

    world.settle()
    report = world.sweep()

    assert (report.looked_at, report.closed, report.unfinished, report.is_complete) == (1, 1, 0, True)
    assert world.open_starts() == []


def test_start_from_the_entry_queue_is_open_too(world: PipelineWorld) -> None:
    receive(world, entry_record(start_document()))

    assert len(world.open_starts()) == 1
    assert waits(world) == [("reserve", "inventory", Cause.NOT_RECEIVED), ("reserve", "billing", Cause.NOT_RECEIVED)]


def test_purged_message_leaves_a_run_that_waits_for_its_service(world: PipelineWorld) -> None:
    answer = world.start()
    world.deliver("inventory")
    world.deliver("billing")
    world.topics.queues["shipping"].clear()
    world.clock.ms += DAY_SECONDS * 1_000

    (run,) = world.unfinished()

    assert (run.request_id, run.run_id) == (answer["request_id"], answer["run_id"])
    (wait,) = run.waits
    billing = world.item(answer["run_id"], "billing")
    assert (wait.step, wait.service, wait.cause) == ("ship", "shipping", Cause.NOT_RECEIVED)
    assert billing is not None
    assert wait.since_ms == billing.updated


@pytest.mark.parametrize(
    ("business", "cause", "reason"),
    [(_refuse, Cause.DEAD, "declined"), (_fail, Cause.RELEASED, "the bank is closed")],
)
def test_run_that_waits_for_a_service_says_why(
    world: PipelineWorld, business: object, cause: Cause, reason: str
) -> None:
    world.business["billing"] = business  # type: ignore[assignment]
    world.start()
    world.deliver("inventory")
    world.deliver("billing")

    (run,) = world.unfinished()

    (wait,) = run.waits
    assert (wait.service, wait.cause, wait.reason) == ("billing", cause, reason)


def test_killed_worker_is_shown_as_working(world: PipelineWorld) -> None:
    def killed(_order: JsonObject, _work: Work) -> object:
        raise Killed

    world.business["inventory"] = killed
    world.start()
    with pytest.raises(Killed):
        world.deliver("inventory")

    assert waits(world)[0] == ("reserve", "inventory", Cause.WORKING)


def test_service_that_a_deployment_removed_is_named(world: PipelineWorld) -> None:
    world.business["billing"] = _fail
    world.start()
    world.deliver("inventory")
    world.deliver("billing")
    without = Pipeline("orders", (PipelineStep("reserve", ("inventory",), ORDERS.steps[0].topic_arn), ORDERS.steps[1]))

    assert waits(world, without) == [
        ("ship", "shipping", Cause.NOT_RECEIVED),
        ("reserve", "billing", Cause.SERVICE_GONE),
    ]


def test_step_that_a_deployment_renamed_is_waited_for_under_its_new_name(world: PipelineWorld) -> None:
    world.start()
    world.deliver("inventory")
    world.deliver("billing")
    renamed = Pipeline("orders", (ORDERS.steps[0], PipelineStep("dispatch", ("carrier",), "arn:aws:sns:x:1:dispatch")))

    assert waits(world, renamed) == [("dispatch", "carrier", Cause.NOT_RECEIVED)]


def test_run_that_began_at_a_step_that_is_gone_says_so(world: PipelineWorld) -> None:
    world.start()

    assert waits(world, Pipeline("orders", ORDERS.steps[1:])) == [("reserve", "", Cause.STEP_GONE)]


def test_run_that_ended_and_was_swept_is_not_missed_by_a_pipeline_with_another_last_step(world: PipelineWorld) -> None:
    world.start()
    world.settle()
    world.sweep()
    longer = Pipeline("orders", (*ORDERS.steps, PipelineStep("invoice", ("invoicing",), "arn:aws:sns:x:1:invoice")))

    assert waits(world, longer) == []


def test_start_that_was_not_published_is_unfinished(world: PipelineWorld) -> None:
    world.topics.faults = ["unanswered"]
    with pytest.raises(NotPublishedError):
        world.start()

    (run,) = world.unfinished()

    assert [(wait.step, wait.service, wait.cause) for wait in run.waits] == [("reserve", "", Cause.NOT_PUBLISHED)]


def test_run_that_ended_is_over_even_if_its_start_does_not_know_that_it_was_published(world: PipelineWorld) -> None:
    world.topics.faults = ["unanswered"]  # it was published all the same
    with pytest.raises(NotPublishedError):
        world.start()
    world.deliver("inventory")
    assert waits(world) == [("reserve", "billing", Cause.NOT_RECEIVED)]
    world.settle()

    assert (world.sweep().closed, world.open_starts()) == (1, [])


def test_result_that_was_not_sent_on_is_waited_for(world: PipelineWorld) -> None:
    world.start()
    world.deliver("inventory")
    world.topics.faults = ["broken"]
    world.deliver("billing")

    assert waits(world) == [("reserve", "billing", Cause.NOT_SENT)]


def test_start_that_was_refused_is_no_run(world: PipelineWorld) -> None:
    with pytest.raises(PermanentError):
        world.start({"note": "n" * 6_000})

    assert world.open_starts() == []


def test_start_that_cannot_be_read_is_listed_and_hides_no_other(world: PipelineWorld) -> None:
    world.start()
    world.start()
    first, _ = world.open_starts()
    world.store.items[first] = replace(world.store.items[first], result="{")

    unreadable, readable = sorted(world.unfinished(), key=lambda run: run.run_id)

    assert (unreadable.start_id, [wait.cause for wait in unreadable.waits]) == (first, [Cause.UNREADABLE])
    assert readable.run_id


def test_replay_that_is_over_ends_the_run_that_it_replaced(world: PipelineWorld) -> None:
    first = world.start()
    world.topics.queues.clear()
    world.clock.ms += DAY_SECONDS * 1_000
    assert world.sweep().unfinished == 1

    replay = world.replay(first["request_id"], "reserve")
    world.deliver("inventory")
    assert [run.run_id for run in world.unfinished()] == [first["run_id"], replay["run_id"]]
    world.settle()
    report = world.sweep()

    assert (report.closed, report.unfinished, world.open_starts()) == (2, 0, [])


def test_earlier_run_that_is_over_does_not_end_a_replay(world: PipelineWorld) -> None:
    first = world.start()
    world.settle()
    replay = world.replay(first["request_id"], "ship")
    world.topics.queues.clear()

    assert [run.run_id for run in world.unfinished()] == [replay["run_id"]]


@pytest.mark.parametrize("status", [Status.COMMITTED, Status.COMPLETED])
def test_replay_of_one_service_needs_the_results_of_the_others_alone(world: PipelineWorld, status: Status) -> None:
    ship = Pipeline("orders", (PipelineStep("reserve", ("inventory", "billing"), ORDERS.steps[0].topic_arn),))
    world = PipelineWorld(ship)
    first = world.start()
    world.settle()
    inventory = world.item(first["run_id"], "inventory")
    assert inventory is not None
    world.replay(first["request_id"], "reserve", only="billing")
    world.settle()
    world.store.items[inventory.id] = replace(inventory, status=status)

    assert world.sweep().closed == 2


def test_sweep_counts_runs_that_should_have_ended_long_ago(world: PipelineWorld) -> None:
    for _ in range(3):
        world.start()
    world.topics.queues.clear()
    assert world.sweep(longest_run_seconds=DAY_SECONDS).unfinished == 0
    world.clock.ms += DAY_SECONDS * 1_000 + 10
    world.start()

    assert world.sweep(longest_run_seconds=DAY_SECONDS).unfinished == 3
    lines = [json.loads(line) for line in world.metrics.getvalue().splitlines()]
    assert [line["RunsUnfinished"] for line in lines if "RunsUnfinished" in line] == [0, 3]


def test_key_that_is_claimed_again_after_its_window_is_no_open_run(world: PipelineWorld) -> None:
    world.start(idempotency_key="k-1")
    world.topics.queues.clear()
    (start_id,) = world.open_starts()
    world.store.items[start_id] = replace(world.store.items[start_id], status=Status.INPROGRESS)

    assert (world.sweep().closed, world.open_starts()) == (1, [])


def test_run_that_is_committed_while_it_is_swept_stays_open(world: PipelineWorld) -> None:
    world.start(idempotency_key="k-1")
    (start_id,) = world.open_starts()
    committed = world.store.items[start_id]
    world.store.items[start_id] = replace(committed, status=Status.INPROGRESS)
    world.store.before_update = lambda: world.store.items.update({start_id: committed})

    assert (world.sweep().closed, world.open_starts()) == (0, [start_id])


def test_sweep_that_gets_no_answer_says_so_and_loses_no_mark(world: PipelineWorld) -> None:
    world.start()
    world.settle()
    world.store.plan("read", "denied")

    report = world.sweep()

    assert report.problem is not None
    assert report.problem.is_configuration_fault
    assert len(world.open_starts()) == 1
    assert world.sweep().closed == 1


def test_sweep_ends_with_its_time_and_goes_on_in_the_next_one(world: PipelineWorld) -> None:
    for _ in range(4):
        world.start()
    world.settle()
    calls = itertools.count()
    read = world.store.read

    def slow(item_ids: list[str]) -> object:
        world.clock.ms += 280_000 if next(calls) == 0 else 0
        return read(item_ids)

    world.store.read = slow  # type: ignore[method-assign, assignment]

    report = world.sweep()

    assert not report.is_complete
    assert report.closed < 4
    world.store.read = read  # type: ignore[method-assign]
    assert world.sweep().is_complete
    assert world.open_starts() == []
