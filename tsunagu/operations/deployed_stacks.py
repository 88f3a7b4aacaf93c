"""Deployed stacks, and what their outputs tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tsunagu.errors import CommandError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack:
    """A stack that is deployed.

    Attributes:
        name: Its name.
        outputs: Its outputs by name.
    """

    name: str
    outputs: Mapping[str, str]

    def output(self, name: str) -> str:
        """Return one output.

        Raises:
            CommandError: The stack has none of this name.
        """
        if name not in self.outputs:
            msg = f"the stack {self.name} must have the output {name}, got {', '.join(sorted(self.outputs)) or 'none'}"
            raise CommandError(msg)
        return self.outputs[name]


def stack_name(stage: str, part: str) -> str:
    """Return the name of the stack in `stage` whose own part of the name is `part`."""
    return f"tsunagu-{stage}-{part}"


def find_stack(client: "CloudFormationClient", name: str) -> DeployedStack:
    """Return a deployed stack.

    Raises:
        CommandError: There is no such stack.
    """
    try:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        msg = f"the stack {name} must be deployed, got none of this name at {client.meta.endpoint_url}"
        raise CommandError(msg) from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return DeployedStack(name=name, outputs=outputs)
