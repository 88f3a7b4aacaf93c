"""`tsunagu replay`: sends a request through a pipeline again, from any step."""

from typing import Annotated

import typer

from tsunagu.cli.changes import ChangeOptions, agreed, guarded, recorded
from tsunagu.cli.files import read_document
from tsunagu.cli.options import Pipeline, Request, StackName, Stage, scope_of
from tsunagu.cli.pipeline_change import pipeline_change
from tsunagu.operations.aws import Aws
from tsunagu.operations.pipelines import check_request_id, deployed_preprocessor, find_pipeline
from tsunagu.operations.preprocessor_client import check_command, replay_command


@guarded
def replay(
    request_id: Request,
    *,
    from_step: Annotated[str, typer.Option("--from", help="Step to start at.")],
    only: Annotated[str | None, typer.Option(help="The one service of the step that works again.")] = None,
    payload: Annotated[
        str | None, typer.Option(help="File with another input of the step, as for `tsunagu start`.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: with the same key, the same run answers.")] = None,
    pipeline: Pipeline = None,
    stage: Stage = None,
    stack: StackName = None,
    options: ChangeOptions,
) -> None:
    """Send a request through a pipeline again, with the input that the step had, and print the id of the new run.

    Example: tsunagu replay 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --from ship --stage dev
    """
    check_request_id(request_id)
    document = None if payload is None else read_document("--payload", payload)
    command = replay_command(request_id, from_step, only=only, payload=document, key=key)
    check_command(command)
    aws = Aws()
    found = find_pipeline(aws.cloudformation, scope_of(stack, stage), pipeline)
    what = f"replay the request {request_id} of the pipeline {found.name} from the step {from_step}"
    with_payload = "" if payload is None else f", with the payload of {payload}"
    change = pipeline_change(
        aws, found, command="replay", what=f"{what}{'' if only is None else f', {only} only'}{with_payload}"
    )
    if not agreed(change, options):
        return
    with recorded(aws, change, options) as record:
        run = deployed_preprocessor(found).ask(command)
        record.note(request_id=request_id, run_id=run.run_id, was_started_before=run.is_duplicate)
    typer.echo(run.run_id)
