"""Starts: one request for each idempotency key, whatever happens between the calls; and what is refused."""

import itertools
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tsunagu.runtime.pipeline import world as pipeline_world
from tests.tsunagu.runtime.pipeline.world import LARGE_ORDER, ORDER, PipelineWorld
from tsunagu.contracts.claims import check_id
from tsunagu.contracts.items import Status
from tsunagu.contracts.telemetry import LogKey
from tsunagu.runtime.claim_check import ObjectDeniedError, PayloadTooLargeError
from tsunagu.runtime.errors import PermanentError, UnavailableError
from tsunagu.runtime.pipeline.errors import (
    ForeignKeyError,
    KeyTakenError,
    MalformedRequestError,
    NotPublishedError,
    RefusedRequestError,
    RequestInProgressError,
    UnknownStepError,
)
from tsunagu.testing.fakes import DENIED, Killed

REQUEST_ID = "0192b1c2-7e54-7b1f-8a3f-2d1c0b9a8f7e"
SHIP_INPUT = {"request": ORDER, "results": {"inventory": {"reserved": "o-1"}, "billing": {"amount": 1}}}


@pytest.fixture
def world() -> PipelineWorld:
    return PipelineWorld()


def test_start_answers_with_a_request_id_and_a_run_id(world: PipelineWorld) -> None:
    answer = world.start()

    assert answer.keys() == {"request_id", "run_id", "status"}
    for name in ("request_id", "run_id"):
        assert uuid.UUID(check_id(name, answer[name])).version == 7
    assert answer["request_id"] != answer["run_id"]


def test_record_of_a_start_is_found_by_the_request_id_that_it_gave(world: PipelineWorld) -> None:
    answer = world.start()

    (record_id,) = world.index.item_ids(answer["request_id"])
    assert record_id.startswith("orders.start#")
    assert world.store.items[record_id].status is Status.COMPLETED


def test_same_key_gives_the_same_ids_and_no_second_run(world: PipelineWorld) -> None:
    first = world.start(idempotency_key="k-1")
    again = world.start(idempotency_key="k-1")

    assert again == {**first, "status": "duplicate"}
    assert len(world.topics.published) == 1


def test_starts_without_a_key_are_requests_of_their_own(world: PipelineWorld) -> None:
    first, second = world.start(), world.start()

    assert first["request_id"] != second["request_id"]
    assert len(world.topics.published) == 2


def test_key_that_looks_like_a_run_is_not_one(world: PipelineWorld) -> None:
    first = world.start()

    assert world.start(idempotency_key=f"run:{first['run_id']}")["status"] == "accepted"
    assert world.start(idempotency_key=first["run_id"])["status"] == "accepted"


@pytest.mark.parametrize("other", [{"payload": {"order_id": "o-2"}}, {"payload": SHIP_INPUT, "from_step": "ship"}])
def test_another_payload_under_the_key_is_refused_and_the_first_one_stands(
    world: PipelineWorld, other: dict[str, Any]
) -> None:
    first = world.start(idempotency_key="k-1")

    with pytest.raises(KeyTakenError, match="must be used for one command only, got another command"):
        world.ask(action="start", idempotency_key="k-1", **other)

    assert len(world.topics.published) == 1
    assert world.start(idempotency_key="k-1")["request_id"] == first["request_id"]


def test_request_in_progress_is_not_answered_as_done(world: PipelineWorld) -> None:
    world.store.plan("update", "killed_before")
    with pytest.raises(Killed):
        world.start(idempotency_key="k-1")

    with pytest.raises(RequestInProgressError, match="call again with the same key"):
        world.start(idempotency_key="k-1")


def _calls(world: PipelineWorld, document: dict[str, Any]) -> list[tuple[str, int]]:
    """The calls of an undisturbed start: of the store by name and number, of the topic, of the object store."""
    world.start(**document)
    counted = {name: world.store.calls.count(name) for name in ("insert", "update", "read")}
    return [(name, nth) for name, count in counted.items() for nth in range(count)]


START_CALLS = [("insert", 0), ("update", 0), ("update", 1), ("send", 0), ("put", 0)]


def harm(world: PipelineWorld, call: str, nth: int, fault: str) -> None:
    if call == "send":
        world.topics.faults.append("broken" if fault == "unavailable" else fault)
    elif call == "put":
        when = world.objects.before if fault in {"killed_before", "unavailable"} else world.objects.after
        when["put"] = Killed() if fault.startswith("killed") else UnavailableError("gone")
    else:
        world.store.plan(call, *[""] * nth, fault)


def test_calls_of_a_start_are_those_that_the_faults_are_planned_for(world: PipelineWorld) -> None:
    assert _calls(world, {"payload": LARGE_ORDER, "idempotency_key": "k-1"}) == START_CALLS[:3]
    assert (len(world.topics.published), len(world.objects.versions)) == (1, 1)


@pytest.mark.parametrize("fault", ["killed_before", "killed_after", "unavailable", "unanswered"])
@pytest.mark.parametrize(("call", "nth"), START_CALLS)
def test_start_that_is_asked_again_after_any_fault_is_one_request(
    world: PipelineWorld, call: str, nth: int, fault: str
) -> None:
    harm(world, call, nth, fault)
    answers = []
    for _ in range(3):
        try:
            answers.append(world.start(LARGE_ORDER, idempotency_key="k-1"))
        except (Killed, UnavailableError):
            world.pass_lease()
    world.settle()

    assert len(answers) >= 2
    assert len({(answer["request_id"], answer["run_id"]) for answer in answers}) == 1
    assert len(set(world.bodies("arn:aws:sns:eu-central-1:1:reserve"))) == 1
    run_id = answers[0]["run_id"]
    assert world.effects() == [(service, run_id) for service in ("billing", "inventory", "shipping")]


@pytest.mark.parametrize(("first", "second"), [*itertools.product(START_CALLS, repeat=2)])
def test_two_kills_in_a_row_lose_and_double_nothing(
    world: PipelineWorld, first: tuple[str, int], second: tuple[str, int]
) -> None:
    answers = []
    for call, nth in (first, second):
        harm(world, call, nth, "killed_after")
        try:
            answers.append(world.start(LARGE_ORDER, idempotency_key="k-1"))
        except (Killed, UnavailableError):
            world.pass_lease()
    world.store.faults.clear()
    world.topics.faults.clear()
    world.objects.after.clear()
    answers.append(world.start(LARGE_ORDER, idempotency_key="k-1"))
    world.settle()

    assert len({(answer["request_id"], answer["run_id"]) for answer in answers}) == 1
    assert len({run_id for _, run_id in world.effects()}) == 1
    assert len(world.effects()) == 3


def test_start_that_was_not_published_says_so_and_is_published_by_the_next_call(world: PipelineWorld) -> None:
    world.topics.faults.append("broken")
    with pytest.raises(NotPublishedError, match=r"with the same key.* got sns:Publish on topic: ServiceUnavailable$"):
        world.start(idempotency_key="k-1")
    assert world.topics.published == []

    answer = world.start(idempotency_key="k-1")

    assert answer["status"] == "duplicate"
    assert len(world.topics.published) == 1


def test_start_without_a_key_that_was_not_published_says_what_to_replay(world: PipelineWorld) -> None:
    world.topics.faults.append("broken")
    with pytest.raises(NotPublishedError, match="or replay it if it has no key") as caught:
        world.start()

    request_id = check_id("request_id", str(caught.value).split()[1])
    world.replay(request_id, "reserve")
    world.settle()

    assert [each["request_id"] for each in world.notifications()] == [request_id]


def test_start_that_is_not_known_to_be_recorded_says_its_request_id(world: PipelineWorld) -> None:
    world.store.plan("update", "unavailable")
    with pytest.raises(NotPublishedError, match="may not be recorded") as caught:
        world.start(idempotency_key="k-1")

    (item,) = world.store.items.values()
    assert str(caught.value).split()[1] == item.request_id


def test_store_that_does_not_answer_starts_nothing(world: PipelineWorld) -> None:
    world.store.plan("insert", "unavailable")

    with pytest.raises(UnavailableError, match="the table did not answer"):
        world.start()

    assert world.topics.published == []


DENIALS: dict[str, Callable[[PipelineWorld], object]] = {
    "claim": lambda world: world.store.plan("insert", "denied"),
    "record": lambda world: world.store.plan("update", "denied"),
    "publish": lambda world: world.topics.faults.append("denied"),
    "object": lambda world: world.objects.before.update(put=UnavailableError("denied", call=DENIED)),
}


@pytest.mark.parametrize("deny", DENIALS.values(), ids=DENIALS)
def test_start_that_a_configuration_fault_ends_is_counted_and_logged_and_accepted_when_it_is_mended(
    world: PipelineWorld, deny: Callable[[PipelineWorld], object], caplog: pytest.LogCaptureFixture
) -> None:
    deny(world)

    with pytest.raises(UnavailableError) as raised:
        world.start(LARGE_ORDER, idempotency_key="k-1")

    assert raised.value.call == DENIED
    assert [json.loads(line)["ConfigurationFaults"] for line in world.metrics.getvalue().splitlines()] == [1]
    (line,) = [line for line in caplog.records if line.message == "request not started"]
    assert getattr(line, LogKey.OPERATION) == DENIED.operation
    world.clock.ms += 60_000
    assert world.start(LARGE_ORDER, idempotency_key="k-1")["status"] in {"accepted", "duplicate"}


def test_denied_object_store_ends_the_call_and_frees_the_key(world: PipelineWorld) -> None:
    world.objects.before["put"] = ObjectDeniedError("denied")
    with pytest.raises(ObjectDeniedError):
        world.start(LARGE_ORDER, idempotency_key="k-1")

    assert world.start(LARGE_ORDER, idempotency_key="k-1")["status"] == "accepted"


def test_too_large_a_payload_is_refused_and_its_key_takes_a_smaller_one(world: PipelineWorld) -> None:
    with pytest.raises(PayloadTooLargeError, match="at most 5,000 bytes of JSON, got 6,011"):
        world.start({"note": "n" * 6_000}, idempotency_key="k-1")
    (item,) = world.store.items.values()
    assert (item.status, "at most 5,000 bytes" in item.reason) == (Status.DEAD, True)

    assert world.start(idempotency_key="k-1")["status"] == "accepted"


def test_start_in_the_middle_runs_that_step_and_those_behind_it(world: PipelineWorld) -> None:
    answer = world.start(SHIP_INPUT, from_step="ship")
    world.settle()

    assert world.effects() == [("shipping", answer["run_id"])]
    assert world.seen["shipping"] == (ORDER, SHIP_INPUT["results"])
    assert len(world.notifications()) == 1


def test_start_in_the_middle_fits_its_record_whatever_may_travel_inline(
    world: PipelineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_world, "INLINE_BYTES", 400_000)
    monkeypatch.setattr(pipeline_world, "LARGEST_BYTES", 400_000)
    results = {"inventory": "i" * 300_000, "billing": "b" * 300_000}

    answer = world.start({"request": {"note": "n" * 300_000}, "results": results}, from_step="ship")

    (record_id,) = world.index.item_ids(answer["request_id"])
    assert len(world.store.items[record_id].result) < 400_000
    assert len(world.objects.versions) == 3


def test_large_results_that_a_start_brings_along_lie_in_objects(world: PipelineWorld) -> None:
    results = {"inventory": {"reserved": "r" * 500}, "billing": {"amount": 1}}
    answer = world.start({"request": ORDER, "results": results}, from_step="ship")

    assert [*world.objects.versions] == [f"orders/{answer['request_id']}/{answer['run_id']}/reserve/inventory.json"]
    world.settle()
    assert world.seen["shipping"][1] == results


@pytest.mark.parametrize(
    ("document", "error", "reason"),
    [
        (None, MalformedRequestError, "action must be start or replay"),
        ([], MalformedRequestError, "action must be start or replay"),
        ({}, MalformedRequestError, "action must be start or replay, got NoneType"),
        ({"action": "stop", "payload": {}}, MalformedRequestError, "got text of 4 characters"),
        ({"action": ["start"], "payload": {}}, MalformedRequestError, "action must be start or replay"),
        ({"action": "start"}, MalformedRequestError, "a start must have"),
        ({"action": "start", "payload": {}, "surprise": 1}, MalformedRequestError, "a start must have"),
        ({"action": "start", "payload": []}, MalformedRequestError, "payload must be a JSON object, got list"),
        ({"action": "start", "payload": "{}"}, MalformedRequestError, "payload must be a JSON object, got str"),
        ({"action": "start", "payload": {"n": float("nan")}}, MalformedRequestError, "must be JSON"),
        ({"action": "start", "payload": {"n": "\ud800"}}, MalformedRequestError, "half a surrogate pair"),
        ({"action": "start", "payload": {}, "idempotency_key": ""}, MalformedRequestError, "1 to 256 characters"),
        ({"action": "start", "payload": {}, "idempotency_key": 7}, MalformedRequestError, "1 to 256 characters"),
        ({"action": "start", "payload": {}, "idempotency_key": "k" * 257}, MalformedRequestError, "1 to 256"),
        ({"action": "start", "payload": {}, "from_step": "nowhere"}, UnknownStepError, "must be one of"),
        ({"action": "start", "payload": {}, "from_step": ["ship"]}, UnknownStepError, "must be one of"),
        ({"action": "start", "payload": {}, "from_step": "ship"}, MalformedRequestError, "payload of ship must have"),
        (
            {"action": "start", "payload": {"request": {}, "results": {"billing": 1}}, "from_step": "ship"},
            MalformedRequestError,
            r"results must be those of \['billing', 'inventory'\], got \['billing'\]",
        ),
        ({"action": "replay", "request_id": REQUEST_ID}, MalformedRequestError, "a replay must have"),
        ({"action": "replay", "request_id": "../x", "from_step": "ship"}, MalformedRequestError, "UUID of version 7"),
        ({"action": "replay", "request_id": 7, "from_step": "ship"}, MalformedRequestError, "UUID of version 7"),
        ({"action": "replay", "request_id": REQUEST_ID, "from_step": "x"}, UnknownStepError, "must be one of"),
        (
            {"action": "replay", "request_id": REQUEST_ID, "from_step": "ship", "only": "billing"},
            UnknownStepError,
            r"only must be one of \['shipping'\], the services of ship, got text of 7 characters",
        ),
    ],
)
def test_what_is_no_request_is_refused_in_a_sentence_and_leaves_nothing(
    world: PipelineWorld, document: object, error: type[RefusedRequestError], reason: str
) -> None:
    with pytest.raises(error, match=reason) as raised:
        world.starter().answer(document, deadline_ms=world.clock.ms + 1_000)

    assert isinstance(raised.value, PermanentError)
    assert (world.store.items, world.topics.published, world.objects.versions) == ({}, [], {})


@given(keys=st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_there_are_as_many_requests_as_keys_and_starts_without_one(keys: list[str | None]) -> None:
    world = PipelineWorld()
    for key in keys:
        world.start(**({} if key is None else {"idempotency_key": key}))
    world.settle()

    requests = len({key for key in keys if key}) + keys.count(None)
    assert len(world.notifications()) == requests
    assert len({each["request_id"] for each in world.notifications()}) == requests


def test_start_of_another_pipeline_with_the_same_name_and_table_is_never_a_duplicate(
    world: PipelineWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.place_of_starts = "111122223333/eu-central-1/orders/Pipeline"
    world.start(idempotency_key="k-1")
    world.place_of_starts = "111122223333/eu-central-1/other-orders/Pipeline"

    with pytest.raises(ForeignKeyError, match="another pipeline of the same name"):
        world.start(idempotency_key="k-1")

    assert vars(caplog.records[-1])["receiver"] == "111122223333/eu-central-1/orders/Pipeline"
    assert '"KeysMixedUp":1' in world.metrics.getvalue()
    assert world.start(idempotency_key="k-2")["status"] == "accepted"
