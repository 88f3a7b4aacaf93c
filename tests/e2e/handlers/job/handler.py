"""The job: each run does what the item `plan` says, and leaves an item `run-<number>` of its own."""

import functools
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from tsunagu import Continue, JsonObject, PermanentError, Run, scheduled_job

from .environment import JobEnvironment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STEP_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Runs:
    """Where the plan is, and where each run leaves what it did."""

    client: "DynamoDBClient"
    table_name: str

    def plan(self) -> dict[str, Any]:
        """Return `seconds` that each slice works, its number of `slices`, and whether it is to `fail`."""
        answer = self.client.get_item(TableName=self.table_name, Key={"id": {"S": "plan"}}, ConsistentRead=True)
        item = answer.get("Item", {})
        numbers: dict[str, Any] = {name: float(item[name]["N"]) for name in ("seconds", "slices") if name in item}
        return {"seconds": 0.0, "slices": 1.0, **numbers, "fail": "fail" in item}

    def begin(self, run: Run) -> None:
        """Leave the time of the beginning at once, whatever the run comes to; count the attempts of all slices."""
        self.client.update_item(
            TableName=self.table_name,
            Key={"id": {"S": f"begun-{run.number}"}},
            UpdateExpression="ADD attempts :one SET begun = if_not_exists(begun, :now)",
            ExpressionAttributeValues={":one": {"N": "1"}, ":now": {"N": str(_now_ms())}},
        )

    def commit(self, run: Run) -> None:
        """Leave what the run committed; a double effect makes two."""
        run.update(
            self.table_name,
            {"id": f"run-{run.number}"},
            "ADD effects :one SET committed = :now, slot = :slot",
            values={":one": 1, ":now": _now_ms(), ":slot": run.slot.isoformat()},
        )


@functools.cache
def runs() -> Runs:
    """Return the runs of this process."""
    return Runs(boto3.client("dynamodb"), JobEnvironment.from_environment(os.environ).runs_table_name)


@scheduled_job("probe")
def handler(run: Run) -> JsonObject:
    """Work as the plan says."""
    plan = runs().plan()
    runs().begin(run)
    if plan["fail"]:
        msg = "it always fails"
        raise PermanentError(msg)
    until = time.monotonic() + plan["seconds"]
    while time.monotonic() < until:
        run.raise_if_lost()
        time.sleep(STEP_SECONDS)
    done = (run.checkpoint or 0) + 1
    if done < plan["slices"]:
        raise Continue(done)
    runs().commit(run)
    return {"slices": done}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
