"""Resources, properties and permissions of a synthesized stack."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aws_cdk.assertions import Template

if TYPE_CHECKING:
    from aws_cdk import Stack


def resources(stack: "Stack", resource_type: str) -> dict[str, Any]:
    """Resources of one type, by logical id."""
    found = Template.from_stack(stack).to_json().get("Resources", {})
    return {logical_id: resource for logical_id, resource in found.items() if resource["Type"] == resource_type}


def only(stack: "Stack", resource_type: str) -> dict[str, Any]:
    """The one resource of its type."""
    [resource] = resources(stack, resource_type).values()
    return dict(resource)


def properties(stack: "Stack", resource_type: str) -> dict[str, Any]:
    """Properties of the one resource of its type."""
    return dict(only(stack, resource_type)["Properties"])


def permissions(stack: "Stack") -> set[tuple[str, str]]:
    """Every pair of action and resource that the identity policies of the stack allow.

    A resource of the stack goes by the logical id without its hash, an ARN as it is.
    """
    pairs = set()
    for statement in _statements(stack):
        assert statement["Effect"] == "Allow"
        pairs |= {(action, target) for action in _listed(statement["Action"]) for target in _targets(statement)}
    return pairs


def _statements(stack: "Stack") -> Iterator[dict[str, Any]]:
    attached = [policy["Properties"] for policy in resources(stack, "AWS::IAM::Policy").values()]
    roles = resources(stack, "AWS::IAM::Role").values()
    inline = [policy for role in roles for policy in role["Properties"].get("Policies", [])]
    for policy in (*attached, *inline):
        yield from policy["PolicyDocument"]["Statement"]


def _targets(statement: dict[str, Any]) -> list[str]:
    return [_name(resource) for resource in _listed(statement["Resource"])]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(resource: Any) -> str:
    match resource:
        case {"Fn::GetAtt": [logical_id, _]} | {"Ref": logical_id}:
            return str(logical_id)[:-8]
        case _:
            return str(resource)
