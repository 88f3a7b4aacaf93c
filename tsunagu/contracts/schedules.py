"""Scheduled jobs: the job item, the message of a run, and the outputs of a stack that has a job.

The state machine of a job takes and releases its lease, and sends the message; the worker reads both. The job item is
in the idempotency table, but is no idempotency item: it never expires, and has no status.
"""

import re
from dataclasses import dataclass

from tsunagu.contracts.environment import EnvironmentContract
from tsunagu.contracts.items import KEY_SPACE_NAME

# Attributes of the job item, besides its id.
KIND = "kind"  # `JOB`
OWNER = "owner"  # ARN of the execution that holds the lease; "" when it is free
RUN = "run"  # number of the last run: the fencing token, which rises by one with each lease
SLOT = "slot"  # scheduled time of the last run, as text that sorts; each slot is started once
LEASE = "lease"  # when the lease ends by itself, in milliseconds since the epoch
SINCE = "since"  # when the owner took it, in milliseconds since the epoch

JOB_KIND = "JOB"
FREE = ""  # as owner

# As EventBridge Scheduler writes `<aws.scheduler.scheduled-time>`.
SLOT_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
SLOT_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

# Fields of the message of a run.
JOB_FIELD = "job"
RUN_FIELD = "run"
SLOT_FIELD = "slot"
EXECUTION_FIELD = "execution"
TASK_TOKEN_FIELD = "task_token"  # noqa: S105 - the name of a field
SLICE_FIELD = "slice"
CHECKPOINT_FIELD = "checkpoint"

# Of the input of an execution: `{"slot": "2026-11-28T14:00:00Z"}`.
SLOT_INPUT = "slot"

# JSON in UTF-8. The item keeps the message of the next slice until it is sent, and has 400 KB at most.
CHECKPOINT_BYTES = 200_000

# Error of the task when the message of its run was dead-lettered; the cause is the reason.
JOB_FAILED = "JobFailed"

# Outputs of a stack with a job; operations find jobs by them.
JOB_NAME_OUTPUT = "JobName"
JOB_STATE_MACHINE_OUTPUT = "JobStateMachineArn"
JOB_TABLE_OUTPUT = "JobTableName"
LONGEST_BLOCK_OUTPUT = "LongestBlock"  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJobEnvironment(EnvironmentContract):
    """The environment of the worker of a job, besides `ReceiverEnvironment`, whose `lease_seconds` must be set.

    Attributes:
        job: Name of the job. The handler's own name of it must be the same.
    """

    job: str


def is_job_name(name: str) -> bool:
    """Return whether a job may have this name: 1 to 64 letters, digits, hyphens and underscores."""
    return KEY_SPACE_NAME.fullmatch(name) is not None


def job_item_id(job: str) -> str:
    """Return the id of the job item. No id of an idempotency item is equal to it, because those have a `#`."""
    return f"{job}:job"


def run_deduplication_id(job: str, run: int | str) -> str:
    """Return the deduplication id of the message that the state machine sends for a run.

    Args:
        job: Name of the job.
        run: Number of the run, or the expression for it.
    """
    return f"{job}-{run}"


def slice_key(job: str, run: int, slice_number: int) -> str:
    """Return the business key of the message of a slice of a run. The first slice is 0."""
    return f"{job}:{run}:{slice_number}"
