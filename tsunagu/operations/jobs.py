"""Finds deployed scheduled jobs, and starts a run of one by hand."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tsunagu.contracts import schedules
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.flows import Kind, letters_of
from tsunagu.contracts.schedules import ScheduledJobEnvironment
from tsunagu.errors import OperationError
from tsunagu.operations.deployed_functions import DeployedFunction, read_functions
from tsunagu.operations.inventory import StackInventory, read_inventories
from tsunagu.operations.reader import Reader
from tsunagu.operations.scope import StackScope, find_named, stacks_in

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from tsunagu.operations.deployed_stacks import DeployedStack

_JOB = ScheduledJobEnvironment.variable_name("job")
_TABLE = ReceiverEnvironment.variable_name("idempotency_table_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedJob:
    """A deployed scheduled job.

    Attributes:
        name: Name of the job.
        state_machine_arn: Its state machine.
        table_name: Table with the item of the job; "" where the environment of its worker may not be read.
        stack_name: Its stack.
        path: Name that no other job of the stack has.
        function_name: Function of its worker; "" where it is not known.
        log_group: Log group of its worker; "" where it is not known.
    """

    name: str
    state_machine_arn: str
    table_name: str
    stack_name: str = ""
    path: str = ""
    function_name: str = ""
    log_group: str = ""

    def is_named(self, name: str) -> bool:
        """Whether it is meant by a name."""
        return letters_of(name) in {letters_of(self.name), letters_of(self.path)}


def find_jobs(reader: Reader, scope: StackScope) -> list[DeployedJob]:
    """Return the jobs of some stacks, sorted by name.

    Raises:
        NotFoundError: No stack is in the scope.
        AmbiguousNameError: The name of the stack is that of several.
    """
    client = reader.aws.cloudformation
    stacks = stacks_in(client, scope)
    inventories = read_inventories(client, stacks, only_with_flows=True)
    found = [job for inventory in inventories for job in jobs_of(reader, inventory)]
    known = {job.stack_name for job in found}
    # Stacks that an earlier release deployed have no metadata.
    found += [_job_of(stack) for stack in stacks if stack.name not in known and _has_job(stack)]
    return sorted(found, key=lambda job: (job.name, job.stack_name))


def jobs_of(
    reader: Reader, inventory: StackInventory, functions: Iterable[DeployedFunction] | None = None
) -> list[DeployedJob]:
    """Return the jobs of one stack.

    Args:
        reader: Reads from AWS.
        inventory: The stack.
        functions: Its functions. Default: they are read.
    """
    machines = inventory.of_kind(Kind.JOB)
    if not machines:
        return []
    known = read_functions(reader, inventory) if functions is None else functions
    workers = {each.environment[_JOB]: each for each in known if _JOB in each.environment}
    jobs = []
    for machine in machines:
        part = machine.part(Kind.JOB)
        if part is None:
            continue
        worker = workers.get(part.name)
        jobs.append(
            DeployedJob(
                name=part.name,
                state_machine_arn=machine.physical_id,
                table_name=worker.environment.get(_TABLE, "") if worker else "",
                stack_name=inventory.name,
                path=part.path,
                function_name=worker.name if worker else "",
                log_group=worker.log_group if worker else "",
            )
        )
    return jobs


def find_job(reader: Reader, scope: StackScope, name: str) -> DeployedJob:
    """Return one job; as `find_jobs`.

    Raises:
        NotFoundError: No such job is deployed; the message lists those that are.
        AmbiguousNameError: Several are; the message lists their stacks.
        OperationError: The environment of its worker may not be read.
    """
    job = find_named(find_jobs(reader, scope), name, what="job", scope=scope)
    if not job.table_name:
        actions = ", ".join(denial.action for denial in reader.denials()) or "another environment"
        msg = f"the environment of the worker of {job.name} must name its table, got no permission or none: {actions}"
        raise OperationError(msg)
    return job


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


def has_ended(reader: Reader, execution: str) -> bool:
    """Return whether an execution does not run any more. One that Step Functions has forgotten does not."""
    machines = reader.aws.stepfunctions
    try:
        status = reader.read(lambda: machines.describe_execution(executionArn=execution)["status"], "")
    except machines.exceptions.ExecutionDoesNotExist:
        return True
    return status not in {"RUNNING", "PENDING_REDRIVE", ""}


def _has_job(stack: "DeployedStack") -> bool:
    outputs = {schedules.JOB_NAME_OUTPUT, schedules.JOB_STATE_MACHINE_OUTPUT, schedules.JOB_TABLE_OUTPUT}
    return outputs <= stack.outputs.keys()


def _job_of(stack: "DeployedStack") -> DeployedJob:
    return DeployedJob(
        name=stack.output(schedules.JOB_NAME_OUTPUT),
        state_machine_arn=stack.output(schedules.JOB_STATE_MACHINE_OUTPUT),
        table_name=stack.output(schedules.JOB_TABLE_OUTPUT),
        stack_name=stack.name,
    )
