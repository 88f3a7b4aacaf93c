"""Results: what a caller reads is what was committed, and SUCCEEDED is shown only when it is there."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from tests.tsunagu.runtime.requests.world import COMPLETIONS_ARN, SCOPE, Report, RequestWorld, delivered
from tests.tsunagu.runtime.world import MAX_ATTEMPTS
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import BODY_BYTES, ShownStatus, delivery_id, result_key, staging_key
from tsunagu.runtime.errors import FailedCall, PermanentError
from tsunagu.runtime.idempotency.store import Commit, Verdict
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.requests.request import Request
from tsunagu.runtime.requests.results import Result
from tsunagu.runtime.sending.outbox import SEND_ROUNDS
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.requests import FakeResultStore

KEY = result_key(SCOPE, "alice", "r-1")
OUTAGE = FailedCall("s3:PutObject", "results", "SlowDown")


@dataclass(frozen=True)
class Total:
    amount: Decimal


@pytest.fixture
def world() -> RequestWorld:
    return RequestWorld()


def objects(world: RequestWorld) -> dict[str, tuple[bytes, str]]:
    assert world.results is not None
    return world.results.objects


@pytest.mark.parametrize(
    ("returned", "stored"),
    [
        ({"a": 1}, (b'{"a":1}', "application/json")),
        ([1, "b"], (b'[1,"b"]', "application/json")),
        ("text", (b'"text"', "application/json")),
        (False, (b"false", "application/json")),
        (Total(Decimal("1.10")), (b'{"amount":1.10}', "application/json")),
        (Result("a;b\n", "text/csv"), (b"a;b\n", "text/csv")),
        (Result("ä", "text/csv; charset=utf-8"), ("ä".encode(), "text/csv; charset=utf-8")),
        (Result("text"), (b"text", "text/plain; charset=utf-8")),
        (Result(b"\x00\xff"), (b"\x00\xff", "application/octet-stream")),
    ],
)
def test_what_the_function_returns_is_the_result(
    world: RequestWorld, returned: object, stored: tuple[bytes, str]
) -> None:
    item_id = world.accept()

    assert world.receive(delivered(item_id), function=lambda _report, _request: returned) == []

    assert objects(world)[KEY] == stored
    expected = {"": {"content_type": stored[1], "size": len(stored[0])}}
    assert json.loads(world.store.items[item_id].result) == expected


def test_function_that_returns_nothing_has_no_result(world: RequestWorld) -> None:
    item_id = world.accept()

    assert world.receive(delivered(item_id), function=lambda _report, _request: None) == []

    assert (objects(world), world.store.items[item_id].result, world.shown(item_id)) == ({}, "", "SUCCEEDED")


def test_attachments_are_beside_the_result(world: RequestWorld) -> None:
    item_id = world.accept()

    def work(_report: Report, request: Request) -> Result:
        request.attach("chart.svg", "<old/>", "image/svg+xml")
        request.attach("chart.svg", "<svg/>", "image/svg+xml")
        request.attach("raw", b"\x00")
        return Result("a;b", "text/csv")

    assert world.receive(delivered(item_id), function=work) == []

    final = {key: value for key, value in objects(world).items() if key.startswith(f"{SCOPE}/")}
    assert final == {
        KEY: (b"a;b", "text/csv"),
        f"{KEY}/chart.svg": (b"<svg/>", "image/svg+xml"),
        f"{KEY}/raw": (b"\x00", "application/octet-stream"),
    }
    assert json.loads(world.store.items[item_id].result).keys() == {"", "chart.svg", "raw"}


@pytest.mark.parametrize("name", ["", "../r-2", "a/b", ".hidden", "a" * 65, "a\n", 7])
def test_name_of_an_attachment_that_leaves_the_result_is_refused(world: RequestWorld, name: str) -> None:
    item_id = world.accept()
    refusals = []

    def work(_report: Report, request: Request) -> None:
        with pytest.raises(ValueError, match="name of an attachment must be 1 to 64"):
            request.attach(name, "x")
        refusals.append(name)

    assert world.receive(delivered(item_id), function=work) == []
    assert (refusals, objects(world)) == ([name], {})


@pytest.mark.parametrize("content_type", ["text", "text/csv\r\nx: y", "text/csv; a", "/", " text/csv", "text/csv;" * 9])
def test_content_type_that_could_be_a_header_of_its_own_is_refused(content_type: str) -> None:
    with pytest.raises(ValueError, match="content_type of a result must be a media type"):
        Result("x", content_type)


def test_data_that_is_neither_bytes_nor_text_is_refused() -> None:
    with pytest.raises(TypeError, match="data of a result must be bytes or text, got dict"):
        Result({"a": 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(("returned", "reason"), [(b"x", "bytes must be returned as a Result"), (object(), "JSON")])
def test_result_that_nobody_could_read_fails_the_request(world: RequestWorld, returned: object, reason: str) -> None:
    item_id = world.accept()

    assert world.receive(delivered(item_id), function=lambda _report, _request: returned) == []

    assert world.shown(item_id) == "FAILED"
    assert reason in world.store.record(item_id).reason


def test_coroutine_is_no_result(world: RequestWorld) -> None:
    async def work(_report: Report, _request: Request) -> str:
        return "x"

    item_id = world.accept()

    assert world.receive(delivered(item_id), function=work) == ["m-1"]
    assert (world.shown(item_id), objects(world)) == ("RETRYING", {})


def test_result_without_a_bucket_fails_the_request_and_no_result_needs_none(world: RequestWorld) -> None:
    world.results = None
    item_ids = [world.accept(request_id=request_id) for request_id in ("r-1", "r-2")]

    assert world.receive(delivered(item_ids[0])) == []
    assert world.receive(delivered(item_ids[1], "m-2"), function=lambda _report, _request: None) == []

    assert [world.shown(item_id) for item_id in item_ids] == ["FAILED", "SUCCEEDED"]
    assert "must have a bucket" in world.store.record(item_ids[0]).reason


def test_outbox_that_the_item_has_no_room_for_fails_the_request(world: RequestWorld) -> None:
    item_id = world.accept(body=json.dumps({"month": "x" * 262_000}), headers={"x-long": "z" * 10_000})

    def work(_report: Report, request: Request) -> None:
        request.outbox.send("https://sqs/next", "y" * 118_000)

    assert world.receive(delivered(item_id), function=work) == []

    assert (world.shown(item_id), world.outbox.sent) == ("FAILED", [])
    assert world.store.record(item_id).reason.startswith("body, headers, outbox and result must have at most 390,000")


def test_largest_body_leaves_room_for_an_outbox(world: RequestWorld) -> None:
    item_id = world.accept(body=json.dumps({"month": "x" * (BODY_BYTES - 13)}))

    def work(_report: Report, request: Request) -> None:
        request.outbox.send("https://sqs/next", "y" * 100_000)

    assert world.receive(delivered(item_id), function=work) == []

    assert (len(world.store.record(item_id).body), world.shown(item_id)) == (BODY_BYTES, "SUCCEEDED")


def test_result_of_an_attempt_that_failed_is_never_shown(world: RequestWorld) -> None:
    item_id = world.accept()

    def work(_report: Report, request: Request) -> Result:
        request.attach("part", "x")
        msg = "half done"
        raise ValueError(msg)

    for _ in range(MAX_ATTEMPTS):
        world.receive(delivered(item_id), function=work)

    assert (world.shown(item_id), objects(world)) == ("FAILED", {})


def test_result_of_a_late_worker_is_staged_and_never_shown(world: RequestWorld) -> None:
    item_id = world.accept()

    def work(_report: Report, _request: Request) -> str:
        world.pass_lease()
        assert world.receive(delivered(item_id)) == []
        return "late"

    assert world.receive(delivered(item_id), function=work) == ["m-1"]

    assert objects(world)[KEY] == (b'{"month":"2026-10"}', "application/json")
    late = staging_key(SCOPE, "alice", "r-1", fencing_token=1)
    assert objects(world)[late] == (b'"late"', "application/json")


def test_store_that_does_not_answer_costs_no_attempt(world: RequestWorld) -> None:
    item_id = world.accept()
    world.results = FakeResultStore(fault=OUTAGE)

    assert world.receive(delivered(item_id)) == ["m-1"]

    found = world.store.record(item_id)
    assert (world.shown(item_id), found.item.attempts, world.store.effects) == ("RETRYING", 0, [])


def test_request_runs_until_its_result_is_copied_and_is_announced_after_that(world: RequestWorld) -> None:
    item_id = world.accept()
    assert world.results is not None
    results = world.results

    def work(report: Report, request: Request) -> object:
        request.outbox.send("https://sqs/next", "x")
        return world.work(report, request)

    commit = world.store.transact

    def commit_then_outage(commits: Sequence[Commit], token: str) -> list[Verdict]:
        results.fault = OUTAGE
        return commit(commits, token)

    world.store.transact = commit_then_outage  # type: ignore[method-assign]

    assert world.receive(delivered(item_id), function=work) == ["m-1"]
    assert (world.shown(item_id), world.store.effects) == ("RUNNING", [{"id": "r-1", "caller": "alice"}])
    assert (KEY in results.objects, world.outbox.sent) == (False, [])

    results.fault = None
    world.pass_lease()
    assert world.receive(delivered(item_id), function=work) == []
    assert (world.shown(item_id), world.runs, KEY in results.objects) == ("SUCCEEDED", ["r-1"], True)
    assert [message.outbox_message.target for message in world.outbox.sent] == ["https://sqs/next", COMPLETIONS_ARN]


def test_neighbours_of_a_result_that_is_not_copied_are_announced(world: RequestWorld) -> None:
    item_ids = [world.accept(request_id=f"r-{number}") for number in range(3)]
    lost = staging_key(SCOPE, "alice", "r-1", fencing_token=1)
    commit = world.store.transact

    def lose_then_commit(commits: Sequence[Commit], token: str) -> list[Verdict]:
        objects(world).pop(lost)
        return commit(commits, token)

    world.store.transact = lose_then_commit  # type: ignore[method-assign]
    world.receive(*(delivered(each, f"m-{number}") for number, each in enumerate(item_ids)))

    assert [each["request_id"] for each in world.published()] == ["r-0", "r-2"]
    assert [world.shown(item_id) for item_id in item_ids] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]


def lose_the_result(world: RequestWorld, item_id: str) -> None:
    """Let a worker be killed after its commit, and lose what it staged."""
    world.store.plan("transact", "killed_after")
    world.receive_and_die(delivered(item_id))
    objects(world).clear()
    world.pass_lease()
    assert world.receive(delivered(item_id)) == []


def test_result_that_is_lost_before_the_copy_fails_the_request_with_a_published_reason(world: RequestWorld) -> None:
    item_id = world.accept()

    lose_the_result(world, item_id)

    found = world.store.record(item_id)
    assert (world.shown(item_id), found.item.status) == ("FAILED", Status.COMMITTED)
    assert found.reason.startswith("done, but its messages were refused 1 times, the last with NoSuchKey")
    assert len(world.dead_letter_queue.sent) == 1


def test_request_that_was_given_up_stays_failed_for_copies_and_a_redrive_sends_again(world: RequestWorld) -> None:
    item_id = world.accept()
    lose_the_result(world, item_id)
    objects(world)[staging_key(SCOPE, "alice", "r-1", fencing_token=1)] = (b"{}", "application/json")

    assert world.receive(delivered(item_id, "m-2")) == []
    assert (world.shown(item_id), world.published()) == ("FAILED", [])

    assert world.receive(delivered(item_id, "m-3", tsunagu_redriven="true")) == []
    assert (world.shown(item_id), world.runs, KEY in objects(world)) == ("SUCCEEDED", ["r-1"], True)


def test_worker_that_is_late_with_its_sends_does_not_complete_what_was_given_up(world: RequestWorld) -> None:
    item_id = world.accept()
    world.store.plan("transact", "killed_after")
    world.receive_and_die(delivered(item_id))
    world.pass_lease()
    sends = world.outbox.send

    def given_up_meanwhile(messages: Sequence[AddressedMessage]) -> list[SendResult]:
        world.store.items[item_id] = replace(world.store.items[item_id], told=("m-9",), reason="refused")
        return sends(messages)

    world.outbox.send = given_up_meanwhile  # type: ignore[method-assign]

    assert world.receive(delivered(item_id)) == ["m-1"]
    assert world.shown(item_id) == "FAILED"

    world.outbox.send = sends  # type: ignore[method-assign]
    assert world.receive(delivered(item_id)) == []
    assert world.shown(item_id) == "FAILED"
    assert world.receive(delivered(item_id, "m-2", tsunagu_redriven="true")) == []
    assert world.shown(item_id) == "SUCCEEDED"


def test_request_that_is_given_up_expires_after_its_window_and_after_each_redrive(world: RequestWorld) -> None:
    item_id = world.accept()
    lose_the_result(world, item_id)
    expirations = [world.store.items[item_id].expiration - world.clock.ms // 1_000]

    world.clock.ms += 60_000
    assert world.receive(delivered(item_id, "m-2", tsunagu_redriven="true")) == []
    expirations.append(world.store.items[item_id].expiration - world.clock.ms // 1_000)

    assert (expirations, world.shown(item_id)) == ([3_600, 3_600], "FAILED")


def test_copy_that_was_made_before_a_kill_counts_as_made(world: RequestWorld) -> None:
    item_id = world.accept()
    world.store.plan("transact", "killed_after")
    world.receive_and_die(delivered(item_id))
    staged = staging_key(SCOPE, "alice", "r-1", fencing_token=1)
    objects(world)[KEY] = objects(world).pop(staged)
    world.pass_lease()

    assert world.receive(delivered(item_id)) == []
    assert world.shown(item_id) == "SUCCEEDED"


def test_copy_that_is_refused_again_and_again_is_given_up(world: RequestWorld) -> None:
    item_id = world.accept()
    world.store.plan("transact", "killed_after")
    world.receive_and_die(delivered(item_id))
    assert world.results is not None
    world.results.fault = OUTAGE
    for _ in range(SEND_ROUNDS):
        assert world.shown(item_id) == "RUNNING"
        world.pass_lease()
        world.receive(delivered(item_id))

    assert world.shown(item_id) == "FAILED"


def test_completion_is_announced_once_the_request_succeeded_with_ids_that_stay_the_same(world: RequestWorld) -> None:
    item_id = world.accept()
    world.outbox.broken = True
    world.receive(delivered(item_id))
    assert (world.shown(item_id), world.published()) == ("RUNNING", [])

    world.outbox.broken = False
    world.pass_lease()
    assert world.receive(delivered(item_id)) == []

    (completion,) = world.outbox.sent
    expected = delivery_id(item_id, ShownStatus.SUCCEEDED)
    assert completion.outbox_message.target == COMPLETIONS_ARN
    assert completion.outbox_message.attributes == {
        "tsunagu_request_id": "r-1",
        "tsunagu_request_status": "SUCCEEDED",
        "tsunagu_delivery_id": expected,
    }
    (body,) = world.published()
    assert body == {
        "delivery_id": expected,
        "scope": SCOPE,
        "caller": "alice",
        "request_id": "r-1",
        "status": "SUCCEEDED",
        "accepted": world.store.record(item_id).accepted_ms,
    }


def test_completion_of_a_request_that_was_reopened_has_the_id_of_every_other_attempt(world: RequestWorld) -> None:
    def refuse(_report: Report, _request: Request) -> None:
        msg = "no paper"
        raise PermanentError(msg)

    def fail(_report: Report, _request: Request) -> None:
        raise ValueError

    item_id = world.accept()
    world.receive(delivered(item_id), function=refuse)
    world.clock.ms += 1_000
    redriven = delivered(item_id, "m-2", tsunagu_redriven="true")
    world.receive(redriven, function=fail)  # the next attempt reads the record when it is reopened already

    assert world.receive(redriven) == []

    (body,) = world.published()
    assert world.store.record(item_id).reopened_ms == world.clock.ms
    assert body["delivery_id"] == delivery_id(item_id, ShownStatus.SUCCEEDED)


def test_without_a_topic_nothing_is_announced(world: RequestWorld) -> None:
    world.completion_topic_arn = ""
    item_id = world.accept()

    assert world.receive(delivered(item_id), function=lambda _report, _request: None) == []

    assert (world.outbox.sent, world.shown(item_id)) == ([], "SUCCEEDED")


@pytest.mark.parametrize("fault", ["killed_before", "killed_after"])
def test_kill_before_the_last_write_repeats_the_announcement_and_not_the_work(world: RequestWorld, fault: str) -> None:
    item_id = world.accept()
    world.store.plan("update", "", fault)
    world.receive_and_die(delivered(item_id))
    world.pass_lease()

    assert world.receive(delivered(item_id)) == []

    assert (world.runs, world.shown(item_id)) == (["r-1"], "SUCCEEDED")
    assert len({each["delivery_id"] for each in world.published()}) == 1
