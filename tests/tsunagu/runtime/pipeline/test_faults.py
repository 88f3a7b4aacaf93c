"""What goes wrong between the steps: strayed messages, lost objects, kills at any call; nothing is lost or doubled."""

import json
from collections.abc import Callable

import pytest

from tests.tsunagu.runtime.pipeline.test_runs import RESULTS, each_service_once
from tests.tsunagu.runtime.pipeline.world import COMPLETION_TOPIC, HOP_LIMIT, LARGE_ORDER, PipelineWorld
from tsunagu.contracts.items import Status
from tsunagu.runtime.claim_check import ObjectDeniedError
from tsunagu.runtime.errors import UnavailableError
from tsunagu.testing.fakes import Killed


@pytest.fixture
def world() -> PipelineWorld:
    return PipelineWorld()


@pytest.mark.parametrize("step", ["ship", "nowhere"])
def test_message_of_another_step_does_not_take_the_place_of_a_run(world: PipelineWorld, step: str) -> None:
    answer = world.start()
    (queued,) = world.topics.queues["billing"]
    strayed = queued["body"].replace('"reserve"', f'"{step}"')
    world.topics.queues["billing"].insert(0, {**queued, "messageId": "strayed", "body": strayed})
    world.settle()

    assert world.effects() == each_service_once(answer)
    (letter,) = world.dead_letters.sent
    assert "must be for orders.reserve.billing" in str(letter.attributes["tsunagu_dead_letter_reason"])


def test_message_for_another_service_of_the_step_is_not_worked_on(world: PipelineWorld) -> None:
    answer = world.start()
    (queued,) = world.topics.queues["billing"]
    base = f'"only":"inventory","base_run_id":"{answer["run_id"]}","hop"'
    queued["body"] = queued["body"].replace('"hop"', base)
    world.deliver("billing")

    assert world.item(answer["run_id"], "billing") is None
    (letter,) = world.dead_letters.sent
    assert "got one for orders.reserve.inventory" in str(letter.attributes["tsunagu_dead_letter_reason"])


def test_loop_ends_with_an_error(world: PipelineWorld) -> None:
    answer = world.start()
    (queued,) = world.topics.queues["billing"]
    queued["body"] = queued["body"].replace('"hop":1', f'"hop":{HOP_LIMIT + 1}')
    world.deliver("billing")

    item = world.item(answer["run_id"], "billing")
    assert item is not None
    assert (item.status, item.reason) == (Status.DEAD, "a run must end within 5 hops, got hop 6: a loop")


def test_last_hop_of_the_limit_is_worked_on(world: PipelineWorld) -> None:
    answer = world.start()
    (queued,) = world.topics.queues["billing"]
    queued["body"] = queued["body"].replace('"hop":1', f'"hop":{HOP_LIMIT}')
    world.deliver("billing")

    assert world.status(answer["run_id"], "billing") is Status.COMPLETED


def test_request_that_is_no_json_object_is_dead_lettered(world: PipelineWorld) -> None:
    answer = world.start()
    (queued,) = world.topics.queues["billing"]
    queued["body"] = queued["body"].replace('{"inline":{"order_id":"o-1"}}', '{"inline":[]}')
    world.deliver("billing")

    item = world.item(answer["run_id"], "billing")
    assert item is not None
    assert item.reason == "the request must be a JSON object, got list"


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda world, key: world.objects.versions.pop(key), "request.json"),
        (lambda world, key: world.objects.versions[key].update(v1=b"x" * 528), "SHA-256"),
        (lambda world, key: world.objects.versions[key].update(v1=b"{}"), "bytes that were kept"),
    ],
    ids=["deleted", "altered", "of another size"],
)
def test_object_that_is_lost_between_publish_and_read_is_dead_lettered_at_once(
    world: PipelineWorld, harm: Callable[[PipelineWorld, str], object], reason: str
) -> None:
    answer = world.start(LARGE_ORDER)
    (key,) = world.objects.versions
    assert len(world.objects.versions[key]["v1"]) == 528
    harm(world, key)
    world.deliver("billing")

    item = world.item(answer["run_id"], "billing")
    assert item is not None
    assert (item.status, item.attempts) == (Status.DEAD, 1)
    assert reason in item.reason


def test_object_that_was_overwritten_changes_nothing(world: PipelineWorld) -> None:
    world.start(LARGE_ORDER)
    (key,) = world.objects.versions
    world.objects.overwrite(key, b"{}")
    world.settle()

    assert world.seen["billing"] == (LARGE_ORDER, {})


def test_denied_object_is_an_attempt_and_ends_as_a_dead_letter(world: PipelineWorld) -> None:
    answer = world.start(LARGE_ORDER)
    for _ in range(3):
        world.objects.before["open"] = ObjectDeniedError("denied, or missing")
        world.deliver("billing")

    item = world.item(answer["run_id"], "billing")
    assert item is not None
    assert (item.status, item.attempts) == (Status.DEAD, 3)
    assert item.reason == "3 attempts failed, the last with denied, or missing"


def test_object_store_that_does_not_answer_is_no_attempt(world: PipelineWorld) -> None:
    answer = world.start(LARGE_ORDER)
    for _ in range(5):
        world.objects.before["open"] = UnavailableError("gone")
        assert world.deliver("billing") != []

    item = world.item(answer["run_id"], "billing")
    assert item is not None
    assert (item.status, item.attempts) == (Status.RELEASED, 0)


def test_sibling_that_is_done_first_publishes_nothing(world: PipelineWorld) -> None:
    answer = world.start()
    world.deliver("billing")

    assert world.bodies("arn:aws:sns:eu-central-1:1:ship") == []
    assert world.status(answer["run_id"], "billing") is Status.COMPLETED
    assert world.metrics.getvalue().count('"MessagesSent":1') == 1  # the start

    world.deliver("inventory")
    (body,) = world.bodies("arn:aws:sns:eu-central-1:1:ship")
    assert json.loads(body)["results"] == {name: {"inline": value} for name, value in sorted(RESULTS.items())}


def test_join_whose_records_are_not_read_is_tried_again(world: PipelineWorld) -> None:
    answer = world.start()
    world.deliver("billing")
    world.store.plan("read", "unavailable")
    assert world.deliver("inventory") != []
    assert world.status(answer["run_id"], "inventory") is Status.COMMITTED

    world.settle()

    assert world.effects() == each_service_once(answer)
    assert len(world.bodies("arn:aws:sns:eu-central-1:1:ship")) == 1


def test_copies_of_the_message_to_the_next_step_are_equal_and_its_service_runs_once(world: PipelineWorld) -> None:
    answer = world.start()
    world.topics.faults += ["unanswered", "unanswered"]
    for _ in range(3):
        world.deliver("inventory")
        world.deliver("billing")
    bodies = world.bodies("arn:aws:sns:eu-central-1:1:ship")
    world.settle()

    assert len(bodies) > 1
    assert len(set(bodies)) == 1
    assert world.effects() == each_service_once(answer)


@pytest.mark.parametrize("killed", ["killed_before", "killed_after"])
@pytest.mark.parametrize("operation", ["insert", "update", "transact", "read"])
@pytest.mark.parametrize("nth", range(4))
def test_kill_at_any_call_of_any_service_loses_and_doubles_nothing(
    world: PipelineWorld, operation: str, nth: int, killed: str
) -> None:
    answer = world.start()
    world.store.plan(operation, *[""] * nth, killed)
    world.settle()

    assert world.effects() == each_service_once(answer)
    assert len({json.dumps(each) for each in world.notifications()}) == 1


@pytest.mark.parametrize("killed", ["killed_before", "killed_after"])
@pytest.mark.parametrize("nth", range(2))
def test_kill_around_a_publish_loses_and_doubles_nothing(world: PipelineWorld, nth: int, killed: str) -> None:
    answer = world.start()
    world.topics.faults += [*[""] * nth, killed]
    world.settle()

    assert world.effects() == each_service_once(answer)
    assert len({json.dumps(each) for each in world.notifications()}) == 1
    assert {each.outbox_message.target for each in world.topics.published} >= {COMPLETION_TOPIC}


@pytest.mark.parametrize("method", ["put", "open"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_kill_around_an_object_loses_and_doubles_nothing(world: PipelineWorld, method: str, when: str) -> None:
    answer = world.start(LARGE_ORDER)
    world.business["shipping"] = world._writing("shipping", lambda _order, _work: "s" * 500)  # noqa: SLF001
    getattr(world.objects, when)[method] = Killed()
    world.settle()

    assert world.effects() == each_service_once(answer)
    assert len(world.notifications()) == 1
