"""Finds the runs of a pipeline that are not done: what a deployment, a purge or a failure left behind."""

import time
from typing import TYPE_CHECKING

from tsunagu.contracts.pipeline import PreprocessorEnvironment
from tsunagu.errors import OperationError
from tsunagu.operations.trace import preprocessor_environment
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.open_runs import deployed_open_runs
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Outcome
from tsunagu.runtime.pipeline.open_runs import OpenRuns
from tsunagu.runtime.pipeline.run_marks import closing
from tsunagu.runtime.pipeline.shape import Pipeline
from tsunagu.runtime.pipeline.unfinished_run import Cause, UnfinishedRun, Wait

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient

__all__ = ["Cause", "UnfinishedRun", "Wait", "dismiss_runs", "unfinished_runs"]


def unfinished_runs(
    functions: "LambdaClient",
    tables: "DynamoDBClient",
    function_name: str,
    *,
    older_than_seconds: float = 0,
    limit_count: int | None = None,
) -> list[UnfinishedRun]:
    """Return the runs of a deployed pipeline that are not done, oldest first.

    Args:
        functions: Lambda client.
        tables: DynamoDB client.
        function_name: Function of the pipeline's preprocessor, whose environment names the table and the steps.
        older_than_seconds: Age of the youngest run. Default: those that were started a moment ago, too.
        limit_count: Stop after so many. They need not be the oldest. Default: all.

    Raises:
        OperationError: The table did not answer, or the pipeline does not mark its runs.
    """
    runs, until_ms = _open_runs(functions, tables, function_name), _now_ms() - int(older_than_seconds * 1_000)
    found: list[UnfinishedRun] = []
    try:
        for partition in runs.partitions:
            for page in runs.pages(partition, until_ms):
                found += page.unfinished
                if limit_count is not None and len(found) >= limit_count:
                    return _sorted(found)[:limit_count]
    except UnavailableError as error:
        raise OperationError(str(error)) from None
    return _sorted(found)


def dismiss_runs(functions: "LambdaClient", tables: "DynamoDBClient", function_name: str, request_id: str) -> int:
    """Take the unfinished runs of a request out of the index, because nobody waits for them any more.

    Their items stay as they are: a run that goes on all the same is not stopped.

    Args:
        functions: Lambda client.
        tables: DynamoDB client.
        function_name: Function of the pipeline's preprocessor.
        request_id: The request.

    Returns:
        How many runs were dismissed.

    Raises:
        OperationError: The table did not answer, or the pipeline does not mark its runs.
    """
    found = unfinished_runs(functions, tables, function_name)
    ids = [run.start_id for run in found if run.request_id == request_id]
    store = DynamoDbItemStore(tables, _environment(functions, function_name).idempotency_table_name)
    starts = [item for item in store.read(ids) if isinstance(item, Item)] if ids else []
    verdicts = store.update([closing(item) for item in starts]) if starts else []
    if any(verdict.outcome not in {Outcome.APPLIED, Outcome.REFUSED} for verdict in verdicts):
        msg = f"the table must take {len(verdicts)} changes, got {[verdict.problem for verdict in verdicts]}"
        raise OperationError(msg)
    return sum(verdict.outcome is Outcome.APPLIED for verdict in verdicts)


def _open_runs(functions: "LambdaClient", tables: "DynamoDBClient", function_name: str) -> OpenRuns:
    environment = _environment(functions, function_name)
    pipeline = Pipeline.from_text(environment.pipeline, environment.steps)
    return deployed_open_runs(pipeline, tables, environment.idempotency_table_name)


def _environment(functions: "LambdaClient", function_name: str) -> PreprocessorEnvironment:
    environment = preprocessor_environment(functions, function_name)
    if not environment.marks_runs:
        msg = (
            f"the pipeline {environment.pipeline} must mark its runs, got none: "
            "deploy it with unfinished_runs, which is the default"
        )
        raise OperationError(msg)
    return environment


def _sorted(runs: list[UnfinishedRun]) -> list[UnfinishedRun]:
    return sorted(runs, key=lambda run: (run.started_ms, run.start_id))


def _now_ms() -> int:
    return int(time.time() * 1_000)
