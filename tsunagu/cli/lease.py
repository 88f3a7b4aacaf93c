"""`tsunagu lease`: shows who holds the leases of scheduled jobs, and releases one."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from tsunagu.cli.changes import Change, ChangeOptions, agreed, guarded, recorded
from tsunagu.cli.completion import complete_job
from tsunagu.cli.options import StackName, Stage, scope_of
from tsunagu.cli.output import Line, Shown, indented, output_console, print_parts, tell
from tsunagu.cli.reports import reporting
from tsunagu.cli.status_report import denial_line
from tsunagu.errors import CommandError
from tsunagu.operations.aws import Aws
from tsunagu.operations.inventory import read_inventory
from tsunagu.operations.jobs import DeployedJob, find_job, find_jobs, has_ended
from tsunagu.operations.leases import lease_of, release_lease
from tsunagu.operations.reader import Reader
from tsunagu.operations.times import utc_text
from tsunagu.runtime.single_flight.job_lease import JobLease

lease = typer.Typer(help="Show and release the leases of scheduled jobs.", no_args_is_help=True)


@lease.command("list")
@reporting
def list_leases(stage: Stage = None, stack: StackName = None) -> None:
    """Print who holds the lease of each job, since when, and until when at most.

    Example: tsunagu lease list --stage dev
    """
    reader, scope = Reader(Aws()), scope_of(stack, stage)
    jobs = find_jobs(reader, scope)
    for denial in reader.denials():
        typer.echo(denial_line(denial), err=True)
    if not jobs:
        typer.echo(f"no scheduled job in {scope}", err=True)
        return
    for job in jobs:
        print_parts(output_console(), _parts(reader, job))


@lease.command("release")
@reporting
@guarded
def release(
    job: Annotated[
        str,
        typer.Argument(metavar="JOB", help="Name of the job, as its prop `job` has it.", autocompletion=complete_job),
    ],
    *,
    stage: Stage = None,
    stack: StackName = None,
    options: ChangeOptions,
) -> None:
    """Say who holds the lease of a job, ask, and release it. The run that held it commits nothing any more.

    Example: tsunagu lease release supplier-sync --stage dev
    """
    aws = Aws()
    deployed = find_job(Reader(aws), scope_of(stack, stage), job)
    found = lease_of(aws.dynamodb, deployed)
    if found is None or not found.owner:
        msg = f"the lease of the job {job} must be held to be released, got a free one"
        raise CommandError(msg)
    change = Change(
        command="lease release",
        what=f"release the lease of {deployed.name}",
        details=[
            f"run {found.run} of {deployed.name} for {found.slot} is held by {found.owner}",
            f"since {utc_text(found.since)}; it ends by itself at {utc_text(found.lease)}",
            "its worker may still work, and commits nothing after the release",
        ],
        stack=read_inventory(aws.cloudformation, deployed.stack_name),
        log_group=deployed.log_group,
    )
    if not agreed(change, options):
        return
    with recorded(aws, change, options) as record:
        release_lease(aws.dynamodb, deployed, found)
        record.note(job=deployed.name, run=found.run, owner=found.owner)
    waits = (
        "its execution goes on waiting, stop it if nobody needs it: "
        f"aws stepfunctions stop-execution --execution-arn {found.owner}"
    )
    rest = "its execution has ended" if has_ended(Reader(aws), found.owner) else waits
    tell(f"released the lease of {deployed.name}; {rest}")


def _parts(reader: Reader, job: DeployedJob) -> Iterator[Shown]:
    name = Text(job.name, style="bold")
    if not job.table_name:
        yield Line(Text.assemble(name, ": unknown"))
        return
    found = lease_of(reader.aws.dynamodb, job)
    yield Line(Text.assemble(name, f": {_state(found)}"))
    if found is not None and found.owner:
        ended = " that has ended" if has_ended(reader, found.owner) else ""
        yield indented(Text(f"by an execution{ended}: {found.owner}"))
        yield indented(Text(f"since {utc_text(found.since)}, ends by itself at {utc_text(found.lease)}"))


def _state(found: JobLease | None) -> str:
    if found is None:
        return "never run"
    slot = f"run {found.run} for {found.slot}"
    return f"held for {slot}" if found.owner else f"free, after {slot}"
