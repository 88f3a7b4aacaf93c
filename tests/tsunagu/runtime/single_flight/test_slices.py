"""Slices: a run that is longer than an invocation goes on in the next one, with its progress."""

from decimal import Decimal
from typing import Any

import pytest

from tests.tsunagu.runtime.single_flight.world import EXECUTION, JOB, QUEUE_URL, TOKEN, JobWorld
from tests.tsunagu.runtime.world import MAX_ATTEMPTS
from tsunagu.contracts.schedules import CHECKPOINT_BYTES
from tsunagu.runtime.errors import LeaseLostError, PermanentError
from tsunagu.runtime.single_flight.run import Continue, Run
from tsunagu.testing.fakes import Killed

SLICES = 3


@pytest.fixture
def world() -> JobWorld:
    return JobWorld()


def in_slices(world: JobWorld) -> Any:
    def work(run: Run) -> object:
        outcome = world.work(run)
        done = (run.checkpoint or {"done": 0})["done"] + 1
        if done < SLICES:
            raise Continue({"done": done})
        return outcome

    return work


def test_next_slice_gets_the_progress_and_lease_token_and_group_stay(world: JobWorld) -> None:
    assert world.receive(function=in_slices(world)) == []

    (sent,) = world.sent()
    assert (sent.outbox_message.target, sent.outbox_message.group_id) == (QUEUE_URL, JOB)
    assert world.next_message() == world.message(slice=1, checkpoint={"done": 1})
    assert world.jobs.leases[JOB].is_of(EXECUTION, 1)
    assert world.store.effects == [{"run": 1, "slice": 0}]


def test_run_of_three_slices_has_one_outcome(world: JobWorld) -> None:
    world.receive(function=in_slices(world))
    for number in range(1, SLICES):
        assert world.receive(world.next_message(), in_slices(world), message_id=f"s-{number}") == []

    assert world.seen == [(1, 0, None), (1, 1, {"done": 1}), (1, 2, {"done": 2})]
    assert world.outcomes()[-1] == ("task-success", TOKEN, '{"prices":2}')
    assert [channel for channel, *_ in world.outcomes()] == ["queue", "queue", "task-success"]


def test_slices_are_no_failed_attempts(world: JobWorld) -> None:
    def forever(run: Run) -> None:
        assert run.attempt == 1
        raise Continue(run.slice)

    world.receive(function=forever)
    for number in range(1, MAX_ATTEMPTS + 3):
        assert world.receive(world.next_message(), forever, message_id=f"s-{number}") == []

    assert (world.counted("AttemptsFailed"), world.dead_letter_queue.sent) == (0, [])
    assert [item.attempts for item in world.store.items.values()] == [0] * (MAX_ATTEMPTS + 3)


@pytest.mark.parametrize("operation", ["insert", "update", "transact"])
@pytest.mark.parametrize("fault", ["killed_before", "killed_after"])
@pytest.mark.parametrize("killed", range(SLICES))
def test_worker_that_is_killed_in_a_slice_loses_no_slice_and_does_none_twice(
    world: JobWorld, operation: str, fault: str, killed: int
) -> None:
    message = world.message()
    for number in range(SLICES):
        if number == killed:
            world.store.plan(operation, fault)
            world.receive_and_die(in_slices(world), message)
        assert world.receive(message, in_slices(world), message_id=f"s-{number}") == []
        if number < SLICES - 1:
            message = world.next_message()

    assert world.store.effects == [{"run": 1, "slice": number} for number in range(SLICES)]
    assert world.outcomes()[-1] == ("task-success", TOKEN, '{"prices":2}')


def test_worker_that_is_killed_between_two_slices_sends_the_next_one_again_with_the_same_id(world: JobWorld) -> None:
    send = world.outbox.send

    def send_and_die(messages: Any) -> Any:
        send(messages)
        raise Killed

    world.outbox.send = send_and_die  # type: ignore[method-assign]
    world.receive_and_die(in_slices(world))
    world.outbox.send = send  # type: ignore[method-assign]

    assert world.receive() == []

    first, second = world.sent()
    assert first.deduplication_id == second.deduplication_id
    assert first.outbox_message == second.outbox_message


def test_slice_that_is_delivered_again_later_is_skipped(world: JobWorld) -> None:
    world.receive(function=in_slices(world))
    assert world.receive(message_id="copy") == []

    assert (len(world.seen), len(world.sent())) == (1, 1)


def test_slice_whose_run_has_lost_the_lease_sends_no_next_slice(world: JobWorld) -> None:
    def work(run: Run) -> object:
        world.jobs.release(JOB, EXECUTION, 1)
        return in_slices(world)(run)

    assert world.receive(function=work) == ["m-1"]
    assert (world.sent(), world.store.effects) == ([], [])


def test_progress_of_the_largest_size_is_sent_on(world: JobWorld) -> None:
    progress = '"' * ((CHECKPOINT_BYTES - 2) // 2)  # each is two bytes of JSON, and more in the JSON of an outbox

    def work(run: Run) -> object:
        if run.checkpoint is None:
            raise Continue(progress)
        return len(run.checkpoint)

    assert world.receive(function=work) == []
    body = next(iter(world.store.items.values())).result
    assert world.sent()[0].outbox_message.body == body
    assert world.next_message().checkpoint == progress


@pytest.mark.parametrize(
    ("progress", "reason"),
    [
        ("x" * CHECKPOINT_BYTES, r"must have at most 200,000 bytes as JSON, got 200,002"),
        ("é" * 100_000, r"got 200,002"),
        ({1, 2}, r"must be JSON"),
        (float("nan"), r"must be JSON"),
    ],
)
def test_progress_that_cannot_be_kept_dead_letters_the_run_with_the_reason(
    world: JobWorld, progress: object, reason: str
) -> None:
    def work(_run: Run) -> None:
        with pytest.raises(PermanentError, match=reason) as caught:
            raise Continue(progress)
        raise caught.value

    assert world.receive(function=work) == []

    ((channel, token, _),) = world.outcomes()
    assert (channel, token) == ("task-failure", TOKEN)


def test_progress_may_be_any_json_value() -> None:
    for progress in (None, 0, "text", [1, {"a": None}], Decimal("1.50")):
        assert Continue(progress).progress == progress


def test_end_of_a_slice_is_not_caught_by_accident(world: JobWorld) -> None:
    def work(_run: Run) -> None:
        try:
            raise Continue(1)
        except Exception:  # noqa: BLE001 - as a careless function has it
            return

    world.receive(function=work)

    assert world.next_message().checkpoint == 1


# --- the deadline guard --------------------------------------------------------------------------


def test_step_that_fits_into_the_invocation_is_done(world: JobWorld) -> None:
    def work(run: Run) -> None:
        run.continue_if_due(1, step_seconds=270)  # of 300, a tenth is left for the commit

    world.receive(function=work)

    assert [channel for channel, *_ in world.outcomes()] == ["task-success"]


def test_step_that_does_not_fit_is_done_in_the_next_slice(world: JobWorld) -> None:
    def work(run: Run) -> None:
        run.continue_if_due({"page": 7}, step_seconds=270.1)
        raise AssertionError

    world.receive(function=work)

    assert world.next_message().checkpoint == {"page": 7}


def test_deadline_guard_is_a_safe_point(world: JobWorld) -> None:
    def work(run: Run) -> None:
        world.jobs.release(JOB, EXECUTION, 1)
        world.tick()
        with pytest.raises(LeaseLostError):
            run.continue_if_due(1, step_seconds=1_000)
        run.raise_if_lost()

    assert world.receive(function=work) == ["m-1"]
    assert world.sent() == []
