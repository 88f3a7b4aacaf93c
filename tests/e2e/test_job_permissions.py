"""Each role of a scheduled job needs each of its permissions; when it is back, the next tick runs."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from cdk_app.demo.inbox import Inbox
from tests.e2e.job_desk import JobDesk
from tests.e2e.job_stack import VISIBILITY_SECONDS
from tests.e2e.permissions import without_permission
from tsunagu.contracts import schedules
from tsunagu.testing.patience import eventually

pytestmark = pytest.mark.slow  # each permission costs seconds; the templates have all of them for every change

Without = Callable[..., AbstractContextManager[None]]

WORKER_ACTIONS = (
    ("states:SendTaskHeartbeat", "Machine"),
    ("states:SendTaskSuccess", "Machine"),
    ("dynamodb:GetItem", "IdempotencyTable"),
    ("dynamodb:ConditionCheckItem", "IdempotencyTable"),
    ("sqs:SendMessage", "ChannelQueue"),
)


@pytest.fixture(scope="module")
def without(job: JobDesk) -> Without:
    """Return a block in which a role lacks an action on the resources with this part in their ARN."""

    def take_away(role_arn: str, action: str, resource_part: str) -> AbstractContextManager[None]:
        return without_permission(job.cloud.client("iam"), role_arn.rsplit("/", 1)[-1], action, resource_part)

    return take_away


@pytest.fixture(autouse=True)
def runs_again(job: JobDesk) -> Iterator[None]:
    """Begin each test with a free lease; end it with a run that succeeds."""
    job.plan()
    yield
    eventually(lambda: job.messages() == 0, seconds=90)
    job.wait_until_free()
    assert job.run().is_run


def role_of(job: JobDesk, machine: str) -> str:
    found = job.states.describe_state_machine(stateMachineArn=job.outputs[machine])
    return str(found["roleArn"])


def test_machine_takes_no_lease_without_updates_of_the_item(job: JobDesk, without: Without) -> None:
    before = job.run()

    with without(role_of(job, schedules.JOB_STATE_MACHINE_OUTPUT), "dynamodb:UpdateItem", "IdempotencyTable"):
        failed = job.end(job.start())

    assert failed.error[0] == "DynamoDB.AmazonDynamoDBException"
    assert job.lease()[schedules.RUN] == before.output["run"]


def test_tick_that_may_not_look_who_holds_the_lease_fails(job: JobDesk, without: Without) -> None:
    slot = job.slot()
    job.end(job.start(slot))

    with without(role_of(job, schedules.JOB_STATE_MACHINE_OUTPUT), "dynamodb:GetItem", "IdempotencyTable"):
        failed = job.end(job.start(slot))

    assert failed.error[0] == "DynamoDB.AmazonDynamoDBException"


def test_machine_that_may_not_send_releases_the_lease_and_fails(job: JobDesk, without: Without) -> None:
    with without(role_of(job, schedules.JOB_STATE_MACHINE_OUTPUT), "sqs:SendMessage", "ChannelQueue"):
        failed = job.end(job.start())

    assert failed.error[0] == "SQS.AmazonSQSException"
    assert job.lease()[schedules.OWNER] == schedules.FREE
    assert job.messages() == 0


def test_machine_that_may_not_notify_fails_with_the_reason_of_the_run(job: JobDesk, without: Without) -> None:
    inbox = Inbox.subscribe(job.cloud, job.outputs["TopicArn"], "untold")

    with without(role_of(job, schedules.JOB_STATE_MACHINE_OUTPUT), "sns:Publish", "Topic"):
        failed = job.run(fail=1)

    assert failed.error == ("JobFailed", "it always fails")
    assert [each for each in inbox.read() if "job" in each] == []
    job.take("DeadLetterQueueUrl")
    job.plan()


def test_release_machine_releases_nothing_without_updates_of_the_item(job: JobDesk, without: Without) -> None:
    with without(role_of(job, "ReleaseMachineArn"), "dynamodb:UpdateItem", "IdempotencyTable"), job.held():
        execution = job.start()
        eventually(lambda: job.messages() == 1)
        known = {each["executionArn"] for each in job.executions("ReleaseMachineArn")}
        job.stop(execution)
        [release] = eventually(lambda: {each["executionArn"] for each in job.executions("ReleaseMachineArn")} - known)
        failed = job.end(release, seconds=90)

    assert failed.error[0] == "DynamoDB.AmazonDynamoDBException"
    assert job.lease()[schedules.OWNER] == execution
    job.put_lease(owner=schedules.FREE)


def test_rule_without_a_permission_dead_letters_the_end_of_the_execution(job: JobDesk, without: Without) -> None:
    targets = job.cloud.client("events").list_targets_by_rule(Rule=job.outputs["RuleName"])["Targets"]

    with without(targets[0]["RoleArn"], "states:StartExecution", "ReleaseMachine"), job.held():
        execution = job.start()
        eventually(lambda: job.messages() == 1)
        job.stop(execution)
        [letter] = eventually(lambda: job.take("UndeliveredQueueUrl"))

    assert json.loads(letter["Body"]) == {"execution": execution}
    assert job.lease()[schedules.OWNER] == execution
    job.put_lease(owner=schedules.FREE)


def test_schedule_without_a_permission_dead_letters_the_tick(job: JobDesk, without: Without) -> None:
    target = job.cloud.client("scheduler").get_schedule(Name=job.outputs["ScheduleName"])["Target"]
    known = len(job.executions(schedules.JOB_STATE_MACHINE_OUTPUT))

    with without(target["RoleArn"], "states:StartExecution", "Machine"), job.scheduled():
        [letter] = eventually(lambda: job.take("UndeliveredQueueUrl"), seconds=90)

    assert schedules.SLOT_PATTERN.fullmatch(json.loads(letter["Body"])["slot"])
    assert len(job.executions(schedules.JOB_STATE_MACHINE_OUTPUT)) == known


@pytest.mark.parametrize(("action", "resource_part"), WORKER_ACTIONS)
def test_worker_does_not_end_a_run_without(job: JobDesk, without: Without, action: str, resource_part: str) -> None:
    function = job.cloud.client("lambda").get_function_configuration(FunctionName=job.outputs["FunctionName"])
    queue = {"QueueUrl": job.outputs["QueueUrl"], "Attributes": {"VisibilityTimeout": str(VISIBILITY_SECONDS)}}
    job.cloud.client("sqs").set_queue_attributes(**queue)  # what was deferred comes back within seconds
    job.plan(slices=2)
    known = denied_lines(job, action)

    with without(function["Role"], action, resource_part):
        execution = job.start()
        eventually(lambda: denied_lines(job, action) > known, seconds=60)
        assert job.status(execution) == "RUNNING"

    ended = job.end(execution, seconds=90)
    assert ended.is_run
    assert job.committed(ended.output["run"])["effects"] == 1


def test_worker_that_may_not_tell_a_failure_keeps_the_message(job: JobDesk, without: Without) -> None:
    function = job.cloud.client("lambda").get_function_configuration(FunctionName=job.outputs["FunctionName"])
    job.plan(fail=1)
    known = denied_lines(job, "states:SendTaskFailure")

    with without(function["Role"], "states:SendTaskFailure", "Machine"):
        execution = job.start()
        eventually(lambda: denied_lines(job, "states:SendTaskFailure") > known, seconds=60)
        assert job.status(execution) == "RUNNING"

    assert job.end(execution, seconds=90).error == ("JobFailed", "it always fails")
    job.take("DeadLetterQueueUrl")
    job.plan()


def denied_lines(job: JobDesk, action: str) -> int:
    """Return the number of lines in which the worker says that it may not do this."""
    lines = (line for line in job.worker_lines() if str(line.get("error_code", "")).startswith("AccessDenied"))
    return sum(line.get("operation") == action for line in lines)
