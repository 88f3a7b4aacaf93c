"""`tsunagu run`: starts a run of a scheduled job by hand."""

from typing import Annotated

import typer

from tsunagu.cli.changes import Change, ChangeOptions, agreed, guarded, recorded
from tsunagu.cli.completion import complete_job
from tsunagu.cli.options import StackName, Stage, scope_of
from tsunagu.operations.aws import Aws
from tsunagu.operations.inventory import read_inventory
from tsunagu.operations.jobs import find_job, start_run
from tsunagu.operations.reader import Reader


@guarded
def run_job(
    job: Annotated[
        str,
        typer.Argument(metavar="JOB", help="Name of the job, as its prop `job` has it.", autocompletion=complete_job),
    ],
    *,
    stage: Stage = None,
    stack: StackName = None,
    options: ChangeOptions,
) -> None:
    """Start a run of a scheduled job, under the same lease as its schedule, and print the ARN of the execution.

    Example: tsunagu run supplier-sync --stage dev
    """
    aws = Aws()
    found = find_job(Reader(aws), scope_of(stack, stage), job)
    change = Change(
        command="run",
        what=f"start a run of the job {found.name}",
        stack=read_inventory(aws.cloudformation, found.stack_name),
        log_group=found.log_group,
    )
    if not agreed(change, options):
        return
    with recorded(aws, change, options) as record:
        execution = start_run(aws.stepfunctions, found)
        record.note(job=found.name, execution=execution)
    typer.echo(execution)
    typer.echo("started; the execution ends as Skipped if a run is queued or working", err=True)
