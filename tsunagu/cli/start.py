"""`tsunagu start`: starts a request of a pipeline with a JSON document."""

from typing import Annotated

import typer

from tsunagu.cli.completion import complete_pipeline
from tsunagu.cli.files import read_document
from tsunagu.cli.options import StackName, Stage, scope_of
from tsunagu.operations.aws import Aws
from tsunagu.operations.pipelines import deployed_preprocessor, find_pipeline
from tsunagu.operations.preprocessor_client import start_command


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
) -> None:
    """Start a request of a pipeline, and print its request id.

    Example: tsunagu start orders --file order.json --key o-1 --stage dev
    """
    payload = read_document("--file", file)
    found = find_pipeline(Aws().cloudformation, scope_of(stack, stage), pipeline)
    run = deployed_preprocessor(found).ask(start_command(payload, key=key, from_step=from_step))
    typer.echo(run.request_id)
    typer.echo(f"run {run.run_id} {'was started before' if run.is_duplicate else 'started'}", err=True)
