"""Requests whose messages or events were given up by SQS or Lambda have failed; their letters stay where they are."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tsunagu.runtime.requests.sweeper_world import MINUTE_MS, RULES, SweeperWorld
from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import ShownStatus
from tsunagu.runtime.requests.settler import Letter
from tsunagu.testing.fakes import START_MS

MOVED = "SQS moved the message to its dead-letter queue after 96 receives"


@pytest.fixture
def world() -> SweeperWorld:
    return SweeperWorld()


def letter(body: object, number: int = 1, **fields: Any) -> Letter:
    text = body if isinstance(body, str) else json.dumps(body)
    defaults = {"message_id": f"m-{number}", "receipt_handle": f"h-{number}", "has_reason": False, "sent_ms": START_MS}
    return Letter(body=text, **{**defaults, **fields})


def moved(item_id: str, number: int = 1, **fields: Any) -> Letter:
    return letter(requests.message_body(item_id), number, **fields)


def event(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "tsunagu_request": 1,
        "request_id": f"r-{number}",
        "caller": "alice",
        "body": '{"month": 1.0}',
        "content_type": "application/json",
        "accepted": START_MS,
        **fields,
    }


def given_up(payload: object, *, condition: str = "RetriesExhausted", **fields: Any) -> dict[str, Any]:
    context = {"requestId": "l-1", "condition": condition, "approximateInvokeCount": 3}
    return {"version": "1.0", "requestContext": context, "requestPayload": payload, **fields}


def test_message_that_sqs_moved_ends_its_request_with_the_reason(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.letters.letters = [moved(item_id)]

    report = world.sweep()

    item = world.request(item_id).item
    assert (report.failed, item.status, item.lease, item.reason) == (1, Status.DEAD, items.NEVER, MOVED)
    assert "RequestsFailed" in world.metrics.getvalue()


def test_failure_is_published_and_its_record_closed_in_the_same_run(world: SweeperWorld) -> None:
    world.letters.letters = [moved(world.accept())]

    world.sweep()

    assert world.published() == [("r-1", ShownStatus.FAILED)]
    assert world.records.open_ids() == []


def test_letters_stay_and_can_be_seen_by_others(world: SweeperWorld) -> None:
    world.letters.letters = [moved(world.accept(number), number) for number in range(25)]

    report = world.sweep()

    assert (report.failed, len(world.letters.letters), world.letters.hidden) == (25, 25, set())


def test_letter_of_a_worker_is_left_alone(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.letters.letters = [moved(item_id, has_reason=True)]

    world.sweep()

    assert world.status(item_id) is Status.RELEASED


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.COMMITTED, Status.DEAD])
def test_request_that_ended_or_stands_is_left_as_it_is(world: SweeperWorld, status: Status) -> None:
    item_id = world.accept()
    fence = world.claim(item_id)
    assert fence is not None
    world.settle(item_id, fence, status)
    world.clock.ms += 301_000  # the lease of what is committed is over, too: the sweeper sends it again
    world.records.records[item_id][requests.DUE] = items.NEVER
    world.letters.letters = [moved(item_id)]
    before = dict(world.records.records[item_id])

    world.sweep()

    assert world.records.records[item_id] == before


def test_request_that_a_worker_holds_is_settled_after_its_lease_alone(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.claim(item_id)
    world.letters.letters = [moved(item_id)]
    world.sweep()
    held = world.status(item_id)
    world.clock.ms += 301_000

    world.sweep()

    assert (held, world.status(item_id)) == (Status.INPROGRESS, Status.DEAD)


def test_worker_that_extends_its_lease_at_this_moment_keeps_its_request(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.claim(item_id)
    world.clock.ms += 301_000
    world.letters.letters = [moved(item_id)]

    def extend(name: str) -> None:
        if name == "before a change":
            world.records.records[item_id][items.LEASE] = world.clock.ms + MINUTE_MS

    world.records.on_call = extend
    world.sweep()

    assert world.status(item_id) is Status.INPROGRESS


def test_letter_of_an_earlier_life_does_not_end_a_redriven_request(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.letters.letters = [moved(item_id, 1), moved(item_id, 2)]
    world.sweep()
    world.letters.letters = [moved(item_id, 2)]
    world.clock.ms += MINUTE_MS
    world.redrive(item_id)

    world.sweep()

    assert world.status(item_id) is Status.RELEASED


def test_event_that_lambda_gave_up_gets_a_record_of_its_own(world: SweeperWorld) -> None:
    answer = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out: secret"}
    body = given_up(event(headers={"X-Signature": "s"}), responsePayload=answer)
    world.letters.letters = [letter(body)]

    report = world.sweep()

    (record,) = world.records.records.values()
    assert report.failed == 1
    assert record[items.REASON] == "Lambda gave the event up after 3 tries, the last one with Sandbox.Timedout"
    assert (record[items.STATUS], record[requests.CALLER], record[items.REQUEST_ID]) == (Status.DEAD, "alice", "r-1")
    assert (record[requests.BODY], record[requests.ACCEPTED]) == ('{"month": 1.0}', START_MS)
    assert record[requests.HEADERS] == {"x-signature": "s"}
    assert record[items.EXPIRATION] == START_MS // 1_000 + RULES.window_seconds
    assert world.published() == [("r-1", ShownStatus.FAILED)]
    assert world.records.open_ids() == []


def test_event_that_was_never_started_says_so(world: SweeperWorld) -> None:
    world.letters.letters = [letter(given_up(event(), condition="EventAgeExceeded"))]

    world.sweep()

    (record,) = world.records.records.values()
    assert record[items.REASON].startswith("Lambda gave the event up at its maximum age")


def test_event_whose_worker_wrote_a_record_keeps_the_reason_of_the_worker(world: SweeperWorld) -> None:
    item_id = world.accept(reason="no stock")
    world.letters.letters = [letter(given_up(event()))]

    world.sweep()

    reason = "Lambda gave the event up after 3 tries, with the condition RetriesExhausted; before that: no stock"
    assert world.request(item_id).item.reason == reason


def test_committed_request_of_an_event_is_given_up_because_nobody_will_send_what_it_left() -> None:
    world = SweeperWorld(replace(RULES, has_queue=False))
    item_id = world.accept()
    fence = world.claim(item_id)
    assert fence is not None
    world.settle(item_id, fence, Status.COMMITTED)
    world.clock.ms += 301_000
    world.letters.letters = [letter(given_up(event()))]

    world.sweep()

    assert (world.status(item_id), world.request(item_id).ending) == (Status.COMMITTED, ShownStatus.FAILED)


def test_message_without_a_record_is_left_alone(world: SweeperWorld) -> None:
    world.letters.letters = [moved("reports:request#alice:gone")]

    assert world.sweep().failed == 0
    assert world.records.records == {}


def test_outage_of_the_queue_does_not_stop_the_sweep(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.letters.broken = True
    world.clock.ms += 300_000

    report = world.sweep()

    assert world.sent_keys() == [item_id]
    assert report.problem is not None


TEXT = st.text(st.characters(exclude_categories=()), max_size=5)  # half a surrogate pair, too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@example(body=json.dumps(given_up(event(8, body="\ud800"))))
@example(body=json.dumps(given_up(event(8, caller="\ud800"))))
@example(body=requests.message_body("reports:request#\ud800:r"))
@given(
    body=TEXT
    | JSON.map(json.dumps)
    | st.fixed_dictionaries({"request_key": JSON}).map(json.dumps)
    | st.builds(
        lambda payload, context, answer: json.dumps(
            {"requestPayload": payload, "requestContext": context, "responsePayload": answer}
        ),
        st.fixed_dictionaries(
            {"tsunagu_request": st.just(1) | JSON},
            optional={
                "caller": st.just("alice") | JSON,
                "request_id": st.just("r-9") | JSON,
                "accepted": st.just(1) | JSON,
                "headers": JSON,
                "body": JSON,
            },
        )
        | JSON,
        st.just({"condition": "RetriesExhausted"}) | JSON,
        JSON,
    )
)
def test_no_letter_can_stop_the_sweep(body: str) -> None:
    world = SweeperWorld()
    lost, moved_on = world.accept(1), world.accept(2)
    world.letters.letters = [letter(body, 1), moved(moved_on, 2)]
    world.clock.ms += 300_000

    world.sweep()

    assert world.sent_keys() == [lost]
    assert world.status(moved_on) is Status.DEAD
    for record in world.records.records.values():
        json.dumps(record, ensure_ascii=False).encode()  # DynamoDB takes no half of a surrogate pair
