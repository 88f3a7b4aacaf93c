"""A scheduled job on the embedded cloud, with IAM enforced: one run at a time, and never stuck."""

import json
import os
import signal
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from cdk_app.demo.inbox import Inbox
from tests.e2e.job_desk import JobDesk, check_runs
from tests.e2e.job_stack import JOB
from tsunagu.contracts import schedules
from tsunagu.testing.patience import eventually

ROUNDS = 4  # `tests/correctness` has more
AT_ONCE = 50


@pytest.fixture(autouse=True)
def nothing_left(job: JobDesk) -> Iterator[None]:
    """Begin each test with a free lease and an empty queue."""
    job.plan()
    yield
    eventually(lambda: job.messages() == 0, seconds=60)


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_fifty_executions_at_once_one_sends_a_message_and_the_others_say_who_holds_the_lease(
    job: JobDesk, _round: int
) -> None:
    with job.held():
        executions = job.start_at_once(AT_ONCE)
        eventually(lambda: sum(job.status(each) != "RUNNING" for each in executions) == AT_ONCE - 1, seconds=60)
        messages = job.messages()

    ended = [job.end(execution) for execution in executions]
    [run] = [each for each in ended if each.is_run]
    assert messages == 1
    skipped = [each for each in ended if each is not run]
    assert {each.status for each in ended} == {"SUCCEEDED"}
    assert {each.output["held_by"] for each in skipped} == {run.execution}
    assert {each.output["run"] for each in skipped} == {run.output["run"]}
    assert job.committed(run.output["run"])["effects"] == 1


def test_slot_is_started_once(job: JobDesk) -> None:
    slot = job.slot()

    ended = [job.end(job.start(slot)) for _ in range(5)]

    assert [each.is_run for each in ended] == [True, False, False, False, False]
    assert {each.output["held_by"] for each in ended[1:]} == {schedules.FREE}
    assert {each.output["slot"] for each in ended} == {slot}


def test_ticks_while_a_run_works_are_skipped_and_the_first_tick_after_it_runs(job: JobDesk) -> None:
    job.plan(seconds=1.5)
    executions = []
    for _ in range(14):
        executions.append(job.start())
        time.sleep(0.4)  # the pace of the ticks, which is what the test is about

    ended = [job.end(execution) for execution in executions]

    check_runs(job, ended)
    assert len([each for each in ended if each.is_run]) >= 2
    assert len([each for each in ended if not each.is_run]) >= 4


def test_run_of_slices_goes_on_from_its_checkpoint(job: JobDesk) -> None:
    ended = job.run(slices=3)

    assert ended.output["outcome"] == {"slices": 3}
    assert job.begun(ended.output["run"])["attempts"] == 3
    assert job.committed(ended.output["run"])["effects"] == 1


def test_run_succeeds_when_its_worker_is_killed_three_times(job: JobDesk) -> None:
    job.plan(seconds=30)
    execution = job.start()
    run = eventually(lambda: job.lease()[schedules.OWNER] == execution and job.lease()[schedules.RUN])
    for number in range(1, 4):
        eventually(lambda number=number: job.begun(run).get("attempts", 0) == number)  # type: ignore[misc]
        if number == 3:
            job.plan(seconds=0.1)
        for process in job.cloud.handler_processes(job.outputs["FunctionName"], busy=True):
            os.kill(process, signal.SIGKILL)

    ended = job.end(execution, seconds=120)

    assert (ended.status, ended.output["run"]) == ("SUCCEEDED", run)
    assert job.begun(run)["attempts"] == 4
    assert job.committed(run)["effects"] == 1


def test_job_that_fails_is_dead_lettered_with_the_reason_and_the_next_tick_tries_again(job: JobDesk) -> None:
    inbox = Inbox.subscribe(job.cloud, job.outputs["TopicArn"], "told")

    failed = job.run(fail=1)

    assert (failed.status, failed.error) == ("FAILED", ("JobFailed", "it always fails"))
    [letter] = eventually(lambda: job.take("DeadLetterQueueUrl"))
    assert json.loads(letter["Body"])["execution"] == failed.execution
    assert letter["MessageAttributes"]["tsunagu_dead_letter_reason"]["StringValue"] == "it always fails"
    told = [each for each in inbox.read() if each.get("job") == JOB]
    assert [(each["error"], each["cause"], each["execution"]) for each in told] == [(*failed.error, failed.execution)]
    eventually(lambda: job.is_raised("RunFailedAlarmName"))
    assert job.lease()[schedules.OWNER] == schedules.FREE
    assert job.run().is_run


def test_aborted_execution_gives_the_lease_back_and_its_worker_commits_nothing(job: JobDesk) -> None:
    job.plan(seconds=5)
    execution = job.start()
    run = eventually(lambda: job.lease()[schedules.OWNER] == execution and job.lease()[schedules.RUN])
    eventually(lambda: job.begun(run))

    job.stop(execution)

    job.wait_until_free()
    eventually(lambda: job.is_raised("RunAbortedAlarmName"))
    following = job.run()
    assert following.output["run"] == run + 1
    assert job.committed(run) == {}


def test_lease_that_nobody_releases_ends_by_itself(job: JobDesk) -> None:
    job.run()
    now_ms = time.time_ns() // 1_000_000
    job.put_lease(owner="somebody", lease=now_ms + 60_000)
    refused = job.end(job.start())
    job.put_lease(lease=now_ms - 1)

    taken = job.end(job.start())

    assert (refused.output["held_by"], taken.is_run) == ("somebody", True)
    assert taken.output["run"] == refused.output["run"] + 1


def test_second_try_of_the_same_execution_goes_on_under_its_run_number(job: JobDesk) -> None:
    """The answer to the first try was lost, so the second one meets the lease of its own execution."""
    before = job.run()
    name, slot = uuid4().hex, job.slot()
    machine = job.outputs[schedules.JOB_STATE_MACHINE_OUTPUT].replace(":stateMachine:", ":execution:")
    run = before.output["run"] + 1
    job.put_lease(owner=f"{machine}:{name}", run=run, slot=slot, lease=time.time_ns() // 1_000_000 + 60_000)

    ended = job.end(job.start(slot, name=name))

    assert (ended.is_run, ended.output["run"], job.lease()[schedules.RUN]) == (True, run, run)


@pytest.mark.parametrize("slot", ["2999-01-01T00:00:00Z", "today"])
def test_slot_that_would_stop_all_ticks_is_refused(job: JobDesk, slot: str) -> None:
    refused = job.end(job.start(slot))

    assert (refused.status, refused.error[0]) == ("FAILED", "States.QueryEvaluationError")
    assert job.run().is_run


def test_schedule_starts_a_run_for_the_scheduled_time(job: JobDesk) -> None:
    before = {each["executionArn"] for each in job.executions(schedules.JOB_STATE_MACHINE_OUTPUT)}
    slot_before = job.lease()[schedules.SLOT]

    with job.scheduled():
        [execution] = eventually(
            lambda: {each["executionArn"] for each in job.executions(schedules.JOB_STATE_MACHINE_OUTPUT)} - before
        )

    ended = job.end(execution)
    assert ended.is_run
    assert schedules.SLOT_PATTERN.fullmatch(ended.output["slot"])
    job.put_lease(slot=slot_before)  # the other tests have slots in the past
