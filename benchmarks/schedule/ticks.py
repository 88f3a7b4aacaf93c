"""What one tick uses: states that are entered, calls, and lines of the log, read off the definition of the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from benchmarks.pipeline_cost.prices import PRICES, Component
from benchmarks.schedule import prices

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Price of one tick in USD, by what it is paid for."""

    parts: Mapping[str, float]

    @property
    def usd(self) -> float:
        """The sum."""
        return sum(self.parts.values())


def machine_tick(definition: Mapping[str, Any], path: Sequence[str]) -> Cost:
    """Return the price of an execution that goes this way through the machine.

    Args:
        definition: Definition of the machine.
        path: States in their order, from the first to the last one.

    Raises:
        ValueError: The machine has no such way.
    """
    states = definition["States"]
    check_path(definition, path)
    tasks = [states[name] for name in path if states[name]["Type"] == "Task"]
    events = EVENTS_OF_EXECUTION + EVENTS_OF_TASK * len(tasks) + EVENTS_OF_STATE * (len(path) - len(tasks))
    resources = [task["Resource"] for task in tasks]
    return Cost(
        parts={
            "scheduler": prices.SCHEDULER_USD,
            "transitions": prices.TRANSITION_USD * (len(path) + 1),  # the start is one
            "DynamoDB": _items(resources),
            "SQS": _unit(Component.SQS_RECEIVE) * sum("sqs:" in resource for resource in resources),
            "logs": prices.LOG_GB_USD * events * EVENT_BYTES / GB,
        }
    )


def guard_tick(guard: Guard, *, runs: bool) -> Cost:
    """Return the price of an invocation of a guard.

    Args:
        guard: The guard.
        runs: Whether the lease is free, so that it sends a message, and the worker releases the lease.
    """
    writes = 2 if runs else 1  # a refused condition is a write, too
    duration = guard.memory_mib / 1_024 * guard.seconds * _unit(Component.LAMBDA_DURATION)
    return Cost(
        parts={
            "scheduler": prices.SCHEDULER_USD,
            "Lambda": _unit(Component.LAMBDA_REQUEST) + duration,
            "DynamoDB": writes * _unit(Component.DYNAMODB_WRITE),
            "SQS": _unit(Component.SQS_RECEIVE) if runs else 0.0,
            "logs": prices.LOG_GB_USD * guard.log_bytes / GB,
        }
    )


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


def _items(resources: Sequence[str]) -> float:
    """Return the price of the calls of DynamoDB: a consistent read is a unit, and a write too; the item is small."""
    writes = sum("updateItem" in resource for resource in resources)
    reads = sum("getItem" in resource for resource in resources)
    return writes * _unit(Component.DYNAMODB_WRITE) + reads * _unit(Component.DYNAMODB_READ)


def _unit(component: Component) -> float:
    return PRICES[component].unit_usd
