"""`tsunagu lease`: shows who holds the leases of scheduled jobs, and releases one."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tsunagu.cli.options import StackName, Stage, Yes, scope_of
from tsunagu.errors import CommandError
from tsunagu.operations.aws import Aws
from tsunagu.operations.jobs import find_job, find_jobs
from tsunagu.operations.leases import lease_of, release_lease
from tsunagu.operations.reader import Reader
from tsunagu.runtime.single_flight.job_lease import JobLease

COLUMNS = 200  # for a file or a pipe, which wraps no line

lease = typer.Typer(help="Show and release the leases of scheduled jobs.", no_args_is_help=True)


@lease.command("list")
def list_leases(stage: Stage = None, stack: StackName = None) -> None:
    """Print who holds the lease of each job, since when, and until when at most.

    Example: tsunagu lease list --stage dev
    """
    table = Table("job", "run", "slot", "held by", "since", "ends by itself", box=None)
    aws = Aws()
    for job in find_jobs(Reader(aws), scope_of(stack, stage)):
        found = lease_of(aws.dynamodb, job)
        table.add_row(job.name, *(_cells(found) if found is not None else ["", "", "never run", "", ""]))
    console = Console(highlight=False, markup=False)
    Console(highlight=False, markup=False, width=console.width if console.is_terminal else COLUMNS).print(table)


@lease.command("release")
def release(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Name of the job, as its prop `job` has it.")],
    *,
    stage: Stage = None,
    stack: StackName = None,
    yes: Yes = False,
) -> None:
    """Say who holds the lease of a job, ask, and release it. The run that held it commits nothing any more."""
    aws = Aws()
    deployed = find_job(Reader(aws), scope_of(stack, stage), job)
    found = lease_of(aws.dynamodb, deployed)
    if found is None or not found.owner:
        msg = f"the lease of the job {job} must be held to be released, got a free one"
        raise CommandError(msg)
    typer.echo(f"run {found.run} of {job} for {found.slot} is held by {found.owner}", err=True)
    typer.echo(f"since {_time(found.since)}; it ends by itself at {_time(found.lease)}", err=True)
    if not yes and not typer.confirm("Release it? Its worker may still work, and commits nothing then", err=True):
        msg = f"the release of the lease of {job} must be confirmed, got no"
        raise CommandError(msg)
    release_lease(aws.dynamodb, deployed, found)
    typer.echo(f"released the lease of {job}; its execution goes on waiting, stop it if nobody needs it", err=True)


def _cells(found: JobLease) -> list[str]:
    if not found.owner:
        return [str(found.run), found.slot, "free", "", ""]
    return [str(found.run), found.slot, found.owner, _time(found.since), _time(found.lease)]


def _time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
