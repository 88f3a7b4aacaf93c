"""`tsunagu runs`: lists the runs of a pipeline that are not done."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from tsunagu.cli.changes import ChangeOptions, agreed, guarded, recorded
from tsunagu.cli.completion import complete_pipeline
from tsunagu.cli.options import StackName, Stage, scope_of
from tsunagu.cli.output import output_console
from tsunagu.cli.pipeline_change import pipeline_change
from tsunagu.errors import InvalidInputError
from tsunagu.operations.aws import Aws
from tsunagu.operations.pipelines import DeployedPipeline, check_request_id, find_pipeline
from tsunagu.operations.times import age_seconds, duration_text
from tsunagu.operations.unfinished_runs import Cause, UnfinishedRun, Wait, dismiss_runs, unfinished_runs

if TYPE_CHECKING:
    from rich.console import Console

CAUSES = {
    Cause.NOT_PUBLISHED: "not published: call again with the same key, or replay the request",
    Cause.STEP_GONE: "the pipeline has no such step any more: replay the request from another step",
    Cause.SERVICE_GONE: "the pipeline has no such service any more",
    Cause.NOT_RECEIVED: "no item: its message is on the way, was purged, or expired",
    Cause.WORKING: "a worker has it, or was killed",
    Cause.RELEASED: "failed, and waits for its next delivery",
    Cause.DEAD: "dead-lettered",
    Cause.NOT_SENT: "done, but its message to the next step was not sent",
    Cause.UNREADABLE: "an item was written by another release",
}


@guarded
def runs(
    pipeline: Annotated[
        str | None,
        typer.Argument(
            metavar="PIPELINE",
            help="Name of the pipeline. Default: the only one.",
            autocompletion=complete_pipeline,
        ),
    ] = None,
    *,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="List runs that were started so long ago, such as 30m, 1h or 2d.")
    ] = "1h",
    limit: Annotated[int, typer.Option(min=1, help="List so many at most; they need not be the oldest.")] = 1_000,
    dismiss: Annotated[
        str | None,
        typer.Option(
            metavar="REQUEST", help="List and count the unfinished runs of this request no more. Nothing else changes."
        ),
    ] = None,
    stage: Stage = None,
    stack: StackName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array instead of a table.")] = False,
    options: ChangeOptions,
) -> None:
    """List the runs of a pipeline that are not done: where each waits, since when, and why.

    The options --yes, --force and --dry-run are those of --dismiss.

    Example: tsunagu runs orders --older-than 1d --stage dev
    """
    older_seconds = _seconds_of("--older-than", older_than)
    if dismiss is not None:
        check_request_id(dismiss)
    aws = Aws()
    deployed = find_pipeline(aws.cloudformation, scope_of(stack, stage), pipeline)
    if dismiss is not None:
        _dismiss(aws, deployed, dismiss, options)
        return
    found = unfinished_runs(
        aws.functions, aws.dynamodb, deployed.function_name, older_than_seconds=older_seconds, limit_count=limit
    )
    if as_json:
        typer.echo(json.dumps([run_as_json(run) for run in found], indent=2))
        return
    print_runs(output_console(), found, older_than=older_than, limit=limit)


def _dismiss(aws: Aws, pipeline: DeployedPipeline, request_id: str, options: ChangeOptions) -> None:
    functions, tables, function_name = aws.functions, aws.dynamodb, pipeline.function_name
    found = [each for each in unfinished_runs(functions, tables, function_name) if each.request_id == request_id]
    if not found:
        typer.echo(f"{pipeline.name} has no unfinished run of {request_id}", err=True)
        return
    change = pipeline_change(
        aws,
        pipeline,
        command="runs --dismiss",
        what=f"dismiss {_runs(len(found))} of the request {request_id} of the pipeline {pipeline.name}",
        details=[*map(_line, found), "items and messages stay as they are: a run that goes on is not stopped"],
    )
    if not agreed(change, options):
        return
    with recorded(aws, change, options) as record:
        count = dismiss_runs(functions, tables, function_name, request_id)
        record.note(request_id=request_id, dismissed=count)
    typer.echo(f"dismissed {_runs(count)} of {request_id}")


def _runs(count: int) -> str:
    return f"{count:,} unfinished run{'' if count == 1 else 's'}"


def _line(run: UnfinishedRun) -> str:
    waits = "; ".join(": ".join(filter(None, (_at(wait), _why(wait)))) for wait in run.waits)
    return f"run {run.run_id or run.start_id}, started {_time(run.started_ms)}: {waits}"


def run_as_json(run: UnfinishedRun) -> dict[str, Any]:
    """Return a run as JSON: times in UTC."""
    return {
        "request_id": run.request_id,
        "run_id": run.run_id,
        "started": _time(run.started_ms),
        "waits": [
            {
                "step": wait.step,
                "service": wait.service,
                "cause": wait.cause,
                "since": _time(wait.since_ms),
                "reason": wait.reason,
            }
            for wait in run.waits
        ],
    }


def print_runs(console: "Console", found: Sequence[UnfinishedRun], *, older_than: str, limit: int) -> None:
    """Print a line for each thing that a run waits for, and how many runs there are."""
    if found:
        console.print(_table(found))
    more = ", and perhaps more" if len(found) == limit else ""
    console.print(f"{_runs(len(found))} older than {older_than}{more}")


def _table(found: Sequence[UnfinishedRun]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("request", "age"):
        table.add_column(heading, no_wrap=True)
    table.add_column("waits", overflow="fold")
    for run in found:
        for number, wait in enumerate(run.waits):
            table.add_row(
                (run.request_id or run.start_id) if number == 0 else "",
                _age(run.started_ms) if number == 0 else "",
                _waits(wait),
            )
    return table


def _waits(wait: Wait) -> str:
    place = " for ".join(filter(None, (f"at {_at(wait)}" if _at(wait) else "", _age(wait.since_ms))))
    return ": ".join(filter(None, (place, _why(wait))))


def _at(wait: Wait) -> str:
    return ".".join(filter(None, (wait.step, wait.service)))


def _why(wait: Wait) -> str:
    return f"{CAUSES[wait.cause]}: {wait.reason}" if wait.reason else CAUSES[wait.cause]


def _age(milliseconds: int) -> str:
    return duration_text(max(0.0, time.time() - milliseconds / 1_000)) if milliseconds else ""


def _time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _seconds_of(option: str, text: str) -> int:
    seconds = age_seconds(text)
    if seconds is None:
        msg = f"{option} must be a whole number and one of s, m, h and d, such as 90s or 2d, got {text[:32]!r}"
        raise InvalidInputError(msg)
    return seconds
