"""Runs of a scheduled job: they work while they hold the lease of their job, and their execution learns the end."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.tsunagu.runtime.single_flight.world import (
    EXECUTION,
    JOB,
    LEASE_SECONDS,
    NEXT_SLOT,
    OTHER_EXECUTION,
    SLOT,
    TOKEN,
    JobWorld,
)
from tests.tsunagu.runtime.world import MAX_ATTEMPTS
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import FailedCall, LeaseLostError, PermanentError, UnavailableError
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.runtime.single_flight.run import Run
from tsunagu.testing.fakes import FakeOutboxSender, Killed


@pytest.fixture
def world() -> JobWorld:
    return JobWorld()


def only_status(world: JobWorld) -> Status:
    (item,) = world.store.items.values()
    return item.status


def fail(_run: Run) -> None:
    msg = "the supplier is closed"
    raise ValueError(msg)


class SpentTokens(FakeOutboxSender):
    """Step Functions refuses each outcome, with an error code."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code

    def send(self, messages: "list[AddressedMessage]") -> list[SendResult]:  # type: ignore[override]
        call = FailedCall("states:SendTaskSuccess", "the task", self.code)
        return [SendResult(None, self.code, is_permanent=True, call=call) for _ in messages]


# --- a run ---------------------------------------------------------------------------------------


def test_run_commits_its_writes_and_the_execution_gets_its_outcome(world: JobWorld) -> None:
    assert world.receive() == []

    assert world.store.effects == [{"run": 1, "slice": 0}]
    assert world.outcomes() == [("task-success", TOKEN, '{"prices":2}')]
    assert (only_status(world), world.tasks.heard) == (Status.COMPLETED, [TOKEN])


def test_run_knows_its_number_its_slot_and_its_attempt(world: JobWorld) -> None:
    seen: list[tuple[object, ...]] = []

    world.receive(function=lambda run: seen.append((run.job, run.number, run.slot.isoformat(), run.attempt)))

    assert seen == [(JOB, 1, "2026-11-28T14:00:00+00:00", 1)]
    assert world.outcomes() == [("task-success", TOKEN, "null")]


def test_run_sends_what_it_put_into_the_outbox_before_its_outcome(world: JobWorld) -> None:
    world.receive(function=lambda run: run.outbox.send("https://sqs/next", "done"))

    assert [channel for channel, *_ in world.outcomes()] == ["queue", "task-success"]


def test_outcome_that_is_no_json_dead_letters_the_run_with_the_reason(world: JobWorld) -> None:
    world.receive(function=lambda _run: {1, 2})

    (outcome,) = world.outcomes()
    assert outcome[:2] == ("task-failure", TOKEN)
    assert "the outcome of a run must be" in outcome[2]


def test_message_is_hidden_until_its_lease_ends_so_that_a_kill_costs_seconds(world: JobWorld) -> None:
    hidden: list[int] = []

    world.receive(function=lambda _run: hidden.append(world.visibility.changed["handle-m-1"]))

    assert hidden == [LEASE_SECONDS + 2]


# --- who may run ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lose",
    [
        lambda world: world.jobs.leases.clear(),
        lambda world: world.jobs.release(JOB, EXECUTION, 1),
        lambda world: (world.jobs.release(JOB, EXECUTION, 1), world.take(OTHER_EXECUTION, NEXT_SLOT)),
        lambda world: (world.jobs.release(JOB, EXECUTION, 1), world.take(EXECUTION, NEXT_SLOT)),
        lambda world: world.jobs.leases.update({JOB: replace(world.jobs.leases[JOB], owner=OTHER_EXECUTION)}),
    ],
    ids=["never held", "released", "taken by another run", "a later run of the same execution", "another execution"],
)
def test_stale_message_is_acknowledged_without_work(world: JobWorld, lose: Callable[[JobWorld], object]) -> None:
    lose(world)

    assert world.receive() == []

    assert (world.seen, world.store.effects, world.outcomes(), world.tasks.heard) == ([], [], [], [])
    assert world.dead_letter_queue.sent == []
    assert world.counted("StaleRunsSkipped") == 1


def test_message_with_a_spent_token_is_acknowledged_without_work(world: JobWorld) -> None:
    world.tasks.lost = {TOKEN}

    assert world.receive() == []

    assert (world.seen, world.outcomes(), world.dead_letter_queue.sent) == ([], [], [])
    assert world.counted("StaleRunsSkipped") == 1


def test_run_does_not_begin_while_nobody_knows_who_holds_the_lease(world: JobWorld) -> None:
    world.jobs.broken = True

    assert world.receive() == ["m-1"]
    assert (world.seen, next(iter(world.store.items.values())).attempts) == ([], 0)

    world.jobs.broken = False
    assert world.receive() == []
    assert world.seen == [(1, 0, None)]


def test_run_does_not_begin_while_step_functions_does_not_answer(world: JobWorld) -> None:
    world.tasks.broken = True

    assert world.receive() == ["m-1"]
    assert world.seen == []


def test_message_of_another_job_is_dead_lettered(world: JobWorld) -> None:
    assert world.receive(world.message(job="other")) == []

    assert world.outcomes() == [("task-failure", TOKEN, "job must be supplier-sync, got another name")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"run": 0}, "run must be a whole number from 1, got int"),
        ({"run": "1"}, "run must be a whole number from 1, got str"),
        ({"run": True}, "run must be a whole number from 1, got bool"),
        ({"slot": "2026-11-28"}, "slot must be a time such as 2026-11-28T14:00:00Z, got text of another form"),
        ({"slice": -1}, "slice must be a whole number from 0, got int"),
        ({"execution": ""}, "execution must be text that is not empty, got str"),
    ],
)
def test_message_that_is_none_of_a_run_is_dead_lettered_with_the_reason(
    world: JobWorld, change: dict[str, object], reason: str
) -> None:
    world.receive(json.loads(world.message().to_json()) | change)

    assert world.outcomes() == [("task-failure", TOKEN, reason)]
    assert world.seen == []


def test_message_without_a_token_is_dead_lettered_and_nobody_is_told(world: JobWorld) -> None:
    assert world.receive({"job": JOB}) == []

    assert (world.outcomes(), len(world.dead_letter_queue.sent)) == ([], 1)


# --- a run that loses its lease ------------------------------------------------------------------


def lost_by_another_run(world: JobWorld) -> None:
    world.jobs.release(JOB, EXECUTION, 1)
    world.take(OTHER_EXECUTION, NEXT_SLOT)


def test_run_that_has_lost_the_lease_of_its_job_commits_nothing(world: JobWorld) -> None:
    def work(run: Run) -> object:
        lost_by_another_run(world)
        return world.work(run)

    assert world.receive(function=work) == ["m-1"]
    assert (world.store.effects, world.outcomes()) == ([], [])

    world.pass_lease()
    assert world.receive() == []  # stale
    assert world.store.effects == []


def test_condition_of_the_job_itself_that_does_not_hold_is_an_attempt(world: JobWorld) -> None:
    def work(run: Run) -> None:
        run.check("effects", {"run": 0}, "attribute_exists(#run)")

    assert world.receive(function=work) == ["m-1"]
    assert world.counted("AttemptsFailed") == 1


def test_function_learns_at_its_next_safe_point_that_another_run_holds_the_lease(world: JobWorld) -> None:
    def work(run: Run) -> None:
        run.raise_if_lost()
        lost_by_another_run(world)
        assert not world.tick()
        run.raise_if_lost()
        world.seen.append((0, 0, "worked on"))

    assert world.receive(function=work) == ["m-1"]
    assert world.seen == []


def test_function_learns_at_its_next_safe_point_that_the_execution_has_ended(world: JobWorld) -> None:
    def work(run: Run) -> object:
        world.tasks.lost = {TOKEN}
        assert not world.tick()
        with pytest.raises(LeaseLostError, match="does not wait"):
            run.raise_if_lost()
        return world.work(run)

    assert world.receive(function=work) == ["m-1"]
    assert (world.store.effects, world.dead_letter_queue.sent) == ([], [])

    world.pass_lease()
    assert world.receive() == []


def test_function_learns_at_its_next_safe_point_that_another_worker_has_its_message(world: JobWorld) -> None:
    def work(run: Run) -> object:
        world.pass_lease()
        assert world.receive(message_id="m-2") == []
        with pytest.raises(LeaseLostError):
            run.raise_if_lost()
        return world.work(run)

    assert world.receive(function=work) == ["m-1"]
    assert world.store.effects == [{"run": 1, "slice": 0}]
    assert len(world.outcomes()) == 1


def test_frozen_heartbeat_is_noticed_and_nothing_is_committed(world: JobWorld) -> None:
    def work(run: Run) -> object:
        world.clock.ms += LEASE_SECONDS * 1_000  # without a tick
        with pytest.raises(LeaseLostError, match="not extended in time"):
            run.raise_if_lost()
        return world.work(run)

    assert world.receive(function=work) == ["m-1"]
    assert (world.store.effects, world.outcomes()) == ([], [])


def test_frozen_heartbeat_is_noticed_though_the_function_never_asks(world: JobWorld) -> None:
    def work(run: Run) -> object:
        world.clock.ms += LEASE_SECONDS * 1_000
        return world.work(run)

    assert world.receive(function=work) == ["m-1"]
    assert (world.store.effects, world.outcomes()) == ([], [])


def test_lease_that_was_taken_for_lost_stays_lost(world: JobWorld) -> None:
    def work(run: Run) -> object:
        world.clock.ms += LEASE_SECONDS * 1_000
        with pytest.raises(LeaseLostError):
            run.raise_if_lost()
        assert world.tick()  # nobody else has the message, so the thread that woke up extends the lease
        return world.work(run)

    assert world.receive(function=work) == ["m-1"]
    assert world.store.effects == []


def test_run_that_has_lost_its_lease_has_not_failed(world: JobWorld) -> None:
    def work(run: Run) -> object:
        lost_by_another_run(world)
        return world.work(run)

    world.receive(function=work)

    assert (world.counted("AttemptsFailed"), world.counted("LeasesLost")) == (0, 1)


# --- heartbeats ----------------------------------------------------------------------------------


def test_heartbeats_keep_a_long_run_its_lease_its_message_and_its_task(world: JobWorld) -> None:
    rivals: list[list[str]] = []

    def work(run: Run) -> object:
        for _ in range(6):
            world.clock.ms += 20_000
            world.visibility.changed.clear()
            assert world.tick()
            assert world.visibility.changed == {"handle-m-1": LEASE_SECONDS + 2}
            rivals.append(world.receive(message_id="m-2"))
        return world.work(run)

    assert world.receive(function=work) == []
    assert rivals == [["m-2"]] * 6
    assert world.store.effects == [{"run": 1, "slice": 0}]
    assert world.tasks.heard == [TOKEN] * 7


def test_thread_beats_three_times_a_lease_and_ends_before_the_commit(world: JobWorld) -> None:
    world.receive()

    assert world.ticker is not None
    assert (world.ticker.every_seconds, world.ticker.is_stopped) == (LEASE_SECONDS / 3, True)


@pytest.mark.parametrize("fault", ["tasks", "leases", "items"])
def test_heartbeat_that_fails_is_tried_again(world: JobWorld, fault: str) -> None:
    def work(run: Run) -> object:
        world.tasks.broken, world.jobs.broken = fault == "tasks", fault == "leases"
        if fault == "items":
            world.store.plan("update", "unavailable")
        world.clock.ms += 10_000
        assert world.tick()
        world.tasks.broken = world.jobs.broken = False
        world.clock.ms += 10_000
        assert world.tick()
        world.clock.ms += 20_000
        return world.work(run)

    assert world.receive(function=work) == []
    assert world.store.effects == [{"run": 1, "slice": 0}]


def test_task_gets_its_heartbeat_though_nobody_knows_who_holds_the_lease_of_the_job(world: JobWorld) -> None:
    def work(_run: Run) -> None:
        world.jobs.broken = True
        assert world.tick()
        world.jobs.broken = False

    assert world.receive(function=work) == []
    assert world.tasks.heard == [TOKEN, TOKEN]


def test_lease_is_lost_when_no_heartbeat_reaches_the_table(world: JobWorld) -> None:
    def work(run: Run) -> object:
        world.store.plan("update", "unavailable", "unavailable", "unavailable")
        for _ in range(3):
            world.clock.ms += 10_000
            assert world.tick()
        with pytest.raises(LeaseLostError):
            run.raise_if_lost()
        return world.work(run)

    assert world.receive(function=work) == ["m-1"]
    assert world.store.effects == []


# --- a worker that is killed or fails ------------------------------------------------------------


def die(_run: Run) -> None:
    raise Killed


def test_run_goes_on_after_two_kills_and_its_execution_succeeds(world: JobWorld) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        world.receive_and_die(die)

    assert world.receive() == []
    assert world.outcomes() == [("task-success", TOKEN, '{"prices":2}')]


@pytest.mark.parametrize("operation", ["insert", "update", "transact"])
@pytest.mark.parametrize("fault", ["killed_before", "killed_after"])
def test_worker_that_is_killed_at_a_call_costs_no_run(world: JobWorld, operation: str, fault: str) -> None:
    world.store.plan(operation, fault)

    world.receive_and_die()

    assert world.receive() == []
    assert world.store.effects == [{"run": 1, "slice": 0}]
    assert [channel for channel, *_ in world.outcomes()] == ["task-success"]
    assert (only_status(world), world.dead_letter_queue.sent) == (Status.COMPLETED, [])


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist"])
def test_outcome_that_was_sent_before_a_kill_dead_letters_nothing(world: JobWorld, code: str) -> None:
    world.outbox = SpentTokens(code)

    assert world.receive() == []

    assert (only_status(world), world.dead_letter_queue.sent) == (Status.COMPLETED, [])


def test_outcome_that_step_functions_refuses_is_dead_lettered(world: JobWorld) -> None:
    world.outbox = SpentTokens("InvalidOutput")

    assert world.receive() == []

    assert (only_status(world), len(world.dead_letter_queue.sent)) == (Status.COMMITTED, 1)


def test_run_that_always_fails_is_dead_lettered_and_its_execution_gets_the_reason(world: JobWorld) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        assert world.receive(function=fail) == ["m-1"]
    assert world.outcomes() == []

    assert world.receive(function=fail) == []

    reason = "3 attempts failed, the last with ValueError"
    assert world.outcomes() == [("task-failure", TOKEN, reason)]
    (letter,) = world.topic.published[0]["dead_letters"]
    assert letter["reason"] == reason
    assert world.sent()[0].outbox_message.error == "JobFailed"


def test_run_that_can_never_succeed_is_dead_lettered_at_once(world: JobWorld) -> None:
    def refuse(_run: Run) -> None:
        msg = "the supplier has closed the account"
        raise PermanentError(msg)

    assert world.receive(function=refuse) == []

    assert world.outcomes() == [("task-failure", TOKEN, "the supplier has closed the account")]


def test_service_that_cannot_be_used_is_no_attempt(world: JobWorld) -> None:
    def wait(_run: Run) -> None:
        msg = "the supplier does not answer"
        raise UnavailableError(msg)

    for _ in range(MAX_ATTEMPTS + 1):
        assert world.receive(function=wait) == ["m-1"]

    assert world.outcomes() == []


def test_dead_letter_waits_until_the_execution_was_told(world: JobWorld) -> None:
    world.outbox.broken = True
    for _ in range(MAX_ATTEMPTS):
        assert world.receive(function=fail) == ["m-1"]
    assert (world.dead_letter_queue.sent, world.topic.published) == ([], [])

    world.outbox.broken = False
    assert world.receive() == []

    assert [channel for channel, *_ in world.outcomes()] == ["task-failure"]
    assert (world.seen, len(world.dead_letter_queue.sent), len(world.topic.published)) == ([], 1, 1)


@pytest.mark.parametrize("code", ["TaskTimedOut", "InvalidToken"])
def test_dead_letter_is_sent_though_nobody_waits_for_it(world: JobWorld, code: str) -> None:
    world.outbox = SpentTokens(code)

    for _ in range(MAX_ATTEMPTS):
        world.receive(function=fail)

    assert (len(world.dead_letter_queue.sent), len(world.topic.published)) == (1, 1)
    (item,) = world.store.items.values()
    assert item.told == ("m-1",)


def test_execution_is_told_again_when_the_worker_was_killed_before_the_dead_letter(world: JobWorld) -> None:
    def send_and_die(messages: object) -> None:
        raise Killed

    for _ in range(MAX_ATTEMPTS - 1):
        world.receive(function=fail)
    world.dead_letter_queue.send = send_and_die  # type: ignore[assignment]
    world.receive_and_die(fail)
    del world.dead_letter_queue.send

    assert world.receive() == []

    assert [channel for channel, *_ in world.outcomes()] == ["task-failure", "task-failure"]
    assert len(world.dead_letter_queue.sent) == 1


def test_slot_of_a_run_is_the_one_of_its_message(world: JobWorld) -> None:
    world.jobs.release(JOB, EXECUTION, 1)
    world.take(OTHER_EXECUTION, NEXT_SLOT)
    slots: list[str] = []

    world.receive(
        world.message(run=2, slot=NEXT_SLOT, execution=OTHER_EXECUTION),
        lambda run: slots.append(f"{run.slot:%H:%M} {run.number}"),
    )

    assert (slots, SLOT < NEXT_SLOT) == (["14:01 2"], True)
