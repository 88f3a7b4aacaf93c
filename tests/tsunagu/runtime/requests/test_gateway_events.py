"""Requests that the gateway hands over itself: each is recorded by its worker, and worked on once."""

import json

import pytest

from tests.tsunagu.runtime.requests.test_states import fails, is_killed, needs_an_outage, refuses
from tests.tsunagu.runtime.requests.world import SCOPE, RequestWorld, event_of
from tests.tsunagu.runtime.world import MAX_ATTEMPTS, record
from tsunagu.contracts.requests import open_partition_of
from tsunagu.runtime.errors import UnavailableError, UnroutableEventError
from tsunagu.runtime.requests.receiver import RequestNotDoneError
from tsunagu.testing.fakes import Killed
from tsunagu.testing.requests import accepted

REQUEST = accepted('{"month": "2026-10"}')
ITEM_ID = REQUEST.item.id
EVENT = event_of(REQUEST, headers={"X-Id": "7"})


@pytest.fixture
def world() -> RequestWorld:
    return RequestWorld()


def test_event_is_recorded_worked_on_and_shown(world: RequestWorld) -> None:
    world.receive_event(EVENT)

    found = world.store.record(ITEM_ID)
    assert (world.shown(ITEM_ID), world.runs) == ("SUCCEEDED", ["r-1"])
    assert (found.caller, found.request_id, found.body) == ("alice", "r-1", REQUEST.body)
    assert (found.headers, found.accepted_ms, found.due_ms) == (
        {"x-id": "7"},
        REQUEST.accepted_ms,
        REQUEST.accepted_ms,
    )
    assert found.partition == open_partition_of(SCOPE, ITEM_ID)
    assert world.visibility.changed == {}


def test_event_that_lambda_hands_over_twice_is_worked_on_once(world: RequestWorld) -> None:
    world.receive_event(EVENT)
    world.receive_event(EVENT)

    assert world.runs == ["r-1"]


def test_failed_attempt_asks_lambda_for_another_and_the_last_one_fails_the_request(world: RequestWorld) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(RequestNotDoneError):
            world.receive_event(EVENT, fails)
        assert (world.shown(ITEM_ID), world.visibility.changed) == ("RETRYING", {})
    world.receive_event(EVENT, fails)

    assert world.shown(ITEM_ID) == "FAILED"
    (letter,) = world.dead_letter_queue.sent
    assert json.loads(letter.body) == {"request_key": ITEM_ID}


def test_refused_request_fails_at_once_and_stays_failed(world: RequestWorld) -> None:
    world.receive_event(EVENT, refuses)
    world.receive_event(EVENT)

    assert (world.shown(ITEM_ID), world.runs, len(world.dead_letter_queue.sent)) == ("FAILED", [], 1)


def test_request_whose_body_cannot_be_read_fails(world: RequestWorld) -> None:
    world.receive_event({**EVENT, "body": "{"})

    assert (world.shown(ITEM_ID), world.runs) == ("FAILED", [])


def test_killed_worker_is_followed_by_another(world: RequestWorld) -> None:
    with pytest.raises(Killed):
        world.receive_event(EVENT, is_killed)
    with pytest.raises(RequestNotDoneError):
        world.receive_event(EVENT)
    world.pass_lease()
    world.receive_event(EVENT)

    assert (world.runs, world.shown(ITEM_ID)) == (["r-1"], "SUCCEEDED")


def test_outage_asks_lambda_for_another_try(world: RequestWorld) -> None:
    with pytest.raises(RequestNotDoneError):
        world.receive_event(EVENT, needs_an_outage)

    world.receive_event(EVENT)
    assert world.shown(ITEM_ID) == "SUCCEEDED"


@pytest.mark.parametrize("fault", ["unavailable", "denied"])
def test_record_that_is_not_written_asks_lambda_for_another_try(world: RequestWorld, fault: str) -> None:
    world.store.plan("insert_record", fault)

    with pytest.raises(UnavailableError, match="the record of the request must be written"):
        world.receive_event(EVENT)

    assert (world.runs, world.store.items) == ([], {})
    world.receive_event(EVENT)
    assert world.shown(ITEM_ID) == "SUCCEEDED"


@pytest.mark.parametrize("operation", ["insert_record", "read_records", "update", "transact"])
@pytest.mark.parametrize("fault", ["killed_before", "killed_after", "unavailable", "unanswered", "answer_lost"])
def test_event_takes_effect_once_whatever_call_fails(world: RequestWorld, operation: str, fault: str) -> None:
    world.store.plan(operation, fault)

    for _ in range(4):
        try:
            world.receive_event(EVENT)
        except (Killed, RequestNotDoneError, UnavailableError):
            world.pass_lease()

    world.receive_event(EVENT)
    assert (world.store.effects, world.shown(ITEM_ID)) == ([{"id": "r-1", "caller": "alice"}], "SUCCEEDED")


@pytest.mark.parametrize("changed", [{"body": '{"month": "2026-11"}'}, {"content_type": "text/plain"}])
def test_other_body_under_a_request_id_is_dropped_and_the_first_stands(
    world: RequestWorld, changed: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    world.receive_event(EVENT)
    world.receive_event({**EVENT, **changed})

    assert (world.runs, world.store.record(ITEM_ID).body) == (["r-1"], REQUEST.body)
    assert "taken by another body" in caplog.text
    assert "2026-11" not in caplog.text


@pytest.mark.parametrize(
    "changed",
    [
        {"tsunagu_request": 2},
        {"tsunagu_request": "1"},
        {"request_id": ""},
        {"request_id": "a:b"},
        {"request_id": 7},
        {"caller": ""},
        {"caller": None},
        {"body": {"month": "secret"}},
        {"body": None},
        {"body": "é" * 195_001},
        {"content_type": None},
        {"accepted": "secret"},
        {"accepted": -1},
        {"accepted": True},
        {"headers": ["secret"]},
        {"headers": {"x-id": 7}},
        {"Records": [record("{}")]},
        {"version": "2.0", "rawPath": "/", "requestContext": {"http": {"method": "GET"}}},
    ],
)
def test_event_of_another_form_is_refused_and_quotes_nothing(world: RequestWorld, changed: dict[str, object]) -> None:
    with pytest.raises(UnroutableEventError) as refusal:
        world.receive_event({**EVENT, **changed})

    assert "secret" not in str(refusal.value)
    assert (world.runs, world.store.items) == ([], {})


@pytest.mark.parametrize("event", [None, [], {}, "x", {"Records": []}])
def test_event_from_elsewhere_is_refused(world: RequestWorld, event: object) -> None:
    with pytest.raises(UnroutableEventError):
        world.receive_event(event)


def test_half_a_surrogate_pair_in_a_body_harms_nothing(world: RequestWorld) -> None:
    world.receive_event({**EVENT, "body": '{"month": "\ud800"}'})

    assert world.store.record(ITEM_ID).body == '{"month": "\ufffd"}'
