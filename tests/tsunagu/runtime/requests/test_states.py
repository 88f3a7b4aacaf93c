"""An accepted request is worked on once, and its status says what became of it."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.tsunagu.runtime.requests.world import SCOPE, Report, RequestWorld, delivered
from tests.tsunagu.runtime.world import MAX_ATTEMPTS
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import NO_EXPIRATION, SHARDS, open_partition, request_item_id, result_key
from tsunagu.runtime.errors import PermanentError, UnavailableError
from tsunagu.runtime.requests.request import Request
from tsunagu.testing.fakes import Killed


def fails(_report: Report, _request: Request) -> None:
    msg = "the month is not over"
    raise ValueError(msg)


def refuses(_report: Report, _request: Request) -> None:
    msg = "the month must be over"
    raise PermanentError(msg)


def is_killed(_report: Report, _request: Request) -> None:
    raise Killed


def needs_an_outage(_report: Report, _request: Request) -> None:
    msg = "the warehouse does not answer"
    raise UnavailableError(msg)


@pytest.fixture
def world() -> RequestWorld:
    return RequestWorld()


def fail_for_good(world: RequestWorld, item_id: str, message_id: str = "m-1") -> None:
    for _ in range(MAX_ATTEMPTS):
        world.receive(delivered(item_id, message_id), function=fails)
    assert world.shown(item_id) == "FAILED"


def test_accepted_request_succeeds_with_its_effect_and_its_result(world: RequestWorld) -> None:
    item_id = world.accept()
    assert world.shown(item_id) == "ACCEPTED"

    assert world.receive(delivered(item_id)) == []

    assert world.shown(item_id) == "SUCCEEDED"
    assert world.store.effects == [{"id": "r-1", "caller": "alice"}]
    assert world.results is not None
    assert world.results.objects[result_key(SCOPE, "alice", "r-1")] == (b'{"month":"2026-10"}', "application/json")


def test_copies_of_a_message_are_one_request(world: RequestWorld) -> None:
    item_id = world.accept()

    assert world.receive(delivered(item_id, "m-1"), delivered(item_id, "m-2")) == []
    assert world.receive(delivered(item_id, "m-1"), delivered(item_id, "m-3")) == []

    assert world.runs == ["r-1"]


def test_requests_of_a_batch_are_read_by_one_call_and_claimed_by_one(world: RequestWorld) -> None:
    item_ids = [world.accept(request_id=f"r-{number}") for number in range(10)]

    assert world.receive(*(delivered(each, f"m-{number}") for number, each in enumerate(item_ids))) == []

    assert world.runs == [f"r-{number}" for number in range(10)]
    assert world.store.calls == ["read_records", "update", "transact", "update"]


def test_requests_of_two_callers_with_one_id_are_two_requests(world: RequestWorld) -> None:
    item_ids = [world.accept(caller=caller) for caller in ("alice", "bob")]

    assert world.receive(*(delivered(each, f"m-{number}") for number, each in enumerate(item_ids))) == []

    assert [effect["caller"] for effect in world.store.effects] == ["alice", "bob"]


def test_cancelled_request_is_acknowledged_and_not_worked_on(world: RequestWorld) -> None:
    item_id = world.accept()
    assert world.store.cancel(item_id, world.clock.ms)

    assert world.receive(delivered(item_id)) == []

    assert (world.runs, world.shown(item_id)) == ([], "CANCELLED")


def test_request_that_is_cancelled_between_read_and_claim_is_not_worked_on(world: RequestWorld) -> None:
    item_id = world.accept()
    world.store.before_update = lambda: world.store.cancel(item_id, world.clock.ms)

    assert world.receive(delivered(item_id)) == ["m-1"]
    assert world.receive(delivered(item_id)) == []

    assert (world.runs, world.shown(item_id)) == ([], "CANCELLED")


def test_request_that_a_worker_has_is_not_cancelled(world: RequestWorld) -> None:
    item_id = world.accept()

    def work(_report: Report, request: Request) -> None:
        assert not world.store.cancel(item_id, world.clock.ms)
        request.put("effects", {"id": request.id})

    assert world.receive(delivered(item_id), function=work) == []
    assert world.shown(item_id) == "SUCCEEDED"


def test_request_of_a_killed_worker_is_running_then_retrying_then_done(world: RequestWorld) -> None:
    item_id = world.accept()

    world.receive_and_die(delivered(item_id), function=is_killed)
    assert world.shown(item_id) == "RUNNING"
    assert world.receive(delivered(item_id)) == ["m-1"]
    world.pass_lease()
    assert world.shown(item_id) == "RETRYING"

    assert world.receive(delivered(item_id)) == []
    assert (world.runs, world.shown(item_id)) == (["r-1"], "SUCCEEDED")


def test_failed_attempt_shows_retrying_with_the_type_of_its_error(world: RequestWorld) -> None:
    item_id = world.accept()

    assert world.receive(delivered(item_id), function=fails) == ["m-1"]

    found = world.store.record(item_id)
    assert (world.shown(item_id), found.reason, found.item.attempts) == ("RETRYING", "ValueError", 1)


def test_outage_shows_retrying_and_costs_no_attempt(world: RequestWorld) -> None:
    item_id = world.accept()

    assert world.receive(delivered(item_id), function=needs_an_outage) == ["m-1"]

    found = world.store.record(item_id)
    assert (world.shown(item_id), found.item.attempts) == ("RETRYING", 0)
    assert found.reason == "the warehouse does not answer"


def test_request_whose_attempts_are_spent_fails_and_is_dead_lettered(world: RequestWorld) -> None:
    item_id = world.accept()

    fail_for_good(world, item_id)

    assert world.store.record(item_id).reason == "3 attempts failed, the last with ValueError"
    (letter,) = world.dead_letter_queue.sent
    assert json.loads(letter.body) == {"request_key": item_id}


def test_request_that_is_refused_fails_at_once(world: RequestWorld) -> None:
    item_id = world.accept()

    assert world.receive(delivered(item_id), function=refuses) == []

    assert (world.shown(item_id), world.store.record(item_id).reason) == ("FAILED", "the month must be over")


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        ("{", "application/json", "the body must be JSON, got an error"),
        ("[]", "application/json", "the body must be a JSON object, got list"),
        ('{"month": 7}', "application/json", "month"),
        ("{}", "application/json", "month"),
        ("<month/>", "text/xml", "the content type must be JSON or a form"),
        ("month", "application/x-www-form-urlencoded", "the body must be a form"),
        ("month=%FF", "application/x-www-form-urlencoded", "the body must be a form"),
    ],
)
def test_request_whose_body_cannot_be_read_fails_with_the_reason_and_is_not_worked_on(
    world: RequestWorld, body: str, content_type: str, reason: str
) -> None:
    item_id = world.accept(body=body, content_type=content_type)

    assert world.receive(delivered(item_id)) == []

    assert (world.runs, world.shown(item_id)) == ([], "FAILED")
    assert reason in world.store.record(item_id).reason


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"month": "2026-10"}', ""),
        ('{"month": "2026-10"}', "application/json; charset=utf-8"),
        ('{"month": "2026-10"}', "Application/Cloudevents+JSON"),
        ("month=2026-10", "application/x-www-form-urlencoded"),
        ("month=2026%2D10&other=a&other=b", "application/x-www-form-urlencoded; charset=utf-8"),
    ],
)
def test_json_and_forms_are_read(world: RequestWorld, body: str, content_type: str) -> None:
    months = []
    item_id = world.accept(body=body, content_type=content_type)

    world.receive(delivered(item_id), function=lambda report, _request: months.append(report.month))

    assert months == ["2026-10"]


def test_function_of_text_takes_the_body_as_it_was_received(world: RequestWorld) -> None:
    world.is_text = True
    taken: list[object] = []
    item_id = world.accept(body=' {"amount": 1.10}\n', content_type="text/xml", headers={"x-signature": "s"})

    def work(text: str, request: Request) -> None:
        taken.extend([text, request.body, request.content_type, dict(request.headers)])

    assert world.receive(delivered(item_id), function=work) == []
    assert taken == [' {"amount": 1.10}\n', ' {"amount": 1.10}\n', "text/xml", {"x-signature": "s"}]


@pytest.mark.parametrize("is_sent_again", [False, True])
def test_failed_request_stays_failed_for_every_copy_of_its_message(world: RequestWorld, is_sent_again: bool) -> None:
    item_id = world.accept()
    fail_for_good(world, item_id)
    before = world.store.record(item_id)

    assert world.receive(delivered(item_id, "m-2" if is_sent_again else "m-1")) == []

    assert (world.runs, world.store.record(item_id)) == ([], before)


@pytest.mark.parametrize("attribute", ["tsunagu_redriven", "tsunagu_dead_letter_reason", "tsunagu_dead_letter_source"])
def test_redriven_message_opens_a_failed_request_again_and_says_so(world: RequestWorld, attribute: str) -> None:
    item_id = world.accept()
    fail_for_good(world, item_id)
    world.clock.ms += 1_000

    assert world.receive(delivered(item_id, "m-2", **{attribute: "true"}), function=fails) == ["m-2"]

    found = world.store.record(item_id)
    assert (world.shown(item_id), found.item.attempts) == ("RETRYING", 1)
    assert (found.reopened_ms, found.due_ms) == (world.clock.ms, world.clock.ms)
    assert found.partition in {open_partition(SCOPE, digit) for digit in SHARDS}
    assert world.receive(delivered(item_id, "m-2", **{attribute: "true"})) == []
    assert world.shown(item_id) == "SUCCEEDED"


def test_redriven_message_in_a_batch_with_a_copy_opens_the_request(world: RequestWorld) -> None:
    item_id = world.accept()
    fail_for_good(world, item_id)

    assert world.receive(delivered(item_id, "m-2"), delivered(item_id, "m-3", tsunagu_redriven="true")) == []

    assert world.shown(item_id) == "SUCCEEDED"


def test_redriven_message_that_fails_and_is_delivered_once_more_opens_nothing(world: RequestWorld) -> None:
    item_id = world.accept()
    fail_for_good(world, item_id)
    redriven = delivered(item_id, "m-2", tsunagu_redriven="true")
    world.receive(redriven, function=refuses)
    before = world.store.record(item_id)

    assert world.receive(redriven) == []

    assert (world.runs, world.shown(item_id)) == ([], "FAILED")
    assert world.store.record(item_id).item.fence == before.item.fence


def test_worker_of_a_request_that_was_ended_at_its_deadline_commits_nothing(world: RequestWorld) -> None:
    item_id = world.accept()

    def work(_report: Report, request: Request) -> None:
        request.put("effects", {"id": request.id})
        ended = replace(world.store.items[item_id], status=Status.DEAD, lease=10**15, reason="no end within 60 s")
        world.store.items[item_id] = ended

    assert world.receive(delivered(item_id), function=work) == ["m-1"]
    assert world.receive(delivered(item_id)) == []

    assert (world.store.effects, world.shown(item_id)) == ([], "FAILED")


def test_request_does_not_expire_before_it_has_ended(world: RequestWorld) -> None:
    item_id = world.accept()
    expirations = []

    def work(report: Report, request: Request) -> None:
        expirations.append(world.store.items[item_id].expiration)
        fails(report, request)

    world.receive(delivered(item_id), function=work)
    expirations.append(world.store.items[item_id].expiration)
    world.receive(delivered(item_id))

    assert expirations == [NO_EXPIRATION, NO_EXPIRATION]
    assert world.store.items[item_id].expiration == world.clock.ms // 1_000 + 3_600


@pytest.mark.parametrize("end", [fails, None])
def test_request_that_has_ended_is_not_worked_on_again_after_its_window(
    world: RequestWorld, end: Callable[..., object] | None
) -> None:
    item_id = world.accept()
    for _ in range(MAX_ATTEMPTS):
        world.receive(delivered(item_id), function=end)
    before, runs = world.store.record(item_id), [*world.runs]
    world.clock.ms += 10_000_000

    assert world.receive(delivered(item_id, "m-2")) == []

    assert (world.store.record(item_id), world.runs) == (before, runs)


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "{}",
        '{"request_key": 7}',
        '{"request_key": "others:request#alice:r-1"}',
        '{"request_key": "reports:request#alice"}',
        json.dumps({"request_key": request_item_id(SCOPE, "alice", "unknown")}),
    ],
)
def test_message_that_names_no_request_is_dead_lettered_and_writes_no_record(world: RequestWorld, body: str) -> None:
    item_id = world.accept()
    nameless = {**delivered(item_id, "m-9"), "body": body}

    assert world.receive(nameless, delivered(item_id)) == []

    assert [letter.body for letter in world.dead_letter_queue.sent] == [body]
    assert {*world.store.items} == {item_id, "reports@queue#message-id:m-9"}
    assert world.shown(item_id) == "SUCCEEDED"


@pytest.mark.parametrize("fault", ["unavailable", "denied"])
def test_records_that_are_not_read_send_their_messages_back(world: RequestWorld, fault: str) -> None:
    item_id = world.accept()
    world.store.plan("read_records", fault)

    assert world.receive(delivered(item_id)) == ["m-1"]
    assert (world.runs, world.store.record(item_id).item.fence, world.counted()["CallsFailed"]) == ([], 0, 1)
    assert world.receive(delivered(item_id)) == []


@pytest.mark.parametrize("operation", ["read_records", "update", "transact"])
@pytest.mark.parametrize("fault", ["killed_before", "killed_after", "unavailable", "unanswered", "answer_lost"])
def test_request_takes_effect_once_whatever_call_fails(world: RequestWorld, operation: str, fault: str) -> None:
    item_id = world.accept()
    world.store.plan(operation, fault)

    for _ in range(4):
        with suppress(Killed):
            world.receive(delivered(item_id))
        world.pass_lease()

    assert world.receive(delivered(item_id)) == []
    assert (world.store.effects, world.shown(item_id)) == ([{"id": "r-1", "caller": "alice"}], "SUCCEEDED")


def test_requests_run_side_by_side(world: RequestWorld) -> None:
    world.concurrency = 4
    item_ids = [world.accept(request_id=f"r-{number}") for number in range(4)]

    assert world.receive(*(delivered(each, f"m-{number}") for number, each in enumerate(item_ids))) == []

    assert {world.shown(each) for each in item_ids} == {"SUCCEEDED"}
