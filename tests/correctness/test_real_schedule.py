"""A scheduled job at the pace of its real schedule, and many executions at the same time, again and again."""

import pytest
from aws_cdk import Duration

from tests.e2e.job_desk import JobDesk, check_runs
from tests.e2e.job_stack import STACK_NAME, synthesize_job
from tsunagu.contracts import schedules
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.testing.patience import eventually

WORK_SECONDS = 100
TICKS = 6  # one a minute, the first at once
ROUNDS, AT_ONCE = 20, 50


@pytest.fixture(scope="module")
def job(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> JobDesk:
    """A job whose worker may take longer than two minutes."""
    assembly = synthesize_job(tmp_path_factory.mktemp("job") / "cdk.out", handler_timeout=Duration.seconds(150))
    return JobDesk(cloud=cloud, outputs=cloud.deploy(assembly)[STACK_NAME])


def test_of_fifty_executions_at_once_one_sends_a_message_twenty_times_over(job: JobDesk) -> None:
    job.plan()
    for _ in range(ROUNDS):
        with job.held():
            executions = job.start_at_once(AT_ONCE)
            eventually(lambda: sum(job.status(each) != "RUNNING" for each in executions) >= AT_ONCE - 1, seconds=120)  # noqa: B023 - looked at in the round
            assert job.messages() == 1
        assert [job.end(execution).is_run for execution in executions].count(True) == 1


def test_job_of_a_hundred_seconds_runs_at_every_other_tick_of_a_minute(job: JobDesk) -> None:
    machine = schedules.JOB_STATE_MACHINE_OUTPUT
    before = {each["executionArn"] for each in job.executions(machine)}
    job.plan(seconds=WORK_SECONDS)

    with job.scheduled():
        eventually(lambda: len(job.executions(machine)) - len(before) == TICKS, seconds=TICKS * 60 + 30)

    executions = [each["executionArn"] for each in job.executions(machine) if each["executionArn"] not in before]
    ended = sorted((job.end(each, seconds=180) for each in executions), key=lambda each: each.began)
    check_runs(job, ended)
    assert [each.is_run for each in ended] == [True, False] * (TICKS // 2)
    slots = [each.output["slot"] for each in ended if each.is_run]
    assert slots == sorted(set(slots))
