"""`tsunagu start`: starts a request of a pipeline with a JSON document."""

from typing import Annotated

import typer

from tsunagu.cli.changes import ChangeOptions, agreed, guarded, recorded
from tsunagu.cli.completion import complete_pipeline
from tsunagu.cli.files import read_document
from tsunagu.cli.options import StackName, Stage, scope_of
from tsunagu.cli.pipeline_change import pipeline_change
from tsunagu.operations.aws import Aws
from tsunagu.operations.pipelines import deployed_preprocessor, find_pipeline
from tsunagu.operations.preprocessor_client import check_command, start_command


@guarded
def start(
    pipeline: Annotated[
        str,
        typer.Argument(
            metavar="PIPELINE",
            help="Name of the pipeline, as its prop `name` has it.",
            autocompletion=complete_pipeline,
        ),
    ],
    *,
    file: Annotated[str, typer.Option(help="The request, one JSON object; - is standard input.")],
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: with the same key, the same request answers.")
    ] = None,
    from_step: Annotated[
        str | None,
        typer.Option(
            "--from",
            help='Step to start at. For a later step the document is {"request": …, "results": {service: …}}.',
        ),
    ] = None,
    stage: Stage = None,
    stack: StackName = None,
    options: ChangeOptions,
) -> None:
    """Start a request of a pipeline, and print its request id.

    Example: tsunagu start orders --file order.json --key o-1 --stage dev
    """
    command = start_command(read_document("--file", file), key=key, from_step=from_step)
    check_command(command)
    aws = Aws()
    found = find_pipeline(aws.cloudformation, scope_of(stack, stage), pipeline)
    at = f" at the step {from_step}" if from_step else ""
    change = pipeline_change(aws, found, command="start", what=f"start a request of the pipeline {found.name}{at}")
    if not agreed(change, options):
        return
    with recorded(aws, change, options) as record:
        run = deployed_preprocessor(found).ask(command)
        record.note(request_id=run.request_id, run_id=run.run_id, was_started_before=run.is_duplicate)
    typer.echo(run.request_id)
    typer.echo(f"run {run.run_id} {'was started before' if run.is_duplicate else 'started'}", err=True)
