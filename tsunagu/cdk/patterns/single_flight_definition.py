"""The state machines of a scheduled job, in the Amazon States Language: one runs the job, one releases its lease.

Each tick starts an execution of the first machine:

1. `Take` takes the lease of the job, by one conditional update. Each slot is taken once.
2. If that was refused, `Look` reads who holds the lease. It is this execution itself when the answer to an earlier try
   was lost; otherwise the execution ends as `Skipped`.
3. `Send` sends the message of the run, and waits for its outcome. It is never tried again: a second try would have
   another token, and SQS would keep the first message.
4. `Release` releases the lease, on the condition that this execution holds it.

An execution that is aborted or times out does not come to `Release`. The second machine does it then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsunagu.contracts import items, schedules

State = dict[str, Any]
Definition = dict[str, Any]

SKIPPED, SUCCEEDED, FAILED = "Skipped", "Succeeded", "Failed"
RELEASED_EXECUTION_INPUT = "execution"  # of the machine that releases a lease

# What stands for the names that only the deployment knows.
TABLE, QUEUE, TOPIC = "Table", "Queue", "Topic"

_REFUSED = "DynamoDB.ConditionalCheckFailedException"
# Answers that another try would get again: a refused condition, and an expression that cannot be evaluated.
_FINAL = (_REFUSED, "States.QueryEvaluationError")
_CALL_SECONDS = 10  # longest time of one try of a call
_FUTURE_MS = 300_000  # clocks differ
_SLOT_PICTURE = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]Z"
_EXECUTION = "{% $states.context.Execution.Id %}"
_RUN, _SLOT, _FAILED, _OUTCOME, _ERROR, _CAUSE = "run", "slot", "failed", "outcome", "error", "cause"  # variables
_HELD_BY, _SINCE = "held_by", "since"  # of the output of a skipped tick

_FREE = "attribute_not_exists(#owner) OR #owner = :free OR #lease < :now"
_NEXT_SLOT = "attribute_not_exists(#slot) OR #slot < :slot"
_TAKE = (
    "SET #kind = :kind, #owner = :owner, #run = if_not_exists(#run, :zero) + :one, "
    "#slot = :slot, #lease = :lease, #since = :now"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """Limits of a run, in seconds.

    Attributes:
        heartbeat_seconds: Longest time without a heartbeat of the worker.
        run_seconds: Longest time from sending the message of a run to its outcome.
        machine_seconds: Longest time of an execution.
        lease_seconds: When the lease of the job ends by itself, after it was taken.
    """

    heartbeat_seconds: int
    run_seconds: int
    machine_seconds: int
    lease_seconds: int


def run_definition(job: str, limits: RunLimits) -> Definition:
    """Return the machine that a tick starts.

    Args:
        job: Name of the job.
        limits: Limits of a run.
    """
    states = {
        "Take": _take(job, limits.lease_seconds),
        "Look": _look(job),
        "IsMine": _choice(
            f"{{% $states.input.{_HELD_BY} = $states.context.Execution.Id %}}", "Send", otherwise=SKIPPED
        ),
        SKIPPED: {"Type": "Succeed", "Comment": "A run is queued or working, or this slot was started before"},
        "Send": _send(job, limits),
        "Release": _release(job, next_state="HasFailed", run=True),
        "HasFailed": _choice(f"{{% ${_FAILED} %}}", "Notify", otherwise=SUCCEEDED),
        "Notify": _notify(job),
        FAILED: {"Type": "Fail", "Error": f"{{% ${_ERROR} %}}", "Cause": f"{{% ${_CAUSE} %}}"},
        SUCCEEDED: {"Type": "Succeed", "Output": _output(job)},
    }
    return _machine(f"Runs the job {job}, one run at a time", limits.machine_seconds, "Take", states)


def release_definition(job: str, timeout_seconds: int) -> Definition:
    """Return the machine that releases the lease of an execution that ended without doing so.

    Args:
        job: Name of the job.
        timeout_seconds: Longest time of an execution.
    """
    states = {
        "Release": _release(job, next_state="Released", run=False),
        "Released": {"Type": "Succeed", "Comment": "The execution does not hold the lease"},
    }
    return _machine(f"Releases the lease of the job {job} after an abort", timeout_seconds, "Release", states)


def _machine(comment: str, timeout_seconds: int, first: str, states: Mapping[str, State]) -> Definition:
    return {
        "Comment": comment,
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": timeout_seconds,
        "StartAt": first,
        "States": {name: dict(state) for name, state in states.items()},
    }


def _take(job: str, lease_seconds: int) -> State:
    values = {
        ":kind": {"S": schedules.JOB_KIND},
        ":owner": {"S": _EXECUTION},
        ":free": {"S": schedules.FREE},
        ":zero": {"N": "0"},
        ":one": {"N": "1"},
        ":slot": {"S": _slot_of_input()},
        ":now": {"N": _milliseconds("$millis()")},
        ":lease": {"N": _milliseconds(f"$millis() + {lease_seconds * 1_000}")},
    }
    names = ("kind", "owner", "run", "slot", "lease", "since")
    arguments = _update(job, _TAKE, f"({_FREE}) AND ({_NEXT_SLOT})", names, values)
    return {
        "Type": "Task",
        "Comment": "Takes the lease of the job: free or over, and a slot behind the last one",
        "Resource": "arn:aws:states:::dynamodb:updateItem",
        "TimeoutSeconds": _CALL_SECONDS,
        "Arguments": {**arguments, "ReturnValues": "ALL_NEW"},
        "Assign": _taken("$states.result.Attributes"),
        "Retry": _retry(3),
        # A refusal may be the answer to a second try of this execution: `Look` finds out.
        "Catch": [{"ErrorEquals": [_REFUSED], "Next": "Look"}],
        "Next": "Send",
    }


def _slot_of_input() -> str:
    """Return the expression for the slot. One in the future would stop all ticks until then."""
    return (
        f"{{% ($at := $toMillis($states.input.{schedules.SLOT_INPUT}); "
        f"$assert($at <= $millis() + {_FUTURE_MS}, 'the slot must not be in the future'); "
        f"$fromMillis($at, '{_SLOT_PICTURE}')) %}}"
    )


def _milliseconds(expression: str) -> str:
    """Return the expression for a number of DynamoDB: its digits, never with an exponent."""
    return f"{{% $formatNumber({expression}, '0') %}}"


def _taken(item: str) -> dict[str, str]:
    """Return the assignments of the variables of a run, from the item of the job."""
    return {
        _RUN: f"{{% {item}.{schedules.RUN}.N %}}",
        _SLOT: f"{{% {item}.{schedules.SLOT}.S %}}",
    }


def _look(job: str) -> State:
    item = "$states.result.Item"
    return {
        "Type": "Task",
        "Comment": "Reads who holds the lease: the refusal does not say it",
        "Resource": "arn:aws:states:::dynamodb:getItem",
        "TimeoutSeconds": _CALL_SECONDS,
        "Arguments": {"TableName": f"${{{TABLE}}}", "Key": _key(job), "ConsistentRead": True},
        "Assign": _taken(item),
        "Output": {
            "job": job,
            _HELD_BY: f"{{% {item}.{schedules.OWNER}.S %}}",
            _SINCE: f"{{% $fromMillis($number({item}.{schedules.SINCE}.N)) %}}",
            _RUN: f"{{% $number({item}.{schedules.RUN}.N) %}}",
            _SLOT: f"{{% {item}.{schedules.SLOT}.S %}}",
        },
        "Retry": _retry(3),
        "Next": "IsMine",
    }


def _send(job: str, limits: RunLimits) -> State:
    body = {
        schedules.JOB_FIELD: job,
        schedules.RUN_FIELD: f"{{% $number(${_RUN}) %}}",
        schedules.SLOT_FIELD: f"{{% ${_SLOT} %}}",
        schedules.EXECUTION_FIELD: _EXECUTION,
        schedules.TASK_TOKEN_FIELD: "{% $states.context.Task.Token %}",
        schedules.SLICE_FIELD: 0,
        schedules.CHECKPOINT_FIELD: None,
    }
    return {
        "Type": "Task",
        "Comment": "Sends the message of the run, and waits for its outcome; never sent twice",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "HeartbeatSeconds": limits.heartbeat_seconds,
        "TimeoutSeconds": limits.run_seconds,
        "Arguments": {
            "QueueUrl": f"${{{QUEUE}}}",
            "MessageGroupId": job,
            "MessageDeduplicationId": f"{{% '{schedules.run_deduplication_id(job, '')}' & ${_RUN} %}}",
            "MessageBody": body,
        },
        "Assign": {_FAILED: False, _OUTCOME: "{% $states.result %}"},
        "Catch": [
            {
                "ErrorEquals": ["States.ALL"],
                "Assign": {
                    _FAILED: True,
                    _ERROR: "{% $states.errorOutput.Error %}",
                    _CAUSE: "{% $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : '' %}",
                },
                "Next": "Release",
            }
        ],
        "Next": "Release",
    }


def _release(job: str, *, next_state: str, run: bool) -> State:
    """Return the state that releases the lease, if this execution, or the one of the input, holds it."""
    owner = _EXECUTION if run else f"{{% $states.input.{RELEASED_EXECUTION_INPUT} %}}"
    values = {":free": {"S": schedules.FREE}, ":owner": {"S": owner}}
    condition, names = "#owner = :owner", ["owner"]
    if run:
        values |= {":run": {"N": f"{{% ${_RUN} %}}"}}
        condition, names = f"{condition} AND #run = :run", [*names, "run"]
    return {
        "Type": "Task",
        "Comment": "Releases the lease, if the execution holds it",
        "Resource": "arn:aws:states:::dynamodb:updateItem",
        "TimeoutSeconds": _CALL_SECONDS,
        "Arguments": _update(job, "SET #owner = :free", condition, names, values),
        "Retry": _retry(5),
        "Catch": [{"ErrorEquals": [_REFUSED], "Next": next_state}],
        "Next": next_state,
    }


def _notify(job: str) -> State:
    message = f"{{'job': '{job}', 'run': $number(${_RUN}), 'slot': ${_SLOT}, 'error': ${_ERROR}, 'cause': ${_CAUSE}, "
    message += "'execution': $states.context.Execution.Id}"
    return {
        "Type": "Task",
        "Comment": "Tells the operators why the run failed",
        "Resource": "arn:aws:states:::sns:publish",
        "TimeoutSeconds": _CALL_SECONDS,
        "Arguments": {
            "TopicArn": f"${{{TOPIC}}}",
            "Subject": f"Scheduled job failed: {job}",
            "Message": f"{{% $string({message}) %}}",
        },
        "Retry": _retry(2),
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": FAILED}],
        "Next": FAILED,
    }


def _output(job: str) -> dict[str, str]:
    return {
        "job": job,
        _RUN: f"{{% $number(${_RUN}) %}}",
        _SLOT: f"{{% ${_SLOT} %}}",
        _OUTCOME: f"{{% ${_OUTCOME} %}}",
    }


def _choice(condition: str, then: str, *, otherwise: str) -> State:
    return {"Type": "Choice", "Choices": [{"Condition": condition, "Next": then}], "Default": otherwise}


def _retry(attempts: int) -> list[dict[str, Any]]:
    """Return the retries of a call of a service. What is final is not tried again."""
    return [
        {"ErrorEquals": [*_FINAL], "MaxAttempts": 0},
        {
            "ErrorEquals": ["States.ALL"],
            "IntervalSeconds": 1,
            "BackoffRate": 2,
            "MaxAttempts": attempts,
            "JitterStrategy": "FULL",
        },
    ]


def _update(
    job: str, expression: str, condition: str, names: Sequence[str], values: Mapping[str, Any]
) -> dict[str, Any]:
    attributes = {
        "kind": schedules.KIND,
        "owner": schedules.OWNER,
        "run": schedules.RUN,
        "slot": schedules.SLOT,
        "lease": schedules.LEASE,
        "since": schedules.SINCE,
    }
    return {
        "TableName": f"${{{TABLE}}}",
        "Key": _key(job),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": attributes[name] for name in names},
        "ExpressionAttributeValues": dict(values),
    }


def _key(job: str) -> dict[str, Any]:
    return {items.ID: {"S": schedules.job_item_id(job)}}
