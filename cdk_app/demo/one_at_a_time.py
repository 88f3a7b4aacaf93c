"""The flow `one-at-a-time`: a job that takes longer than the time between two ticks, with a worker that is killed."""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import FlowReport, Outputs, Progress, outputs_of
from cdk_app.demo.logs import count_deferrals
from cdk_app.demo.slow_supplier import SlowSupplier
from lambdas.contracts.suppliers import SuppliersEnvironment
from tsunagu.contracts import schedules
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.jobs import DeployedJob, start_run
from tsunagu.operations.queues import count_messages

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient

STACK_NAME = "tsunagu-embedded-supplier-sync"
EXAMPLE = "{tsunagu} run supplier-sync --stage embedded --yes"
SUCCEEDED, RUNNING = "SUCCEEDED", "RUNNING"
LEASE_SECONDS = 5  # of the demonstration: a killed worker is replaced sooner
PATIENCE_SECONDS = 120
LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """An execution that has ended.

    Attributes:
        status: How it ended.
        output: Its output; empty when it did not succeed.
        began: When it was started, in seconds since the epoch.
        ended: When it ended.
        execution: Its ARN.
    """

    status: str
    output: Mapping[str, Any]
    began: float
    ended: float
    execution: str

    @property
    def is_run(self) -> bool:
        """Whether it ran the job."""
        return self.status != SUCCEEDED or "outcome" in self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class OneAtATime:
    """Starts ticks at a pace that a run does not keep up with, kills its worker, and looks who ran when.

    Attributes:
        runs: Runs that are to succeed.
        tick_seconds: Pause between two ticks; each stands for a minute of the schedule.
        pages: Pages of the price list. It takes more than one slice.
        page_seconds: How long the supplier takes for a page.
    """

    runs: int = 3
    tick_seconds: float = 0.5
    pages: int = 5
    page_seconds: float = 0.3
    name: str = "one-at-a-time"
    examples: Sequence[str] = (EXAMPLE,)

    def run(self, cloud: EmbeddedCloud, outputs: Outputs, progress: Progress) -> FlowReport:
        """Drive the flow; see `Flow`."""
        started = time.monotonic()
        stack = outputs_of(outputs, STACK_NAME)
        supplier = SlowSupplier(pages=self.pages, page_seconds=self.page_seconds)
        with supplier.serve() as url, _worker_of(cloud, stack["FunctionName"], url):
            ticks, killed = self._drive(cloud, stack, supplier, progress)
        progress("comparing the price list with that of the supplier")
        problems = [
            *find_problems(ticks, supplier),
            *find_wrong_prices(cloud.client("dynamodb"), stack["PricesTableName"], ticks, supplier.articles),
        ]
        if not killed:
            problems.append("a worker must be killed while it works, got none that had work")
        return FlowReport(
            sent=len(ticks),
            effects=sum(tick.is_run and tick.status == SUCCEEDED for tick in ticks),
            duplicates=sum(not tick.is_run for tick in ticks),
            dead_lettered=count_messages(cloud.client("sqs"), stack["DeadLetterQueueUrl"]),
            lost=sum(tick.status != SUCCEEDED for tick in ticks),
            doubled=doubles(ticks),
            killed=killed,
            deferred=count_deferrals(cloud, stack["FunctionName"]),
            seconds=round(time.monotonic() - started, 1),
            problems=problems,
        )

    def _drive(
        self, cloud: EmbeddedCloud, stack: Mapping[str, str], supplier: SlowSupplier, progress: Progress
    ) -> tuple[list[Tick], int]:
        """Start ticks until enough runs have ended; return all ticks, and the number of workers killed."""
        states, killed = cloud.client("stepfunctions"), 0
        executions: list[str] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        first = datetime.now(UTC) - timedelta(days=1)
        while sum(_is_ended_run(states, execution) for execution in executions) < self.runs:
            if time.monotonic() > deadline:
                msg = f"{self.runs} runs must end within {PATIENCE_SECONDS} seconds, got fewer"
                raise DemoError(msg)
            progress(f"tick {len(executions) + 1}; {supplier.asked} pages of the price list read")
            slot = first + timedelta(minutes=len(executions))
            executions.append(start_run(states, _job(stack), at=slot))
            if not killed and supplier.asked > self.pages:  # the second run works
                killed = _kill(cloud, stack["FunctionName"])
            time.sleep(self.tick_seconds)
        return [_wait(states, execution) for execution in executions], killed


def find_problems(ticks: Sequence[Tick], supplier: SlowSupplier) -> Iterator[str]:
    """Yield what is wrong with the runs and the skipped ticks."""
    if doubles(ticks):
        yield "each run must have a number of its own, got one twice"
    if supplier.most_at_once > 1:
        yield f"the supplier must be asked by one worker at a time, got {supplier.most_at_once}"
    runs = {tick.execution: tick for tick in ticks if tick.is_run}
    for tick in ticks:
        if tick.status != SUCCEEDED:
            yield f"each run must succeed, got {tick.status}"
        if tick.is_run:
            continue
        holder = runs.get(str(tick.output.get("held_by")))
        if holder is None or not (holder.began <= tick.ended and tick.began <= holder.ended):
            yield f"a tick must be skipped only while a run is under way, got one held by {tick.output.get('held_by')}"


def doubles(ticks: Sequence[Tick]) -> int:
    """Return how many runs have the number of another one."""
    numbers = [tick.output["run"] for tick in ticks if tick.is_run and tick.status == SUCCEEDED]
    return len(numbers) - len(set(numbers))


def find_wrong_prices(client: "DynamoDBClient", table_name: str, ticks: Sequence[Tick], articles: int) -> Iterator[str]:
    """Yield what is wrong with the stored price list: it is that of the last run, and whole."""
    pages = client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    numbers = [int(tick.output["run"]) for tick in ticks if tick.is_run and tick.status == SUCCEEDED]
    last = max(numbers, default=0)
    stored = [item for item in items if item["entry"]["S"] != "LIST"]
    current = [item for item in stored if int(item["run"]["N"]) == last]
    if len(current) != articles:
        yield f"the price list must have {articles} articles of the last run, got {len(current)}"
    lists = [item for item in items if item["entry"]["S"] == "LIST"]
    if [int(item["run"]["N"]) for item in lists] != [last]:
        yield f"the price list must be that of run {last}, got another one"


def _job(stack: Mapping[str, str]) -> DeployedJob:
    return DeployedJob(
        name=stack[schedules.JOB_NAME_OUTPUT],
        state_machine_arn=stack[schedules.JOB_STATE_MACHINE_OUTPUT],
        table_name=stack[schedules.JOB_TABLE_OUTPUT],
    )


@contextmanager
def _worker_of(cloud: EmbeddedCloud, function_name: str, supplier_url: str) -> Iterator[None]:
    """Let the worker ask this supplier, with a short lease, until the end of the block."""
    functions = cloud.client("lambda")
    before = functions.get_function_configuration(FunctionName=function_name)["Environment"]["Variables"]
    changed = {
        SuppliersEnvironment.variable_name("supplier_url"): supplier_url,
        ReceiverEnvironment.variable_name("lease_seconds"): str(LEASE_SECONDS),
    }
    functions.update_function_configuration(FunctionName=function_name, Environment={"Variables": before | changed})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=function_name, Environment={"Variables": before})


def _kill(cloud: EmbeddedCloud, function_name: str) -> int:
    killed = 0
    for process_id in cloud.handler_processes(function_name, busy=True):
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)
            killed += 1
    return killed


def _is_ended_run(states: "SFNClient", execution: str) -> bool:
    found = states.describe_execution(executionArn=execution)
    return found["status"] != RUNNING and "held_by" not in found.get("output", "")


def _wait(states: "SFNClient", execution: str) -> Tick:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := states.describe_execution(executionArn=execution))["status"] == RUNNING:
        if time.monotonic() > deadline:
            msg = f"each execution must end within {PATIENCE_SECONDS} seconds, got one that runs: {execution}"
            raise DemoError(msg)
        time.sleep(LOOK_AGAIN_SECONDS)
    succeeded = found["status"] == SUCCEEDED
    return Tick(
        status=found["status"],
        output=json.loads(found.get("output") or "{}") if succeeded else {},
        began=found["startDate"].timestamp(),
        ended=found["stopDate"].timestamp(),
        execution=execution,
    )
