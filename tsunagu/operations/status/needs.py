"""What of a stack needs a person, and which command helps."""

import shlex
from collections.abc import Iterator

from tsunagu.operations.inventory import StackInventory
from tsunagu.operations.status.model import JobStatus, Need, QueueStatus, StackStatus
from tsunagu.operations.times import utc_text

_ENDED_BADLY = ("ABORTED", "FAILED", "TIMED_OUT")
_WORKING_STATES = ("Enabled", "Enabling", "Creating", "Updating", "")


def needs_of(status: StackStatus, inventory: StackInventory) -> list[Need]:
    """Return what a person must look at, most urgent first.

    Args:
        status: How the stack is.
        inventory: The stack.
    """
    disabled = {each.physical_id for each in inventory.resources if each.properties.get("Enabled") is False}
    return [
        *_dead_letters(status),
        *(need for queue in status.queues for need in _consumers(queue, disabled)),
        *_pipelines(status),
        *_requests(status),
        *(need for job in status.jobs for need in _job(job, status.name)),
        *_schedules(status),
        *_alarms(status),
    ]


def _dead_letters(status: StackStatus) -> Iterator[Need]:
    for queue in status.dead_letter_queues:
        if queue.count:
            letters = "1 dead letter" if queue.count == 1 else f"{queue.count:,} dead letters"
            yield Need(
                what=f"{letters} in {queue.name}", command=f"tsunagu dlq list {_quoted(queue.name)} {_in(status.name)}"
            )


def _consumers(queue: QueueStatus, disabled: set[str]) -> Iterator[Need]:
    for consumer in queue.consumers:
        mapping = consumer.mapping
        if mapping.state not in _WORKING_STATES and mapping.uuid not in disabled:
            why = f" ({mapping.reason})" if mapping.reason and mapping.reason != "USER_INITIATED" else ""
            yield Need(
                what=f"{consumer.function} does not consume {queue.name}: its mapping is {mapping.state}{why}",
                command=f"aws lambda update-event-source-mapping --uuid {mapping.uuid} --enabled",
            )
        if consumer.reserved_concurrency == 0:
            yield Need(
                what=f"{consumer.function} is stopped: its reserved concurrency is 0",
                command=f"aws lambda get-function-concurrency --function-name {mapping.function_name}",
            )


def _pipelines(status: StackStatus) -> Iterator[Need]:
    for pipeline in status.pipelines:
        if pipeline.left_behind:
            more = " or more" if pipeline.has_more else ""
            yield Need(
                what=f"{pipeline.left_behind:,}{more} runs of {pipeline.name} began over an hour ago, and are not done",
                command=f"tsunagu runs {_quoted(pipeline.name)} {_in(status.name)}",
            )


def _requests(status: StackStatus) -> Iterator[Need]:
    for api in status.requests:
        if api.overdue:
            yield Need(
                what=f"{api.overdue:,} open requests of {api.name} are overdue: its sweeper does not end them",
                command=f"aws logs tail {api.log_group} --since 15m",
            )


def _job(job: JobStatus, stack: str) -> Iterator[Need]:
    if job.is_left_behind and job.lease is not None:
        yield Need(
            what=(
                f"the lease of {job.name} is held by an execution that has ended; "
                f"it ends by itself at {utc_text(job.lease.lease)}"
            ),
            command=f"tsunagu lease release {_quoted(job.name)} {_in(stack)}",
        )
    if job.last_state in _ENDED_BADLY:
        yield Need(
            what=f"the last run of {job.name} ended as {job.last_state}",
            command=f"tsunagu why {_quoted(job.name)} {_in(stack)}",
        )


def _schedules(status: StackStatus) -> Iterator[Need]:
    for schedule in status.schedules:
        if schedule.is_stopped:
            yield Need(what=f"the schedule {schedule.name} is disabled, although the stack has it enabled")


def _alarms(status: StackStatus) -> Iterator[Need]:
    for alarm in status.alarms or ():
        if alarm.is_of_new_stack:
            continue
        since = f" since {utc_text(alarm.since_ms)}" if alarm.since_ms else ""
        yield Need(
            what=f"the alarm {alarm.name} is raised{since}",
            command=f"aws cloudwatch describe-alarms --alarm-names {_quoted(alarm.alarm_name)}",
        )


def _in(stack: str) -> str:
    return f"--stack {stack}"


def _quoted(name: str) -> str:
    return shlex.quote(name)
