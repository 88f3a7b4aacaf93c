"""Finds deployed pipelines by the outputs of their stacks, and their preprocessors."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from tsunagu.contracts.claims import ClaimKeyError, check_id
from tsunagu.errors import InvalidInputError, NotFoundError
from tsunagu.operations.deployed_stacks import DeployedStack, find_stack, find_stacks, stack_name_prefix
from tsunagu.operations.preprocessor_client import PreprocessorClient

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

PIPELINE_OUTPUT = "PipelineName"
PREPROCESSOR_OUTPUT = "PreprocessorFunctionName"
# Longer than any preprocessor works, so that the SDK does not ask again while it still works.
ANSWER_SECONDS = 120


def find_pipeline(
    client: "CloudFormationClient", *, stage: str, name: str | None = None, stack_name: str | None = None
) -> DeployedStack:
    """Return the stack of a deployed pipeline.

    Args:
        client: CloudFormation client.
        stage: Stage whose stacks `tsunagu-<stage>-…` are searched.
        name: Name of the pipeline, as the stack's output `PipelineName` has it. Default: the only one that is found.
        stack_name: Whole name of the one stack that is searched, in place of those of the stage.

    Raises:
        NotFoundError: No such pipeline is deployed, or several are and none was named; the message lists them.
    """
    where = stack_name or f"{stack_name_prefix(stage)}*"
    stacks = find_stacks(client, stage) if stack_name is None else [find_stack(client, stack_name)]
    pipelines = {stack.outputs[PIPELINE_OUTPUT]: stack for stack in stacks if PIPELINE_OUTPUT in stack.outputs}
    if name is None and len(pipelines) == 1:
        return next(iter(pipelines.values()))
    if name in pipelines:
        return pipelines[name]
    known = ", ".join(sorted(pipelines)) or "none"
    if name is None and pipelines:
        msg = f"--pipeline must name one pipeline of the stacks {where}, which have {known}"
    else:
        msg = f"the stacks {where} must have {f'the pipeline {name}' if name else 'a pipeline'}, got {known}"
    raise NotFoundError(msg)


def deployed_preprocessor(stack: DeployedStack) -> PreprocessorClient:
    """Return a client of the preprocessor of a pipeline.

    Args:
        stack: Stack of the pipeline.

    Raises:
        NotFoundError: The stack has no preprocessor.
    """
    config = Config(read_timeout=ANSWER_SECONDS, retries={"mode": "standard", "total_max_attempts": 3})
    return PreprocessorClient(boto3.client("lambda", config=config), stack.output(PREPROCESSOR_OUTPUT))


def check_request_id(request_id: str) -> str:
    """Return `request_id` if it is one.

    Raises:
        InvalidInputError: It is not a request id of a pipeline.
    """
    try:
        return check_id("the request id", request_id)
    except ClaimKeyError as error:
        raise InvalidInputError(str(error)) from None
