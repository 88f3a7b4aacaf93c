"""Finds deployed pipelines, and their preprocessors."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from tsunagu.contracts.claims import ClaimKeyError, check_id
from tsunagu.contracts.flows import Kind, letters_of
from tsunagu.errors import InvalidInputError
from tsunagu.operations.deployed_functions import alias_of
from tsunagu.operations.inventory import read_inventories
from tsunagu.operations.preprocessor_client import PreprocessorClient
from tsunagu.operations.scope import StackScope, find_named, parts_of, stacks_in

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

PIPELINE_OUTPUT = "PipelineName"
PREPROCESSOR_OUTPUT = "PreprocessorFunctionName"
# Longer than any preprocessor works, so that the SDK does not ask again while it still works.
ANSWER_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedPipeline:
    """A deployed pipeline.

    Attributes:
        name: Its name.
        stack_name: Its stack.
        function_name: Function of its preprocessor.
        path: Name that no other pipeline of the stack has.
        alias_arn: Alias by which the preprocessor is invoked (SnapStart); "" where it has none.
    """

    name: str
    stack_name: str
    function_name: str
    path: str = ""
    alias_arn: str = ""

    def is_named(self, name: str) -> bool:
        """Whether it is meant by a name."""
        return letters_of(name) in {letters_of(self.name), letters_of(self.path)}


def find_pipelines(client: "CloudFormationClient", scope: StackScope) -> list[DeployedPipeline]:
    """Return the pipelines of some stacks, sorted by name.

    Raises:
        NotFoundError: No stack is in the scope.
        AmbiguousNameError: The name of the stack is that of several.
    """
    stacks = stacks_in(client, scope)
    found = [
        DeployedPipeline(
            name=part.name,
            stack_name=inventory.name,
            function_name=resource.physical_id,
            path=part.path,
            alias_arn=alias_of(inventory, resource.physical_id),
        )
        for inventory, resource, part in parts_of(read_inventories(client, stacks, only_with_flows=True), Kind.PIPELINE)
    ]
    known = {pipeline.stack_name for pipeline in found}
    # Stacks that an earlier release deployed have no metadata.
    found += [
        DeployedPipeline(
            name=stack.outputs[PIPELINE_OUTPUT],
            stack_name=stack.name,
            function_name=stack.outputs[PREPROCESSOR_OUTPUT],
        )
        for stack in stacks
        if stack.name not in known and {PIPELINE_OUTPUT, PREPROCESSOR_OUTPUT} <= stack.outputs.keys()
    ]
    return sorted(found, key=lambda pipeline: (pipeline.name, pipeline.stack_name))


def find_pipeline(client: "CloudFormationClient", scope: StackScope, name: str | None = None) -> DeployedPipeline:
    """Return a deployed pipeline.

    Args:
        client: CloudFormation client.
        scope: Which stacks are searched.
        name: Name of the pipeline. Default: the only one that is found.

    Raises:
        NotFoundError: No such pipeline is deployed; the message lists those that are.
        AmbiguousNameError: Several are; the message lists their stacks.
    """
    return find_named(find_pipelines(client, scope), name, what="pipeline", scope=scope, option="--pipeline")


def deployed_preprocessor(pipeline: DeployedPipeline) -> PreprocessorClient:
    """Return a client of the preprocessor of a pipeline."""
    config = Config(read_timeout=ANSWER_SECONDS, retries={"mode": "standard", "total_max_attempts": 3})
    return PreprocessorClient(boto3.client("lambda", config=config), pipeline.alias_arn or pipeline.function_name)


def check_request_id(request_id: str) -> str:
    """Return `request_id` if it is one.

    Raises:
        InvalidInputError: It is not a request id of a pipeline.
    """
    try:
        return check_id("the request id", request_id)
    except ClaimKeyError as error:
        raise InvalidInputError(str(error)) from None
