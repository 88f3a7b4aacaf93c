"""Options that several verbs share, so that they have the same name and meaning everywhere."""

from typing import Annotated

import boto3
import typer

from tsunagu.cli.completion import complete_pipeline, complete_stack, complete_stage
from tsunagu.operations.scope import StackScope

Stage = Annotated[
    str | None,
    typer.Option(
        help="Only stacks with this part in their names: tsunagu-dev-…, …-dev. Default: all stacks of the region.",
        autocompletion=complete_stage,
    ),
]
StackName = Annotated[
    str | None,
    typer.Option(
        "--stack",
        "--stack-name",
        help="The stack, by its whole name or its own part of tsunagu-<stage>-<part>, or with --stage of any name. "
        "Default: all are searched.",
        autocompletion=complete_stack,
    ),
]
Pipeline = Annotated[
    str | None,
    typer.Option(help="Name of the pipeline. Default: the only one that is found.", autocompletion=complete_pipeline),
]
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="Request id, as `tsunagu start` printed it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object instead of tables.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Force = Annotated[
    bool, typer.Option("--force", help="Change a protected stack too, or where the change cannot be logged.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


def scope_of(stack: str | None, stage: str | None) -> StackScope:
    """Return which stacks the options `--stack` and `--stage` name."""
    return StackScope(stack=stack, stage=stage, region=boto3.Session().region_name or "")
