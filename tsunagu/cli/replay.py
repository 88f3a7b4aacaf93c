"""`tsunagu replay`: a request goes through a pipeline again, from any step."""

from typing import Annotated

import typer

from tsunagu.cli.files import read_document
from tsunagu.operations.pipelines import PipelineName, ask_preprocessor, check_request_id, find_pipeline


def replay(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST", help="Request id, as `tsunagu start` printed it.")],
    *,
    from_step: Annotated[str, typer.Option("--from", help="Step to begin at.")],
    only: Annotated[str | None, typer.Option(help="The one service of the step that works again.")] = None,
    payload: Annotated[
        str | None, typer.Option(help="File with another input of the step, as for `tsunagu start`.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: asked again with it, the same run answers.")] = None,
    pipeline: Annotated[PipelineName, typer.Option(help="Which pipeline.")] = PipelineName.ORDERS,
    stage: Annotated[str, typer.Option(help="Stage of the stack: tsunagu-<stage>-<pipeline's stack>.")] = "dev",
) -> None:
    """Send a request through a pipeline again, with the input that the step had, and print the id of the new run."""
    check_request_id(request_id)
    document = None if payload is None else read_document("--payload", payload)
    stack = find_pipeline(pipeline, stage)
    question = {
        "action": "replay",
        "request_id": request_id,
        "from_step": from_step,
        "only": only,
        "payload": document,
        "idempotency_key": key,
    }
    accepted = ask_preprocessor(stack, question)
    typer.echo(accepted.run_id)
