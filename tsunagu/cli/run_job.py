"""`tsunagu run`: starts a run of a scheduled job by hand."""

from typing import Annotated

import typer

from tsunagu.cli.completion import complete_job
from tsunagu.cli.options import StackName, Stage, scope_of
from tsunagu.operations.aws import Aws
from tsunagu.operations.jobs import find_job, start_run
from tsunagu.operations.reader import Reader


def run_job(
    job: Annotated[
        str,
        typer.Argument(metavar="JOB", help="Name of the job, as its prop `job` has it.", autocompletion=complete_job),
    ],
    stage: Stage = None,
    stack: StackName = None,
) -> None:
    """Start a run of a scheduled job, under the same guard as its schedule, and print the ARN of the execution.

    Example: tsunagu run supplier-sync --stage dev
    """
    aws = Aws()
    found = find_job(Reader(aws), scope_of(stack, stage), job)
    typer.echo(start_run(aws.stepfunctions, found))
    typer.echo("started; the execution ends as Skipped if a run is queued or working", err=True)
