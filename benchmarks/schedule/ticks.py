"""What one tick uses: states that are entered, calls, and lines of the log, read off the definition of the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from benchmarks.cost.usage import Usage

GB = 1_000_000_000
# A task has these events: entered, scheduled, started, submitted, succeeded or failed, exited. Others: entered, exited.
EVENTS_OF_TASK, EVENTS_OF_STATE, EVENTS_OF_EXECUTION = 6, 2, 2
EVENT_BYTES = 500  # a line of the log without data, with the ARN of the execution

SKIPPED_PATH = ("Take", "Look", "IsMine", "Skipped")
RUN_PATH = ("Take", "Send", "Release", "HasFailed", "Succeeded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A function that a schedule invokes: it takes the lease, and sends the message; or it does nothing.

    Attributes:
        memory_mib: Its memory.
        seconds: How long it takes, warm.
        log_bytes: What it logs, with Lambda's own lines.
    """

    memory_mib: int = 256
    seconds: float = 0.05
    log_bytes: int = 1_000


def machine_tick(definition: Mapping[str, Any], path: Sequence[str]) -> Usage:
    """Return what an execution uses that goes this way through the machine.

    Args:
        definition: Definition of the machine.
        path: States in their order, from the first to the last one.

    Raises:
        ValueError: The machine has no such way.
    """
    states = definition["States"]
    check_path(definition, path)
    tasks = [states[name] for name in path if states[name]["Type"] == "Task"]
    resources = [task["Resource"] for task in tasks]
    return {
        **_execution(len(path), len(tasks)),
        "dynamodb.write": sum("updateItem" in resource for resource in resources),  # the item is small
        "dynamodb.read": sum("getItem" in resource for resource in resources),
        "sqs.fifo-request": sum("sqs:" in resource for resource in resources),
    }


def unguarded_tick() -> Usage:
    """Return what an execution uses whose one state is the invocation of the worker: nothing skips the tick."""
    return _execution(states=1, tasks=1)


def guard_tick(guard: Guard, *, runs: bool) -> Usage:
    """Return what an invocation of a guard uses.

    Args:
        guard: The guard.
        runs: Whether the lease is free, so that it sends a message, and the worker releases the lease.
    """
    return {
        "scheduler.invocation": 1,
        "lambda.request": 1,
        "lambda.gb-second": guard.memory_mib / 1_024 * guard.seconds,
        "dynamodb.write": 2 if runs else 1,  # a refused condition is a write, too
        "sqs.fifo-request": 1 if runs else 0,
        "cloudwatch.log-gb": guard.log_bytes / GB,
    }


def check_path(definition: Mapping[str, Any], path: Sequence[str]) -> None:
    """Refuse a way that the machine has not.

    Raises:
        ValueError: A state does not lead to the next one.
    """
    if path[0] != definition["StartAt"]:
        msg = f"the machine must start at {path[0]}, got {definition['StartAt']}"
        raise ValueError(msg)
    for before, after in pairwise(path):
        state = definition["States"][before]
        ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
        if after not in {way.get("Next") for way in ways} | {state.get("Default")}:
            msg = f"{before} must lead to {after}, got another way"
            raise ValueError(msg)


def _execution(states: int, tasks: int) -> Usage:
    """Return what an execution uses by itself: it has a transition more than it enters states, the start."""
    events = EVENTS_OF_EXECUTION + EVENTS_OF_TASK * tasks + EVENTS_OF_STATE * (states - tasks)
    return {
        "scheduler.invocation": 1,
        "states.transition": states + 1,
        "cloudwatch.log-gb": events * EVENT_BYTES / GB,
    }
