"""What the roles of a template may do with its resources."""

from collections.abc import Iterator, Mapping

from tsunagu.operations.graph.links import Link
from tsunagu.operations.graph.model import EdgeKind
from tsunagu.templates.intrinsics import entries, text_of
from tsunagu.templates.template import Resource, Template, mapping

Actions = Mapping[str, frozenset[str]]

# Types with a role of their own: names of the properties that lead to it.
_ROLES = {
    "AWS::ApiGateway::Method": ("Integration",),
    "AWS::Events::Rule": ("Targets",),
    "AWS::Lambda::Function": ("Role",),
    "AWS::Pipes::Pipe": ("RoleArn",),
    "AWS::Scheduler::Schedule": ("Target",),
    "AWS::StepFunctions::StateMachine": ("RoleArn",),
}


def role_actions(template: Template) -> dict[str, Actions]:
    """Return the actions that each role is allowed on each resource, by the keys of role and resource."""
    found: dict[str, dict[str, set[str]]] = {role.key: {} for role in template.of_type("AWS::IAM::Role")}
    for role, document in _policies(template):
        for statement in entries(mapping(document).get("Statement")):
            if mapping(statement).get("Effect") == "Allow":
                actions = {text_of(action) for action in entries(statement.get("Action"))}
                for resource in template.mentioned([*entries(statement.get("Resource"))]):
                    found.setdefault(role, {}).setdefault(resource.key, set()).update(actions)
    return {role: {key: frozenset(actions) for key, actions in of.items()} for role, of in found.items()}


def role_of(template: Template, resource: Resource) -> str | None:
    """Return the key of the role that a resource acts with; None when it has none, or when no template makes it."""
    for name in _ROLES.get(resource.type, ()):
        for found in template.mentioned(resource.properties.get(name)):
            if found.type == "AWS::IAM::Role":
                return found.key
    return None


def permission_links(template: Template, actions: Mapping[str, Actions]) -> Iterator[Link]:
    """Yield a link for each action that a resource's role is allowed on another resource."""
    for resource in template.of_type(*_ROLES):
        for key, allowed in actions.get(role_of(template, resource) or "", {}).items():
            target = template.resources.get(key)
            source = resource.properties.get("RestApiId", resource)  # a method acts for its API
            if target is not None and key != resource.key:
                yield from (Link(source, target, EdgeKind.PERMISSION, action) for action in sorted(allowed))


def _policies(template: Template) -> Iterator[tuple[str, object]]:
    """Iterate over the policies of roles: key of the role, and document."""
    for role in template.of_type("AWS::IAM::Role"):
        yield from ((role.key, mapping(each).get("PolicyDocument")) for each in role.items("Policies"))
        for managed in template.mentioned(role.items("ManagedPolicyArns")):
            yield role.key, managed.properties.get("PolicyDocument")
    for policy in template.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for role in template.mentioned(policy.items("Roles")):
            yield role.key, policy.properties.get("PolicyDocument")
