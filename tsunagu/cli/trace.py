"""`tsunagu trace`: where a request is."""

import json
from typing import TYPE_CHECKING, Annotated

import boto3
import typer
from rich.console import Console

from tsunagu.cli.trace_report import print_trace, trace_as_json
from tsunagu.contracts.environment import EnvironmentContractError
from tsunagu.contracts.pipeline import PreprocessorEnvironment
from tsunagu.errors import CommandError
from tsunagu.operations.pipelines import PREPROCESSOR_OUTPUT, PipelineName, check_request_id, find_pipeline
from tsunagu.operations.trace import RunTrace
from tsunagu.operations.trace import trace as read_trace
from tsunagu.runtime.aws.journal import deployed_journal
from tsunagu.runtime.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

NARROWEST_COLUMNS = 160  # of a file or a pipe, which wraps no line


def trace(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST", help="Request id, as `tsunagu start` printed it.")],
    pipeline: Annotated[PipelineName, typer.Option(help="Which pipeline.")] = PipelineName.ORDERS,
    stage: Annotated[str, typer.Option(help="Stage of the stack: tsunagu-<stage>-<pipeline's stack>.")] = "dev",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of tables.")] = False,
) -> None:
    """Print the runs of a request, and how far each service came with each of them."""
    check_request_id(request_id)
    stack = find_pipeline(pipeline, stage)
    environment = _preprocessor_environment(boto3.client("lambda"), stack.output(PREPROCESSOR_OUTPUT))
    runs = _read(environment, request_id)
    if as_json:
        typer.echo(json.dumps(trace_as_json(request_id, environment.claim_bucket_name, runs), indent=2))
        return
    console = Console(highlight=False, markup=False)
    width = console.width if console.is_terminal else max(console.width, NARROWEST_COLUMNS)
    print_trace(Console(highlight=False, markup=False, width=width), environment.claim_bucket_name, runs)


def _preprocessor_environment(client: "LambdaClient", function_name: str) -> PreprocessorEnvironment:
    """Return what the preprocessor was told: the steps of the pipeline, and where its data is."""
    configuration = client.get_function_configuration(FunctionName=function_name)
    try:
        return PreprocessorEnvironment.from_environment(configuration["Environment"]["Variables"])
    except EnvironmentContractError as error:
        msg = f"the preprocessor {function_name} must be of this version of tsunagu, got another environment: {error}"
        raise CommandError(msg) from None


def _read(environment: PreprocessorEnvironment, request_id: str) -> list[RunTrace]:
    try:
        runs = read_trace(deployed_journal(environment, boto3.client("dynamodb")), request_id)
    except UnavailableError as error:
        raise CommandError(str(error)) from None
    if not runs:
        msg = f"the request must be one of {environment.pipeline}, got {request_id}, of which no run is recorded"
        raise CommandError(msg)
    return runs
