"""`tsunagu trace`: shows where a request is."""

import json
from typing import Annotated

import boto3
import typer
from rich.console import Console

from tsunagu.cli.options import Pipeline, Request, StackName, Stage
from tsunagu.cli.trace_report import print_trace, trace_as_json
from tsunagu.operations.pipelines import PREPROCESSOR_OUTPUT, check_request_id, find_pipeline
from tsunagu.operations.trace import trace_deployed
from tsunagu.runtime.json_text import has_exact_numbers, json_text

NARROWEST_COLUMNS = 160  # for a file or a pipe, which wraps no line


def trace(
    request_id: Request,
    pipeline: Pipeline = None,
    stage: Stage = "dev",
    stack_name: StackName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of tables.")] = False,
) -> None:
    """Print the runs of a request, and the state of each run in each service."""
    check_request_id(request_id)
    stack = find_pipeline(boto3.client("cloudformation"), stage=stage, name=pipeline, stack_name=stack_name)
    function_name = stack.output(PREPROCESSOR_OUTPUT)
    found = trace_deployed(boto3.client("lambda"), boto3.client("dynamodb"), function_name, request_id)
    if as_json:
        document = trace_as_json(found)
        # The indented form of the standard library would round numbers.
        typer.echo(json_text(document) if has_exact_numbers(document) else json.dumps(document, indent=2))
        return
    console = Console(highlight=False, markup=False)
    width = console.width if console.is_terminal else max(console.width, NARROWEST_COLUMNS)
    print_trace(Console(highlight=False, markup=False, width=width), found)
