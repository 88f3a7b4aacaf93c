"""The sweeper: what is open and due ends, is sent again, or is looked at later; a kill anywhere loses nothing."""

import json
from dataclasses import replace

import pytest

from tests.tsunagu.runtime.requests.sweeper_world import LEASE_MS, MINUTE_MS, RULES, RUN_MS, SCOPE, SweeperWorld
from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import ShownStatus
from tsunagu.runtime.requests.sweep_rules import LONGEST_WAIT_MS
from tsunagu.testing.fakes import Killed

DEADLINE = "no end within the deadline of 36,000 seconds"


@pytest.fixture
def world() -> SweeperWorld:
    return SweeperWorld()


def test_request_that_reached_no_worker_is_sent_again_with_its_key_and_nothing_else(world: SweeperWorld) -> None:
    item_id = world.accept()

    world.sweep_for(300)

    (message,) = world.queue.sent
    assert (json.loads(message.body), message.attributes) == ({"request_key": item_id}, {})
    assert "RequestsResent" in world.metrics.getvalue()


def test_request_is_not_looked_at_before_it_is_due(world: SweeperWorld) -> None:
    world.accept()

    world.sweep_for(299)

    assert world.queue.sent == []


def test_wait_doubles_with_each_resend(world: SweeperWorld) -> None:
    world.accept()
    sent_at, start_ms = [], world.clock.ms
    for _ in range(200):
        before = len(world.queue.sent)
        world.sweep_for(60)
        if len(world.queue.sent) > before:
            sent_at.append((world.clock.ms - start_ms) // 60_000)

    assert sent_at == [5, 15, 35, 75, 155]  # minutes: 5, then 10, 20, 40 and 80 later


def test_wait_of_a_request_that_was_claimed_is_longer_than_its_message_can_be_hidden(world: SweeperWorld) -> None:
    item_id = world.accept()
    fence = world.claim(item_id)
    assert fence is not None
    world.settle(item_id, fence, Status.RELEASED, attempts=1, reason="not now")

    world.sweep_for(1_800 + 299)
    before = len(world.queue.sent)
    world.sweep_for(60)

    assert (before, len(world.queue.sent)) == (0, 1)


def test_back_off_of_a_quick_function_is_waited_for(world: SweeperWorld) -> None:
    world.rules = replace(RULES, visibility_timeout_seconds=30)
    item_id = world.accept()
    fence = world.claim(item_id)
    assert fence is not None
    world.settle(item_id, fence, Status.RELEASED, attempts=1, reason="not now")

    world.sweep_for(900)

    assert world.queue.sent == []


def test_request_of_a_killed_worker_is_sent_again_after_its_lease(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.claim(item_id)

    world.sweep_for((LEASE_MS + 1_800_000 + 300_000) / 1_000 + 60)

    assert world.sent_keys() == [item_id]


def test_committed_request_whose_lease_is_over_is_sent_again_and_never_ended(world: SweeperWorld) -> None:
    item_id = world.accept()
    fence = world.claim(item_id)
    assert fence is not None
    world.settle(item_id, fence, Status.COMMITTED)

    world.sweep_for(2 * 36_000)

    assert world.status(item_id) is Status.COMMITTED
    assert len(world.queue.sent) > 1
    assert world.published() == []


def test_wait_has_a_limit(world: SweeperWorld) -> None:
    request = world.request(world.accept())

    assert world.rules.wait_ms(request, 40) == LONGEST_WAIT_MS


def test_request_younger_than_the_oldest_message_is_probably_in_the_queue(world: SweeperWorld) -> None:
    world.accept()
    world.age.age_ms = 3_600_000

    world.sweep_for(3_500)
    before = len(world.queue.sent)
    world.age.age_ms = 0
    world.sweep_for(600)

    assert (before, len(world.queue.sent)) == (0, 1)


def test_one_old_message_holds_no_lost_request_back_for_more_than_half_of_its_deadline(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.age.age_ms = 48 * 3_600_000

    world.sweep_for(18_000 + 360)

    assert world.sent_keys() == [item_id]


def test_age_that_is_not_known_holds_nothing_back_and_is_asked_once_a_run(world: SweeperWorld) -> None:
    ids = [world.accept(number) for number in range(20)]
    world.age.age_ms = None
    world.clock.ms += 300_000

    report = world.sweep()

    assert sorted(world.sent_keys()) == sorted(ids)
    assert world.age.asked == 1
    assert report.problem is not None


def test_request_without_an_end_fails_at_its_deadline_and_is_closed_by_the_next_sweep(world: SweeperWorld) -> None:
    item_id = world.accept()

    world.sweep_for(36_000)
    failed = world.request(item_id)
    world.sweep_for(60)

    assert (failed.item.status, failed.item.lease, failed.item.reason) == (Status.DEAD, items.NEVER, DEADLINE)
    assert world.published() == [("r-1", ShownStatus.FAILED)]
    assert json.loads(world.completions.sent[0].body)["reason"] == DEADLINE
    assert world.records.open_ids() == []


def test_worker_of_a_request_that_failed_at_its_deadline_commits_nothing(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.clock.ms += 35_990_000
    fence = world.claim(item_id)
    assert fence is not None
    world.sweep_for(60)

    assert not world.settle(item_id, fence, Status.COMPLETED)
    assert world.status(item_id) is Status.DEAD


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.COMMITTED, Status.DEAD])
def test_worker_that_ends_a_request_at_its_deadline_keeps_its_outcome(world: SweeperWorld, status: Status) -> None:
    item_id = world.accept()
    world.clock.ms += 36_000_000
    fence = world.claim(item_id)
    assert fence is not None

    def end(name: str) -> None:
        if name == "before a change":
            world.records.on_call = lambda _name: None
            assert world.settle(item_id, fence, status, reason="of the worker")

    world.records.on_call = end
    world.sweep()

    assert (world.status(item_id), world.request(item_id).item.reason) == (status, "of the worker")


def test_worker_that_takes_a_request_at_its_deadline_is_ended_by_the_next_sweep(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.clock.ms += 36_000_000

    def take(name: str) -> None:
        if name == "before a change":
            world.records.on_call = lambda _name: None
            world.claim(item_id)

    world.records.on_call = take
    world.sweep()
    taken = world.status(item_id)
    world.sweep_for(60)

    assert (taken, world.status(item_id)) == (Status.INPROGRESS, Status.DEAD)


def test_heartbeat_does_not_put_the_deadline_off(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.clock.ms += 36_000_000
    world.claim(item_id, lease_ms=30_000)

    def beat(name: str) -> None:
        if name == "before a change":
            world.records.records[item_id][items.LEASE] += 1_000

    world.records.on_call = beat
    world.sweep()

    assert world.status(item_id) is Status.DEAD


def test_last_reason_is_kept_with_that_of_the_deadline(world: SweeperWorld) -> None:
    item_id = world.accept(reason="ValueError: secret 7", published_reason="ValueError")

    world.sweep_for(36_060)

    item = world.request(item_id).item
    assert item.reason == f"{DEADLINE}; before that: ValueError: secret 7"
    assert json.loads(world.completions.sent[0].body)["reason"] == f"{DEADLINE}; before that: ValueError"


def test_reopened_request_has_the_whole_deadline_again(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.sweep_for(36_060)
    world.redrive(item_id)

    world.sweep_for(35_940)
    alive = world.status(item_id)
    world.sweep_for(120)

    assert (alive, world.status(item_id)) == (Status.RELEASED, Status.DEAD)
    assert world.published() == [("r-1", ShownStatus.FAILED)] * 2
    first, second = (json.loads(message.body)["delivery_id"] for message in world.completions.sent)
    assert first != second


@pytest.mark.parametrize(("status", "expected"), [(Status.COMPLETED, []), (Status.DEAD, [("r-1", ShownStatus.FAILED)])])
def test_request_that_its_worker_ended_is_closed(
    world: SweeperWorld, status: Status, expected: list[tuple[str, ShownStatus]]
) -> None:
    item_id = world.accept()
    fence = world.claim(item_id)
    assert fence is not None
    world.settle(item_id, fence, status, reason="it is wrong")

    world.sweep_for(360)

    assert (world.published(), world.records.open_ids()) == (expected, [])
    assert world.records.records[item_id][requests.CLOSED] <= world.clock.ms


def test_cancelled_request_is_published_once_and_expires(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.cancel(item_id)

    world.sweep_for(600)

    assert world.published() == [("r-1", ShownStatus.CANCELLED)]
    assert world.request(item_id).item.expiration == (world.clock.ms - 540_000) // 1_000 + RULES.window_seconds


def test_given_up_request_has_failed_and_is_not_sent_again(world: SweeperWorld) -> None:
    item_id = world.accept()
    fence = world.claim(item_id)
    assert fence is not None
    world.settle(item_id, fence, Status.COMMITTED, told=("m-1",), reason="done, but its messages were refused")

    world.sweep_for(36_000)

    assert world.published() == [("r-1", ShownStatus.FAILED)]
    assert (world.queue.sent, world.records.open_ids()) == ([], [])


def test_record_that_was_open_for_good_expires_when_it_is_closed(world: SweeperWorld) -> None:
    item_id = world.accept()
    fence = world.claim(item_id)
    assert fence is not None
    world.settle(item_id, fence, Status.COMMITTED, told=("m-1",), expiration=requests.NO_EXPIRATION)

    world.sweep_for(360)

    assert world.request(item_id).item.expiration < requests.NO_EXPIRATION


def test_record_that_a_repeated_post_opened_again_is_closed_without_a_second_completion(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.cancel(item_id)
    world.sweep_for(360)
    world.records.records[item_id] |= {requests.OPEN: requests.open_partition(SCOPE, "3"), requests.DUE: 0}

    world.sweep_for(60)

    assert (world.published(), world.records.open_ids()) == ([("r-1", ShownStatus.CANCELLED)], [])


def test_completion_that_was_not_published_keeps_its_record_open(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.cancel(item_id)
    world.completions.broken = True
    world.sweep_for(360)
    open_ids = world.records.open_ids()
    world.completions.broken = False

    world.sweep_for(60)

    assert open_ids == [item_id]
    assert (world.published(), world.records.open_ids()) == ([("r-1", ShownStatus.CANCELLED)], [])


def test_without_a_topic_nothing_is_published_and_records_are_closed(world: SweeperWorld) -> None:
    world.rules = replace(RULES, publishes=False)
    world.cancel(world.accept())

    world.sweep_for(300)

    assert (world.published(), world.records.open_ids()) == ([], [])


def test_held_request_is_looked_at_when_its_lease_ends(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.clock.ms += 290_000
    world.claim(item_id, lease_ms=900_000)
    before = dict(world.records.records[item_id])

    world.sweep_for(60)

    lease = before[items.LEASE]
    assert world.records.records[item_id] == {**before, requests.DUE: lease + 1}


def test_without_a_queue_nothing_is_sent_and_the_deadline_ends_what_is_committed_too(world: SweeperWorld) -> None:
    world.rules = replace(RULES, has_queue=False)
    committed, idle = world.accept(1), world.accept(2)
    fence = world.claim(committed)
    assert fence is not None
    world.settle(committed, fence, Status.COMMITTED)

    world.sweep_for(36_060)

    assert (world.status(idle), world.status(committed)) == (Status.DEAD, Status.COMMITTED)
    assert world.request(committed).ending is ShownStatus.FAILED
    assert sorted(world.published()) == [("r-1", ShownStatus.FAILED), ("r-2", ShownStatus.FAILED)]
    assert world.records.open_ids() == []


def test_resend_that_sqs_did_not_take_is_not_counted_and_is_tried_in_the_next_minute(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.queue.broken = True
    world.sweep_for(900)
    resends = world.request(item_id).resends
    world.queue.broken = False

    world.sweep_for(60)

    assert (resends, world.request(item_id).resends, world.sent_keys()) == (0, 1, [item_id])


def test_of_two_sweepers_at_the_same_time_one_sends(world: SweeperWorld) -> None:
    world.accept()
    world.clock.ms += 300_000
    calls: list[str] = []

    def other(name: str) -> None:
        calls.append(name)
        if calls == ["find_due"] * 16 + ["read"] or name == "before a change":
            world.records.on_call = lambda _name: None
            world.sweep()

    world.records.on_call = other
    world.sweep()

    assert len(world.queue.sent) == 1


def test_request_that_is_claimed_while_the_sweeper_looks_is_left_alone(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.clock.ms += 300_000

    def take(name: str) -> None:
        if name == "before a change":
            world.records.on_call = lambda _name: None
            world.claim(item_id)

    world.records.on_call = take
    world.sweep()

    assert (world.queue.sent, world.status(item_id)) == ([], Status.INPROGRESS)
    assert world.request(item_id).resends == 0


def test_request_that_is_reopened_while_it_is_closed_stays_open(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.sweep_for(36_000)

    def reopen(name: str) -> None:
        if name == "before a send":
            world.redrive(item_id)

    world.completions.on_call = reopen
    world.sweep_for(60)

    assert world.records.open_ids() == [item_id]


def test_all_pages_of_all_partitions_are_looked_at(world: SweeperWorld) -> None:
    ids = [world.accept(number) for number in range(100)]
    world.clock.ms += 300_000

    report = world.sweep()

    assert sorted(world.sent_keys()) == sorted(ids)
    assert (report.looked_at, report.is_complete) == (100, True)


def test_run_ends_before_its_time_and_the_next_one_goes_on(world: SweeperWorld) -> None:
    ids = [world.accept(number) for number in range(100)]
    world.clock.ms += 300_000

    def pass_time(name: str) -> None:
        world.clock.ms += 3_000 if name == "read" else 0

    world.records.on_call = pass_time
    start_ms = world.clock.ms
    report = world.sweep()
    took_ms = world.clock.ms - start_ms
    world.records.on_call = lambda _name: None
    world.sweep()

    assert not report.is_complete
    assert took_ms < RUN_MS
    assert sorted(world.sent_keys()) == sorted(ids)


def test_record_that_is_not_answered_for_harms_no_other(world: SweeperWorld) -> None:
    lost, other = world.accept(1), world.accept(17)  # of one partition
    world.records.unanswered = {lost}
    world.clock.ms += 300_000

    report = world.sweep()

    assert world.sent_keys() == [other]
    assert report.problem is not None
    world.records.unanswered = set()
    world.sweep()
    assert world.sent_keys() == [other, lost]


@pytest.mark.parametrize("ended", [False, True])
def test_sweeper_that_is_killed_at_any_call_loses_nothing(ended: bool) -> None:
    call_number, was_killed = 0, True
    while was_killed:
        world = SweeperWorld()
        ids = [world.accept(number) for number in range(3)]
        if ended:
            world.cancel(ids[0])
            world.clock.ms += 36_000_000
        world.clock.ms += 300_000
        world.kill_at(call_number)
        try:
            world.sweep()
            was_killed = False
        except Killed:
            call_number += 1
        world.let_live()
        world.sweep_for(1_500)
        if ended:
            assert {*world.published()} == {
                ("r-0", ShownStatus.CANCELLED),
                ("r-1", ShownStatus.FAILED),
                ("r-2", ShownStatus.FAILED),
            }
            assert world.records.open_ids() == []
        else:
            assert {*world.sent_keys()} == {*ids}

    assert call_number > 20


def test_due_records_are_found_again_after_a_minute_without_a_sweep(world: SweeperWorld) -> None:
    item_id = world.accept()
    world.clock.ms += 300_000 + 5 * MINUTE_MS

    world.sweep()

    assert world.sent_keys() == [item_id]
