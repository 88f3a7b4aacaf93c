"""Traces a request through a pipeline: its runs and steps in order, with times, attempts, outcomes and data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tsunagu.contracts.environment import EnvironmentContractError
from tsunagu.contracts.items import Status
from tsunagu.contracts.pipeline import PreprocessorEnvironment
from tsunagu.errors import NotFoundError, OperationError
from tsunagu.runtime.aws.journal import deployed_journal
from tsunagu.runtime.claim_check import Part, part_from_json
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.journal import Journal, Start, is_done, result_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTrace:
    """State of one run in one service.

    Attributes:
        step: Name of the step.
        service: Name of the service.
        status: Status of its item; None without an item, because the message did not arrive yet.
        claims: How often a worker claimed the run: 1 when nothing failed.
        attempts: Attempts that failed so far; while COMMITTED, rounds in which its message was not sent.
        updated_ms: When the item changed last, in milliseconds since the epoch; None without an item.
        reason: Last error, or the reason of the dead letter; empty when there is none.
        result: The result, or the place of it in the bucket; None until the service is done.
        is_of_base: Whether the item belongs to the base run, because the replay asked another service only.
    """

    step: str
    service: str
    status: Status | None
    claims: int = 0
    attempts: int = 0
    updated_ms: int | None = None
    reason: str = ""
    result: Part | None = None
    is_of_base: bool = False

    @property
    def has_sent(self) -> bool:
        """Whether it is done and its message to the next step was sent. For an item of the base run: whether done."""
        return self.status is Status.COMPLETED or (self.is_of_base and self.status is Status.COMMITTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrace:
    """One run of a request.

    Attributes:
        run_id: Id of the run; None when it was not published, or not yet.
        status: Status of the item of its start: COMPLETED once the run is published.
        started_ms: When it was started, in milliseconds since the epoch.
        reason: Why it was not published; empty when it was.
        from_step: The first step of the run; None without a run.
        only: The one service of the first step that was asked; None for all.
        base_run_id: With `only`: the run from which the results of the other services are taken.
        request: The request, or the place of it in the bucket; None without a run.
        services: The services of its steps, in order.
    """

    run_id: str | None
    status: Status
    started_ms: int
    reason: str = ""
    from_step: str | None = None
    only: str | None = None
    base_run_id: str | None = None
    request: Part | None = None
    services: Sequence[ServiceTrace] = ()

    @property
    def is_done(self) -> bool:
        """Whether every service is done and all its messages were sent, the one to the completion topic included."""
        return bool(self.services) and all(each.has_sent for each in self.services)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTrace:
    """All that is recorded of one request.

    Attributes:
        request_id: The request.
        bucket: Bucket of the data that does not travel in the messages.
        runs: Its runs, oldest first.
    """

    request_id: str
    bucket: str
    runs: Sequence[RunTrace]


def trace(journal: Journal, request_id: str) -> list[RunTrace]:
    """Return the runs of a request, oldest first; none when no run is recorded, or none is in the index yet.

    Raises:
        UnavailableError: The table did not answer.
    """
    return [_run(journal, start) for start in journal.starts(request_id)]


def trace_deployed(
    functions: "LambdaClient", tables: "DynamoDBClient", function_name: str, request_id: str
) -> RequestTrace:
    """Return the trace of a request of a deployed pipeline.

    Args:
        functions: Lambda client.
        tables: DynamoDB client.
        function_name: Function of the pipeline's preprocessor, whose environment names the table and the steps.
        request_id: The request.

    Raises:
        NotFoundError: No run of the request is recorded, or none is in the index yet.
        OperationError: The table did not answer, or the pipeline was deployed by another version of this library.
    """
    environment = preprocessor_environment(functions, function_name)
    try:
        runs = trace(deployed_journal(environment, tables), request_id)
    except UnavailableError as error:
        raise OperationError(str(error)) from None
    if not runs:
        msg = f"the request must be one of {environment.pipeline}, got {request_id}, of which no run is recorded"
        raise NotFoundError(msg)
    return RequestTrace(request_id=request_id, bucket=environment.claim_bucket_name, runs=runs)


def preprocessor_environment(functions: "LambdaClient", function_name: str) -> PreprocessorEnvironment:
    """Return the environment of a deployed preprocessor.

    Raises:
        OperationError: The pipeline was deployed by another version of this library.
    """
    variables = functions.get_function_configuration(FunctionName=function_name)["Environment"]["Variables"]
    try:
        return PreprocessorEnvironment.from_environment(variables)
    except EnvironmentContractError as error:
        msg = f"the preprocessor {function_name} must be of this version of tsunagu, got another environment: {error}"
        raise OperationError(msg) from None


def _run(journal: Journal, start: Start) -> RunTrace:
    item, envelope = start.item, start.envelope
    if envelope is None:
        return RunTrace(run_id=None, status=item.status, started_ms=start.started_ms, reason=start.reason)
    return RunTrace(
        run_id=envelope.run_id,
        status=item.status,
        started_ms=start.started_ms,
        reason=item.reason,
        from_step=envelope.step,
        only=envelope.only,
        base_run_id=envelope.base_run_id,
        request=envelope.request,
        services=[
            _service(envelope, step.name, service, item)
            for step in journal.pipeline.steps_from(envelope.step)
            for service, item in journal.services(envelope, step).items()
        ],
    )


def _service(run: Envelope, step: str, service: str, item: Item | None) -> ServiceTrace:
    is_of_base = run.step == step and run.only not in {None, service}
    if item is None:
        return ServiceTrace(step=step, service=service, status=None, is_of_base=is_of_base)
    return ServiceTrace(
        step=step,
        service=service,
        status=item.status,
        claims=item.fence,
        attempts=item.attempts,
        updated_ms=item.updated,
        reason=item.reason,
        result=part_from_json(f"the result of {service}", result_of(item)) if is_done(item) else None,
        is_of_base=is_of_base,
    )
