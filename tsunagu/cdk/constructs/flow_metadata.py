"""Writes into the template what a resource is in a flow, so that operations find it; see `tsunagu.contracts.flows`."""

from typing import TYPE_CHECKING, cast

from aws_cdk import CfnResource, NestedStack, Stack

from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, read_parts, short_name, write_parts

if TYPE_CHECKING:
    from constructs import IConstruct


def mark(
    resource: "IConstruct",
    kind: Kind,
    construct: "IConstruct",
    *,
    protected: bool,
    name: str | None = None,
    below: str | None = None,
) -> None:
    """Add a part to the metadata of a resource. It may have other parts already.

    Args:
        resource: Construct of the resource, made by this library.
        kind: What it is.
        construct: Construct that operators know it by.
        protected: Whether it is kept when its stack is deleted.
        name: Name that a prop gives it. Default: the path of `construct` inside the deployed stack, made short.
        below: Last part of that path, for a resource that is not the only one of its kind in `construct`.
    """
    cfn = cast("CfnResource", resource if isinstance(resource, CfnResource) else resource.node.default_child)
    known = read_parts({METADATA_KEY: cfn.get_metadata(METADATA_KEY)})
    path = short_name("/".join(filter(None, (_path(construct), below))))
    part = Part(kind=kind, name=name or path, path=path, protected=protected)
    cfn.add_metadata(METADATA_KEY, write_parts([*known, part]))


def _path(construct: "IConstruct") -> str:
    """Return the path of a construct inside the stack that is deployed; nested stacks are inside it."""
    stack = Stack.of(construct)
    while isinstance(stack, NestedStack):
        stack = cast("Stack", stack.nested_stack_parent)
    return construct.node.path.removeprefix(f"{stack.node.path}/")
