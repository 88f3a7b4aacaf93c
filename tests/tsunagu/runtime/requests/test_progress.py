"""What a business function sees of its request, and the progress that it shows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.tsunagu.runtime.requests.world import Report, RequestWorld, delivered
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import LeaseLostError
from tsunagu.runtime.requests.request import Request


@pytest.fixture
def world() -> RequestWorld:
    return RequestWorld()


def test_function_sees_its_request(world: RequestWorld) -> None:
    item_id = world.accept(caller="role:a", request_id="r_1", headers={"x-id": "7"}, now_ms=1_790_000_000_500)
    seen: list[object] = []

    def work(_report: Report, request: Request) -> None:
        seen.extend([request.id, request.caller, request.accepted_at, request.headers["x-id"]])
        seen.extend([request.body, request.content_type, request.attempt, request.fencing_token])

    assert world.receive(delivered(item_id), function=work) == []

    accepted_at = datetime(2026, 9, 21, 14, 13, 20, 500_000, tzinfo=UTC)
    assert seen == ["r_1", "role:a", accepted_at, "7", '{"month": "2026-10"}', "application/json", 1, 1]


def test_progress_is_shown_while_the_work_runs(world: RequestWorld) -> None:
    item_id = world.accept()
    shown = []

    def work(_report: Report, request: Request) -> None:
        for number in range(1, 4):
            world.clock.ms += 1_000
            request.progress(f"{number} of 3")
            found = world.store.record(item_id)
            shown.append((found.progress, found.item.updated == world.clock.ms))

    assert world.receive(delivered(item_id), function=work) == []
    assert shown == [("1 of 3", True), ("2 of 3", True), ("3 of 3", True)]


def test_long_progress_is_cut(world: RequestWorld) -> None:
    item_id = world.accept()

    world.receive(delivered(item_id), function=lambda _report, request: request.progress("x" * 1_000))

    assert world.store.record(item_id).progress == "x" * 256


@pytest.mark.parametrize("fault", ["unavailable", "unanswered", "denied", "conflict"])
def test_progress_that_is_not_written_stops_no_work(world: RequestWorld, fault: str) -> None:
    item_id = world.accept()

    def work(_report: Report, request: Request) -> None:
        world.store.plan("update", fault)
        request.progress("1 of 2")

    assert world.receive(delivered(item_id), function=work) == []
    assert world.shown(item_id) == "SUCCEEDED"


def ended_at_its_deadline(world: RequestWorld, item_id: str) -> None:
    world.store.items[item_id] = replace(world.store.items[item_id], status=Status.DEAD, lease=10**15)


def taken_over(world: RequestWorld, item_id: str) -> None:
    world.pass_lease()
    assert world.receive(delivered(item_id)) == []


def taken_over_and_in_hand(world: RequestWorld, item_id: str) -> None:
    item = world.store.items[item_id]
    world.store.items[item_id] = replace(item, owner="worker-9", fence=item.fence + 1)


@pytest.mark.parametrize("lose", [ended_at_its_deadline, taken_over, taken_over_and_in_hand])
def test_progress_of_a_worker_that_lost_its_request_is_refused(
    world: RequestWorld, lose: Callable[[RequestWorld, str], None]
) -> None:
    item_id = world.accept()
    refusals: list[LeaseLostError] = []

    def work(_report: Report, request: Request) -> None:
        lose(world, item_id)
        try:
            request.progress("late")
        except LeaseLostError as error:
            refusals.append(error)
            raise

    assert world.receive(delivered(item_id), function=work) == ["m-1"]
    assert (len(refusals), world.store.record(item_id).progress) == (1, "")


def test_heartbeat_reaches_the_lease_of_the_request(world: RequestWorld) -> None:
    item_id = world.accept()

    def work(_report: Report, request: Request) -> None:
        request.heartbeat()
        world.pass_lease()
        ended_at_its_deadline(world, item_id)

    assert world.receive(delivered(item_id), function=work) == ["m-1"]
