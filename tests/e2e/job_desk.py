"""The deployed job as tests see it: start ticks, plan what runs do, and look at what they did."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, pairwise
from typing import Any
from uuid import uuid4

from cdk_app.demo.logs import log_lines
from tsunagu.contracts import schedules
from tsunagu.contracts.items import ID
from tsunagu.contracts.schedules import job_item_id
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.testing.patience import eventually

RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an execution ended.

    Attributes:
        execution: Its ARN.
        status: `SUCCEEDED`, `FAILED`, `ABORTED` or `TIMED_OUT`.
        output: Output of one that succeeded.
        error: Error and cause of one that failed.
        began: When it was started.
        ended: When it ended.
    """

    execution: str
    status: str
    output: Mapping[str, Any]
    error: tuple[str, str]
    began: datetime
    ended: datetime

    @property
    def is_run(self) -> bool:
        """Whether it ran the job to its end."""
        return "outcome" in self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDesk:
    """A deployed job."""

    cloud: EmbeddedCloud
    outputs: Mapping[str, str]
    first_slot: int = field(default_factory=lambda: int(time.time()) - 3_600)
    _slots: Iterator[int] = field(default_factory=count)

    @property
    def states(self) -> Any:
        return self.cloud.client("stepfunctions")

    def slot(self) -> str:
        """Return a slot behind all others of this desk, in the past."""
        return time.strftime(schedules.SLOT_FORMAT, time.gmtime(self.first_slot + next(self._slots)))

    def start(self, slot: str | None = None, **request: str) -> str:
        """Start an execution, as a tick does; return its ARN."""
        given = json.dumps({schedules.SLOT_INPUT: slot or self.slot()})
        answer = self.states.start_execution(
            stateMachineArn=self.outputs[schedules.JOB_STATE_MACHINE_OUTPUT], input=given, **request
        )
        return str(answer["executionArn"])

    def start_at_once(self, number: int) -> list[str]:
        """Start so many executions at the same time, each for a slot of its own."""
        with ThreadPoolExecutor(max_workers=number) as pool:
            return [*pool.map(self.start, [self.slot() for _ in range(number)])]

    def status(self, execution: str) -> str:
        return str(self.states.describe_execution(executionArn=execution)["status"])

    def end(self, execution: str, *, seconds: float = 60) -> Ended:
        """Wait for the end of an execution."""
        eventually(lambda: self.status(execution) != RUNNING, seconds=seconds)
        found = self.states.describe_execution(executionArn=execution)
        return Ended(
            execution=execution,
            status=found["status"],
            output=json.loads(found.get("output") or "{}") if found["status"] == "SUCCEEDED" else {},
            error=(found.get("error", ""), found.get("cause", "")),
            began=found["startDate"],
            ended=found["stopDate"],
        )

    def run(self, **plan: float) -> Ended:
        """Plan a run, start it, and wait for its end."""
        self.plan(**plan)
        return self.end(self.start())

    def stop(self, execution: str) -> None:
        self.states.stop_execution(executionArn=execution, error="Operator", cause="not needed")

    def plan(self, **plan: float) -> None:
        """Say what the next attempts do: `seconds` each slice works, number of `slices`, `fail`."""
        item = {ID: {"S": "plan"}} | {name: {"N": str(value)} for name, value in plan.items()}
        self.cloud.client("dynamodb").put_item(TableName=self.outputs["RunsTableName"], Item=item)

    def lease(self) -> dict[str, Any]:
        """Return the item of the job: strings and numbers by name."""
        key = {ID: {"S": job_item_id(self.outputs[schedules.JOB_NAME_OUTPUT])}}
        table_name = self.outputs[schedules.JOB_TABLE_OUTPUT]
        item = self.cloud.client("dynamodb").get_item(TableName=table_name, Key=key, ConsistentRead=True)["Item"]
        return {name: int(value["N"]) if "N" in value else value["S"] for name, value in item.items()}

    def put_lease(self, **changes: str | int) -> None:
        """Write the item of the job anew, with these changes."""
        item = {**self.lease(), **changes}
        written = {key: {"N" if isinstance(value, int) else "S": str(value)} for key, value in item.items()}
        table_name = self.outputs[schedules.JOB_TABLE_OUTPUT]
        self.cloud.client("dynamodb").put_item(TableName=table_name, Item=written)

    def wait_until_free(self) -> None:
        eventually(lambda: self.lease()[schedules.OWNER] == schedules.FREE)

    def begun(self, run: int) -> dict[str, int]:
        """Return when a run began, in milliseconds, and its number of attempts, of all slices."""
        return self._of_run(f"begun-{run}", "begun", "attempts")

    def committed(self, run: int) -> dict[str, int]:
        """Return when a run was committed, in milliseconds, and how often; empty when it was not."""
        return self._of_run(f"run-{run}", "committed", "effects")

    def _of_run(self, key: str, *names: str) -> dict[str, int]:
        table_name = self.outputs["RunsTableName"]
        answer = self.cloud.client("dynamodb").get_item(TableName=table_name, Key={ID: {"S": key}}, ConsistentRead=True)
        return {name: int(answer["Item"][name]["N"]) for name in names} if "Item" in answer else {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no message reach the worker until the end of the block."""
        functions, mapping = self.cloud.client("lambda"), self.outputs["MappingId"]
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=mapping, Enabled=True)

    def messages(self, output: str = "QueueUrl") -> int:
        """Return the number of messages of a queue, hidden ones too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.cloud.client("sqs").get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=names)
        return sum(int(value) for value in answer["Attributes"].values())

    def take(self, output: str) -> list[dict[str, Any]]:
        """Take messages out of a queue."""
        sqs, url = self.cloud.client("sqs"), self.outputs[output]
        request = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        messages: list[dict[str, Any]] = sqs.receive_message(**request).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def worker_lines(self) -> list[dict[str, Any]]:
        """Return the lines that the worker has logged."""
        return [json.loads(text) for text in log_lines(self.cloud, self.outputs["FunctionName"]) if text[:1] == "{"]

    def is_raised(self, output: str) -> bool:
        """Return whether an alarm is raised."""
        names = [self.outputs[output]]
        [found] = self.cloud.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
        return bool(found["StateValue"] == "ALARM")

    def executions(self, machine: str) -> Sequence[Mapping[str, Any]]:
        """Return the executions of a machine, the latest first."""
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.outputs[machine])
        return [execution for page in pages for execution in page["executions"]]

    @contextmanager
    def scheduled(self) -> Iterator[None]:
        """Let a schedule like that of the job start executions until the end of the block; it begins at once."""
        client = self.cloud.client("scheduler")
        found = client.get_schedule(Name=self.outputs["ScheduleName"])
        kept = {key: found[key] for key in ("ScheduleExpression", "FlexibleTimeWindow", "Target")}
        name = f"copy-{uuid4().hex[:8]}"
        client.create_schedule(Name=name, State="ENABLED", **kept)
        try:
            yield
        finally:
            client.delete_schedule(Name=name)


def check_runs(job: JobDesk, ended: Sequence[Ended]) -> None:
    """Check that runs did not overlap, and that a tick was skipped only while one was under way."""
    runs = [each for each in ended if each.is_run]
    numbers = [each.output["run"] for each in runs]
    assert numbers == sorted(set(numbers))
    works = [(job.begun(number)["begun"], job.committed(number)["committed"]) for number in numbers]
    assert all(before[1] <= after[0] for before, after in pairwise(works))
    for skipped in (each for each in ended if not each.is_run):
        [holder] = [run for run in runs if run.execution == skipped.output["held_by"]]
        assert holder.began <= skipped.ended
        assert skipped.began <= holder.ended
