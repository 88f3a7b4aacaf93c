"""What deployed stacks consist of: every resource, and what its construct says about it in the template.

Works on any stack. The metadata of `tsunagu.contracts.flows` gives names and kinds to what this library made; without
it, there are types, ids, and the construct paths that the CDK writes.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tsunagu.contracts.flows import Part, letters_of, read_parts
from tsunagu.operations.aws import READERS
from tsunagu.operations.denials import denial_of
from tsunagu.operations.deployed_stacks import DeployedStack, find_stack
from tsunagu.operations.templates import deployed_template, template_resources

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NESTED_STACK = "AWS::CloudFormation::Stack"
_CONSTRUCT_PATH = "aws:cdk:path"
# Names of the resource inside its construct, which say nothing: `Orders/Queue/Resource` is `Orders/Queue`.
_OWN_NAMES = ("Resource", "Default")

_logger = logging.getLogger(__name__)

_Declared = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackResource:
    """A resource of a deployed stack.

    Attributes:
        stack_name: Name of the stack that was read; for a resource of a nested stack, that of its root.
        logical_id: Id in the template; in a nested stack after the id of that stack: `Nested/Queue`.
        physical_id: What AWS made: URL of a queue, ARN of a topic, name of a function; "" if it made nothing yet.
        type: Such as `AWS::SQS::Queue`.
        construct_path: Path of its construct inside the stack, as the CDK wrote it; "" without one.
        parts: What it is in flows of this library; none for a resource that the library did not make.
        properties: Properties in the template. Functions such as `Ref` are not resolved.
    """

    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    construct_path: str = ""
    parts: Sequence[Part] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)

    def part(self, kind: str) -> Part | None:
        """Return its part of a kind; None if it is none."""
        return next((part for part in self.parts if part.kind == kind), None)

    @property
    def own_name(self) -> str:
        """Name of a resource without parts: its construct path, or its logical id."""
        return self.construct_path or self.logical_id

    def is_named(self, name: str) -> bool:
        """Whether it is meant by `name`: of a part, its path, the logical or physical id, or the construct path."""
        if name in {self.physical_id, self.logical_id}:
            return True
        names = {self.construct_path, *(each for part in self.parts for each in (part.name, part.path))}
        return letters_of(name) in {letters_of(each) for each in names if each}


@dataclass(frozen=True, slots=True, kw_only=True)
class StackInventory:
    """A deployed stack and its resources, those of its nested stacks included.

    Attributes:
        stack: The stack.
        resources: Its resources in the order of the template.
    """

    stack: DeployedStack
    resources: Sequence[StackResource]

    @property
    def name(self) -> str:
        """Whole name of the stack."""
        return self.stack.name

    def of_type(self, *types: str) -> list[StackResource]:
        """Return the resources of some types, such as `AWS::SQS::Queue`."""
        return [each for each in self.resources if each.type in types]

    def of_kind(self, *kinds: str) -> list[StackResource]:
        """Return the resources that have a part of one of these kinds."""
        return [each for each in self.resources if any(part.kind in kinds for part in each.parts)]

    def with_physical_id(self, physical_id: str) -> StackResource | None:
        """Return the resource that AWS knows by an id; None if the stack has none."""
        return next((each for each in self.resources if each.physical_id == physical_id), None)

    @property
    def has_flows(self) -> bool:
        """Whether this library made something in it."""
        return any(each.parts for each in self.resources)

    @property
    def is_protected(self) -> bool:
        """Whether commands that change something need `--force`: by its termination protection, or by a part of it."""
        return self.stack.termination_protected or any(part.protected for each in self.resources for part in each.parts)


def read_inventory(client: "CloudFormationClient", stack: DeployedStack | str) -> StackInventory:
    """Return what one deployed stack consists of.

    Args:
        client: CloudFormation client.
        stack: The stack, or its whole name.

    Raises:
        NotFoundError: No stack of this name is deployed.
        OperationError: Its template cannot be read.
    """
    found = find_stack(client, stack) if isinstance(stack, str) else stack
    declared = template_resources(deployed_template(client, found.name))
    return StackInventory(stack=found, resources=[*_resources(client, found.name, found.name, "", declared)])


def read_inventories(
    client: "CloudFormationClient", stacks: Iterable[DeployedStack], *, only_with_flows: bool = False
) -> list[StackInventory]:
    """Return what some deployed stacks consist of, in their order. Several are read at the same time.

    A stack that is deleted meanwhile is left out. One that may not be read is left out with a warning, unless that is
    so of all.

    Args:
        client: CloudFormation client. Threads share it.
        stacks: The stacks.
        only_with_flows: Leave out stacks in which this library made nothing. Default: all are returned.
    """

    def read(stack: DeployedStack) -> StackInventory | None:
        try:
            return _read(client, stack, only_with_flows=only_with_flows)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":  # it does not exist any more
                return None
            if denial_of(error, client) is None:
                raise
            refused[stack.name] = error
            return None

    wanted, refused = [*stacks], dict[str, ClientError]()
    with ThreadPoolExecutor(READERS) as readers:
        found = [each for each in readers.map(read, wanted) if each is not None]
    if len(refused) == len(wanted) and refused:
        raise next(iter(refused.values()))
    for name, error in sorted(refused.items()):
        _logger.warning("the stack %s may not be read: %s", name, denial_of(error, client))
    return found


def _read(client: "CloudFormationClient", stack: DeployedStack, *, only_with_flows: bool) -> StackInventory | None:
    declared = template_resources(deployed_template(client, stack.name))
    if only_with_flows and not _has_flows(declared):
        return None
    found = StackInventory(stack=stack, resources=[*_resources(client, stack.name, stack.name, "", declared)])
    return found if found.has_flows or not only_with_flows else None


def _has_flows(declared: _Declared) -> bool:
    """Whether a template has something of this library, or a nested stack, which may have it."""
    return any(each.get("Type") == NESTED_STACK or read_parts(each.get("Metadata")) for each in declared.values())


def _resources(
    client: "CloudFormationClient", root: str, stack: str, scope: str, declared: _Declared
) -> Iterator[StackResource]:
    """Yield the resources of a stack, and of the stacks inside it.

    Args:
        client: CloudFormation client.
        root: Name of the stack that is read.
        stack: Name of it, or ARN of a stack inside it.
        scope: Logical id of that stack and a slash; "" for the root.
        declared: Resources of its template.
    """
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    physical = {
        each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceStatus"] != "DELETE_COMPLETE"
    }
    for logical_id, resource in declared.items():
        if logical_id not in physical:  # its condition is false
            continue
        physical_id = physical[logical_id]
        yield _resource(root, f"{scope}{logical_id}", physical_id, resource)
        if resource.get("Type") == NESTED_STACK and physical_id:
            inside = template_resources(deployed_template(client, physical_id))
            yield from _resources(client, root, physical_id, f"{scope}{logical_id}/", inside)


def _resource(root: str, logical_id: str, physical_id: str, resource: Mapping[str, Any]) -> StackResource:
    metadata, properties = resource.get("Metadata"), resource.get("Properties")
    return StackResource(
        stack_name=root,
        logical_id=logical_id,
        physical_id=physical_id,
        type=str(resource.get("Type", "")),
        construct_path=_construct_path(metadata),
        parts=read_parts(metadata),
        properties=properties if isinstance(properties, Mapping) else {},
    )


def _construct_path(metadata: object) -> str:
    """Return the path without its first part, which is the stack, and without the name of the resource."""
    path = metadata.get(_CONSTRUCT_PATH) if isinstance(metadata, Mapping) else None
    if not isinstance(path, str):
        return ""
    parts = path.split("/")[1:]
    return "/".join(parts[:-1] if parts and parts[-1] in _OWN_NAMES and len(parts) > 1 else parts)
