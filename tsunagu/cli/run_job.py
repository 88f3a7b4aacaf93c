"""`tsunagu run`: starts a run of a scheduled job by hand."""

from typing import Annotated

import boto3
import typer

from tsunagu.cli.options import StackName, Stage
from tsunagu.operations.jobs import find_job, start_run


def run_job(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Name of the job: the output JobName of its stack.")],
    stage: Stage = "dev",
    stack_name: StackName = None,
) -> None:
    """Start a run of a scheduled job, under the same guard as its schedule, and print the ARN of the execution."""
    found = find_job(boto3.client("cloudformation"), job, stage=stage, stack_name=stack_name)
    typer.echo(start_run(boto3.client("stepfunctions"), found))
    typer.echo("started; the execution ends as Skipped if a run is queued or working", err=True)
