"""Finds deployed stacks, and reads their outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tsunagu.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_NOT_THERE = ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack:
    """A deployed stack.

    Attributes:
        name: Whole name of the stack.
        outputs: Outputs by name.
        termination_protected: Whether CloudFormation refuses to delete it.
        is_nested: Whether another stack has it as a resource.
        created_ms: When it was created, in milliseconds since the epoch; 0 where it is not known.
    """

    name: str
    outputs: Mapping[str, str]
    termination_protected: bool = False
    is_nested: bool = False
    created_ms: int = 0

    def output(self, name: str) -> str:
        """Return the value of one output.

        Raises:
            NotFoundError: The stack has no output of this name.
        """
        if name not in self.outputs:
            msg = f"the stack {self.name} must have the output {name}, got {', '.join(sorted(self.outputs)) or 'none'}"
            raise NotFoundError(msg)
        return self.outputs[name]


def stack_name_prefix(stage: str) -> str:
    """Return how the names of the stacks of `stage` begin."""
    return f"tsunagu-{stage}-"


def stack_name(stage: str, part: str) -> str:
    """Return the name of a stack of `stage`.

    Args:
        stage: Stage of the app.
        part: The stack's own part of the name, such as `invoices`.
    """
    return f"{stack_name_prefix(stage)}{part}"


def find_stack(client: "CloudFormationClient", name: str) -> DeployedStack:
    """Return the deployed stack of this name.

    Raises:
        NotFoundError: No stack of this name is deployed.
    """
    try:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        msg = f"the stack {name} must be deployed, got none of this name at {client.meta.endpoint_url}"
        raise NotFoundError(msg) from None
    return _deployed(stack)


def is_of_stage(name: str, stage: str) -> bool:
    """Return whether the name of a stack says that it is of a stage: the stage is a part of it, between hyphens.

    So the stage `dev` has `tsunagu-dev-payments`, `bookings-dev` and `Dev-Warehouse`. Capital letters do not count.
    """
    return f"-{stage}-".lower() in f"-{name}-".lower()


def own_part(name: str, stage: str) -> str:
    """Return the own part of the name of a stack of a stage: what is behind the stage, or before it at the end.

    Args:
        name: Name of the stack: `tsunagu-dev-payments`, `bookings-dev`, `Dev-Warehouse`.
        stage: Its stage: `dev`.
    """
    before, _, behind = f"-{name}-".lower().partition(f"-{stage}-".lower())
    start = len(before) + len(stage) + 1
    return name[start:] if behind.strip("-") else name[: max(0, len(before) - 1)]


def find_stacks(client: "CloudFormationClient", stage: str) -> list[DeployedStack]:
    """Return the deployed stacks whose names say that they are of a stage, sorted by name; see `is_of_stage`."""
    return [stack for stack in all_stacks(client) if is_of_stage(stack.name, stage)]


def all_stacks(client: "CloudFormationClient") -> list[DeployedStack]:
    """Return the deployed stacks of the region, sorted by name, without those that are nested in another one."""
    pages = client.get_paginator("describe_stacks").paginate()
    # A stack in review was never deployed: it has a change set only.
    found = [_deployed(stack) for page in pages for stack in page["Stacks"] if stack["StackStatus"] not in _NOT_THERE]
    return sorted((stack for stack in found if not stack.is_nested), key=lambda stack: stack.name)


def _deployed(stack: "StackTypeDef") -> DeployedStack:
    outputs = {output["OutputKey"]: output.get("OutputValue", "") for output in stack.get("Outputs", [])}
    return DeployedStack(
        name=stack["StackName"],
        outputs=outputs,
        termination_protected=bool(stack.get("EnableTerminationProtection")),
        is_nested="ParentId" in stack,
        created_ms=int(stack["CreationTime"].timestamp() * 1_000),
    )
