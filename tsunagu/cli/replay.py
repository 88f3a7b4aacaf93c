"""`tsunagu replay`: sends a request through a pipeline again, from any step."""

from typing import Annotated

import boto3
import typer

from tsunagu.cli.files import read_document
from tsunagu.cli.options import Pipeline, Request, StackName, Stage
from tsunagu.operations.pipelines import check_request_id, deployed_preprocessor, find_pipeline
from tsunagu.operations.preprocessor_client import replay_command


def replay(
    request_id: Request,
    *,
    from_step: Annotated[str, typer.Option("--from", help="Step to start at.")],
    only: Annotated[str | None, typer.Option(help="The one service of the step that works again.")] = None,
    payload: Annotated[
        str | None, typer.Option(help="File with another input of the step, as for `tsunagu start`.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: with the same key, the same run answers.")] = None,
    pipeline: Pipeline = None,
    stage: Stage = "dev",
    stack_name: StackName = None,
) -> None:
    """Send a request through a pipeline again, with the input that the step had, and print the id of the new run."""
    check_request_id(request_id)
    document = None if payload is None else read_document("--payload", payload)
    stack = find_pipeline(boto3.client("cloudformation"), stage=stage, name=pipeline, stack_name=stack_name)
    command = replay_command(request_id, from_step, only=only, payload=document, key=key)
    typer.echo(deployed_preprocessor(stack).ask(command).run_id)
