"""A tick of a job of which one run works at a time, beside a state machine without a guard."""

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.cost.load import Load
from benchmarks.cost.meter import Meter
from benchmarks.cost.plain import PlainConsumer
from benchmarks.cost.receive_once import ENVIRONMENT, ITEMS, ORDERS, business_item, record
from benchmarks.cost.usage import Usage, times, total
from benchmarks.schedule.ticks import RUN_PATH, SKIPPED_PATH, Guard, guard_tick, machine_tick, unguarded_tick
from tsunagu import Run, scheduled_job
from tsunagu.cdk.patterns.single_flight_definition import RunLimits, run_definition
from tsunagu.contracts import items, schedules

JOB = "supplier-sync"
LIMITS = RunLimits(heartbeat_seconds=990, run_seconds=3_600, machine_seconds=3_900, lease_seconds=4_020)
LEASE_SECONDS = 60
EXECUTION = f"arn:aws:states:us-east-1:123456789012:execution:{JOB}:5e9b0f3c-0000-4000-8000-000000000000"
SLOT = "2026-11-28T14:00:00Z"
TASK_TOKEN_BYTES = 700  # of the token that Step Functions makes


def ours(load: Load) -> Usage:
    """Return what a tick uses with `SingleFlightSchedule`: most are skipped, because a run works."""
    definition = run_definition(JOB, LIMITS)
    run = total(machine_tick(definition, RUN_PATH), _worker(load))
    skipped = machine_tick(definition, SKIPPED_PATH)
    return total(times(run, 1 / load.ticks_of_a_run), times(skipped, 1 - 1 / load.ticks_of_a_run))


def plain(load: Load) -> Usage:
    """Return what a tick uses with a state machine that invokes the worker at each tick."""
    return total(unguarded_tick(), _plain_worker(load))


def guarded(load: Load) -> Usage:
    """Return what a tick uses with a function that takes a lock and sends a message, instead of a state machine."""
    ran, skipped = (guard_tick(Guard(), runs=runs) for runs in (True, False))
    run = total(ran, {"sqs.fifo-request": 2}, _plain_worker(load))  # Lambda receives the message, and deletes it
    return total(times(run, 1 / load.ticks_of_a_run), times(skipped, 1 - 1 / load.ticks_of_a_run))


def _plain_worker(load: Load) -> Usage:
    """Return what a worker uses that writes, and keeps nothing of its own."""
    meter = Meter(load)
    worker = PlainConsumer(meter.client("dynamodb"), locks=ITEMS, table=ORDERS, writes=load.writes)
    return meter.invoke(lambda _event, _context: worker.write("run-1"), {})


def _worker(load: Load) -> Usage:
    """Return what the worker of a run uses, of one slice; the queue is a FIFO queue."""
    meter = Meter(load)

    def work(run: Run) -> dict[str, int]:
        for number in range(load.writes):
            run.put(ORDERS, business_item(f"run-{run.number}", number))
        return {"prices": 2}

    job = schedules.ScheduledJobEnvironment(job=JOB)
    own = {**ENVIRONMENT.to_environment(), "LEASE_SECONDS": str(LEASE_SECONDS)}
    with meter.environment(own, job.to_environment()):
        meter.stored(lambda: meter.tables.store(ITEMS, (schedules.job_item_id(JOB),), _lease()))
        used = dict(meter.deliver(scheduled_job(JOB)(work), [_message()]))
    return total(used, {"sqs.fifo-request": used.pop("sqs.request")})


def _lease() -> dict[str, Any]:
    """Return the job item, as the state machine writes it when it takes the lease."""
    return {
        items.ID: {"S": schedules.job_item_id(JOB)},
        schedules.KIND: {"S": schedules.JOB_KIND},
        schedules.OWNER: {"S": EXECUTION},
        schedules.RUN: {"N": "1"},
        schedules.SLOT: {"S": SLOT},
        schedules.LEASE: {"N": str(items.NEVER)},
        schedules.SINCE: {"N": "1780123456789"},
    }


def _message() -> Mapping[str, Any]:
    body = {
        schedules.JOB_FIELD: JOB,
        schedules.RUN_FIELD: 1,
        schedules.SLOT_FIELD: SLOT,
        schedules.EXECUTION_FIELD: EXECUTION,
        schedules.TASK_TOKEN_FIELD: "t" * TASK_TOKEN_BYTES,
        schedules.SLICE_FIELD: 0,
    }
    message = record(json.dumps(body), 1, {})
    fifo = {"MessageGroupId": JOB, "SequenceNumber": "1", "MessageDeduplicationId": "1"}
    return {**message, "attributes": {**message["attributes"], **fifo}}
