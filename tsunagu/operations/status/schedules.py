"""The schedules of a stack, and its scheduled jobs: who holds their leases, and how their last execution is."""

from collections.abc import Mapping, Sequence
from typing import Any

from tsunagu.errors import OperationError
from tsunagu.operations.dead_letter_origins import RULE, SCHEDULE, schedule_of
from tsunagu.operations.inventory import StackInventory, StackResource
from tsunagu.operations.jobs import DeployedJob, has_ended
from tsunagu.operations.leases import lease_of
from tsunagu.operations.reader import Reader
from tsunagu.operations.status.model import JobStatus, ScheduleStatus

DISABLED = "DISABLED"


def read_schedules(reader: Reader, inventory: StackInventory) -> list[ScheduleStatus]:
    """Return the schedules of a stack, and its rules with a schedule."""
    schedules = [each for each in inventory.of_type(SCHEDULE) if each.physical_id]
    rules = [each for each in inventory.of_type(RULE) if each.physical_id and "ScheduleExpression" in each.properties]
    return [
        *reader.map(lambda resource: _status(resource, schedule_of(reader, resource)), schedules),
        *reader.map(lambda resource: _status(resource, _rule(reader, resource)), rules),
    ]


def read_jobs(reader: Reader, jobs: Sequence[DeployedJob]) -> list[JobStatus]:
    """Return how the jobs of a stack are."""
    return reader.map(lambda job: _job(reader, job), jobs)


def _status(resource: StackResource, found: Mapping[str, Any]) -> ScheduleStatus:
    state = found.get("State")
    declared = resource.properties.get("State", "ENABLED")
    return ScheduleStatus(
        name=resource.own_name,
        state=state,
        expression=found.get("ScheduleExpression", ""),
        is_stopped=state == DISABLED and declared != DISABLED and isinstance(declared, str),
    )


def _rule(reader: Reader, resource: StackResource) -> Mapping[str, Any]:
    nothing: Mapping[str, Any] = {}
    return reader.read(lambda: reader.aws.client("events").describe_rule(Name=resource.physical_id), nothing)


def _job(reader: Reader, job: DeployedJob) -> JobStatus:
    machine, machines = job.state_machine_arn, reader.aws.stepfunctions
    executions = reader.read(lambda: machines.list_executions(stateMachineArn=machine, maxResults=1)["executions"], [])
    last = executions[0] if executions else None
    try:
        lease = reader.read(lambda: lease_of(reader.aws.dynamodb, job), None) if job.table_name else None
    except OperationError:  # an item of another release
        lease = None
    return JobStatus(
        name=job.name,
        lease=lease,
        last_execution=last["executionArn"] if last else "",
        last_state=last["status"] if last else "",
        is_left_behind=bool(lease and lease.owner) and has_ended(reader, lease.owner if lease else ""),
    )
