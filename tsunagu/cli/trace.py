"""`tsunagu trace`: shows where a request is."""

import json

import typer

from tsunagu.cli.options import AsJson, Pipeline, Request, StackName, Stage, scope_of
from tsunagu.cli.output import output_console
from tsunagu.cli.trace_report import print_trace, trace_as_json
from tsunagu.operations.aws import Aws
from tsunagu.operations.pipelines import check_request_id, find_pipeline
from tsunagu.operations.trace import trace_deployed
from tsunagu.runtime.json_text import has_exact_numbers, json_text


def trace(
    request_id: Request,
    pipeline: Pipeline = None,
    stage: Stage = None,
    stack: StackName = None,
    as_json: AsJson = False,
) -> None:
    """Print the runs of a request, and the state of each run in each service.

    Example: tsunagu trace 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --stage dev
    """
    check_request_id(request_id)
    aws = Aws()
    deployed = find_pipeline(aws.cloudformation, scope_of(stack, stage), pipeline)
    found = trace_deployed(aws.functions, aws.dynamodb, deployed.function_name, request_id)
    if as_json:
        document = trace_as_json(found)
        # The indented form of the standard library would round numbers.
        typer.echo(json_text(document) if has_exact_numbers(document) else json.dumps(document, indent=2))
        return
    print_trace(output_console(), found)
