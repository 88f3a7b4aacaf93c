"""`tsunagu start`: one JSON document becomes a request of a pipeline."""

from typing import Annotated

import typer

from tsunagu.cli.files import read_document
from tsunagu.operations.pipelines import PipelineName, ask_preprocessor, find_pipeline


def start(
    pipeline: Annotated[PipelineName, typer.Argument(help="Which pipeline.")],
    file: Annotated[str, typer.Option(help="The request, one JSON object; - is standard input.")],
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: asked again with it, the same request answers.")
    ] = None,
    from_step: Annotated[
        str | None,
        typer.Option(
            "--from", help='Step to start at; at a later one the document is {"request": …, "results": {service: …}}.'
        ),
    ] = None,
    stage: Annotated[str, typer.Option(help="Stage of the stack: tsunagu-<stage>-<pipeline's stack>.")] = "dev",
) -> None:
    """Start a request of a pipeline, and print its request id."""
    payload = read_document("--file", file)
    stack = find_pipeline(pipeline, stage)
    question = {"action": "start", "payload": payload, "idempotency_key": key, "from_step": from_step}
    accepted = ask_preprocessor(stack, question)
    typer.echo(accepted.request_id)
    what = "was started before" if accepted.is_duplicate else "started"
    typer.echo(f"run {accepted.run_id} {what}", err=True)
