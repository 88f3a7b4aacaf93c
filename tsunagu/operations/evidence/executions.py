"""Says what an execution of a state machine, or a scheduled job, means."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from tsunagu.operations.evidence.model import Advice, Finding, Moment
from tsunagu.operations.evidence.places import StackPlaces
from tsunagu.operations.inventory import StackResource
from tsunagu.operations.jobs import DeployedJob
from tsunagu.operations.leases import lease_of
from tsunagu.operations.reader import Reader
from tsunagu.operations.times import utc_text
from tsunagu.runtime.single_flight.job_lease import JobLease

EVENTS_SHOWN = 60
_FORGOTTEN = ("ExecutionDoesNotExist", "InvalidArn")
_BAD = ("FAILED", "TIMED_OUT", "ABORTED")
# Events between the beginning of a state and the next one, which say nothing to an operator.
_DETAILS = ("Scheduled", "Submitted", "Succeeded", "Exited", "TaskStarted")
_ERRORS = ("executionFailedEventDetails", "taskFailedEventDetails", "executionTimedOutEventDetails")


def executions_named(reader: Reader, places: StackPlaces, name: str) -> list[Finding]:
    """Return what the executions with an ARN or a name mean, of the state machines of a stack."""
    machines = [each for each in places.inventory.resources if each.physical_id in places.state_machines]
    return [
        finding
        for machine in machines
        for finding in _finding(reader, places, machine, _execution_arn(machine.physical_id, name))
    ]


def finding_of_job(reader: Reader, places: StackPlaces, job: DeployedJob) -> list[Finding]:
    """Return what a job means: its lease, and its newest execution."""
    lease = reader.read(lambda: lease_of(reader.aws.dynamodb, job), None) if job.table_name else None
    machines = reader.aws.stepfunctions
    newest = reader.read(
        lambda: machines.list_executions(stateMachineArn=job.state_machine_arn, maxResults=1)["executions"], []
    )
    resource = places.inventory.with_physical_id(job.state_machine_arn)
    last = [*_finding(reader, places, resource, newest[0]["executionArn"])] if newest and resource else []
    state = newest[0]["status"] if newest else ""
    return [_of_job(places, job, lease, state), *last]


def _of_job(places: StackPlaces, job: DeployedJob, lease: JobLease | None, state: str) -> Finding:
    place, name = f"--stack {shlex.quote(places.inventory.name)}", shlex.quote(job.name)
    now = f"its last execution is {state}" if state else "it never ran"
    moments, advice = [], [Advice(what="start a run by hand", command=f"tsunagu run {name} {place}")]
    if lease is not None:
        what = f"run {lease.run} for {lease.slot} took the lease"
        moments.append(Moment(time_ms=lease.since, where=job.name, what=what))
    if lease is not None and lease.owner:
        now += f"; the lease is held for run {lease.run}, until {utc_text(lease.lease)} at most"
        advice.append(Advice(what="release the lease", command=f"tsunagu lease release {name} {place}"))
    return Finding(
        what=f"job {job.name}",
        stack_name=places.inventory.name,
        now=now,
        ended=state not in _BAD,
        moments=moments,
        advice=advice,
        details={"state_machine": job.state_machine_arn, "lease": None if lease is None else asdict(lease)},
    )


def _execution_arn(machine_arn: str, name: str) -> str:
    """Return the ARN of an execution of a state machine; the name may be an ARN already."""
    return name if name.startswith("arn:") else f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def _finding(reader: Reader, places: StackPlaces, machine: StackResource, arn: str) -> Iterator[Finding]:
    if not arn.startswith(f"{machine.physical_id.replace(':stateMachine:', ':execution:')}:"):
        return
    found = _described(reader, arn)
    if not found:
        return
    events = _history(reader, arn)
    label = machine.parts[0].name if machine.parts else machine.own_name
    error = ": ".join(str(found[name]) for name in ("error", "cause") if found.get(name))
    stop = Advice(what="stop it", command=f"aws stepfunctions stop-execution --execution-arn {arn}")
    yield Finding(
        what=f"execution of {label}",
        stack_name=places.inventory.name,
        now=_now(found),
        reason=error or _last_error(events),
        ended=found["status"] not in (*_BAD, "RUNNING"),
        moments=[*_moments(label, events)],
        advice=[stop] if found["status"] == "RUNNING" else [],
        details={"execution": arn, "input": found.get("input"), "output": found.get("output")},
    )


def _now(found: Mapping[str, Any]) -> str:
    ended = found.get("stopDate")
    return f"{found['status']}{'' if ended is None else f' since {utc_text(_milliseconds(ended))}'}"


def _described(reader: Reader, arn: str) -> Mapping[str, Any]:
    nothing: Mapping[str, Any] = {}
    try:
        return reader.read(lambda: reader.aws.stepfunctions.describe_execution(executionArn=arn), nothing)
    except ClientError as error:
        if error.response["Error"]["Code"] in _FORGOTTEN:
            return nothing
        raise


def _history(reader: Reader, arn: str) -> Sequence[Mapping[str, Any]]:
    """Return the newest events of an execution, oldest first."""
    newest = reader.read(
        lambda: reader.aws.stepfunctions.get_execution_history(
            executionArn=arn, reverseOrder=True, maxResults=EVENTS_SHOWN, includeExecutionData=False
        )["events"],
        [],
    )
    return newest[::-1]


def _moments(label: str, events: Sequence[Mapping[str, Any]]) -> Iterator[Moment]:
    for event in events:
        if event["type"].endswith(_DETAILS):
            continue
        name = event.get("stateEnteredEventDetails", event.get("stateExitedEventDetails", {})).get("name", "")
        details: Mapping[str, Any] = next((event[each] for each in _ERRORS if each in event), {})
        error = f": {details.get('error', '')}" if details else ""
        yield Moment(
            time_ms=_milliseconds(event["timestamp"]),
            where=label,
            what=f"{event['type']}{f' {name}' if name else ''}{error}",
        )


def _last_error(events: Sequence[Mapping[str, Any]]) -> str:
    for event in reversed(events):
        for name in _ERRORS:
            if name in event:
                details = event[name]
                return ": ".join(filter(None, (details.get("error", ""), details.get("cause", ""))))
    return ""


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)
