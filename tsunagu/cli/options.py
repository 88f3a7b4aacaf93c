"""Options that several verbs share."""

from typing import Annotated

import typer

Stage = Annotated[str, typer.Option(help="Stage of the stack. Its name begins with tsunagu-<stage>-.")]
StackName = Annotated[str | None, typer.Option(help="Whole name of the stack, when it has no stage in its name.")]
Pipeline = Annotated[
    str | None,
    typer.Option(help="Name of the pipeline: the output PipelineName of its stack. Default: the stage's only one."),
]
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="Request id, as `tsunagu start` printed it.")]
