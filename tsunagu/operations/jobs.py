"""Finds deployed scheduled jobs by the outputs of their stacks, and starts a run of one by hand."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tsunagu.contracts import schedules
from tsunagu.errors import NotFoundError
from tsunagu.operations.deployed_stacks import DeployedStack, find_stack, find_stacks, stack_name_prefix

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedJob:
    """A deployed scheduled job.

    Attributes:
        name: Name of the job.
        state_machine_arn: Its state machine.
        table_name: Table with the item of the job.
    """

    name: str
    state_machine_arn: str
    table_name: str


def find_jobs(client: "CloudFormationClient", *, stage: str, stack_name: str | None = None) -> list[DeployedJob]:
    """Return the jobs of the stacks of a stage, sorted by name.

    Args:
        client: CloudFormation client.
        stage: Stage whose stacks `tsunagu-<stage>-…` are searched.
        stack_name: Whole name of the one stack that is searched, in place of those of the stage.

    Raises:
        NotFoundError: No stack of this name is deployed.
    """
    stacks = find_stacks(client, stage) if stack_name is None else [find_stack(client, stack_name)]
    jobs = [_job_of(stack) for stack in stacks if schedules.JOB_NAME_OUTPUT in stack.outputs]
    return sorted(jobs, key=lambda job: job.name)


def find_job(client: "CloudFormationClient", name: str, *, stage: str, stack_name: str | None = None) -> DeployedJob:
    """Return one job; as `find_jobs`.

    Raises:
        NotFoundError: No such job is deployed; the message lists those that are.
    """
    jobs = {job.name: job for job in find_jobs(client, stage=stage, stack_name=stack_name)}
    if name in jobs:
        return jobs[name]
    where = stack_name or f"{stack_name_prefix(stage)}*"
    msg = f"the stacks {where} must have the job {name}, got {', '.join(jobs) or 'none'}"
    raise NotFoundError(msg)


def start_run(client: "SFNClient", job: DeployedJob, *, at: datetime | None = None) -> str:
    """Start an execution of a job, as its schedule does: it is skipped if a run is queued or working.

    The slot of the run is the second of the start. A tick of the schedule for an earlier time is then skipped.

    Args:
        client: Step Functions client.
        job: The job.
        at: Time of the start. Default: now.

    Returns:
        ARN of the execution, which says how it ends.
    """
    slot = (at or datetime.now(UTC)).astimezone(UTC).strftime(schedules.SLOT_FORMAT)
    started = client.start_execution(
        stateMachineArn=job.state_machine_arn, input=json.dumps({schedules.SLOT_INPUT: slot})
    )
    return started["executionArn"]


def _job_of(stack: DeployedStack) -> DeployedJob:
    return DeployedJob(
        name=stack.output(schedules.JOB_NAME_OUTPUT),
        state_machine_arn=stack.output(schedules.JOB_STATE_MACHINE_OUTPUT),
        table_name=stack.output(schedules.JOB_TABLE_OUTPUT),
    )
