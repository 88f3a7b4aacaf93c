"""Links of functions by their environment variables: what a variable names, the function uses."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from tsunagu.operations.graph.links import Link
from tsunagu.operations.graph.model import EdgeKind
from tsunagu.operations.graph.permissions import Actions, role_of
from tsunagu.templates.template import Resource, Template, mapping

_QUEUE = "AWS::SQS::Queue"
# What a role needs to hand a message, an event or a call over, by the type of the resource that gets it.
_STARTS = {
    "AWS::Events::EventBus": ("events:PutEvents",),
    "AWS::Kinesis::Stream": ("kinesis:PutRecord", "kinesis:PutRecords"),
    "AWS::Lambda::Function": ("lambda:InvokeFunction",),
    "AWS::SNS::Topic": ("sns:Publish",),
    _QUEUE: ("sqs:SendMessage",),
    "AWS::StepFunctions::StateMachine": ("states:StartExecution", "states:StartSyncExecution"),
}


def environment_links(template: Template, actions: Mapping[str, Actions], known: list[Link]) -> Iterator[Link]:
    """Yield the links from functions to what their environment names.

    Args:
        template: The template.
        actions: What roles are allowed: it says whether a function sends to what it names, or only knows the name.
        known: Links that are known by other properties.
    """
    context = _Context(template, actions, known)
    for function in template.of_type("AWS::Lambda::Function"):
        variables = mapping(function.mapping("Environment").get("Variables"))
        for target in {each.key: each for each in template.mentioned(dict(variables))}.values():
            kind = context.kind(function, target)
            if kind is not None and target.key != function.key:
                yield Link(function, target, kind)


class _Context:
    """What decides how a function uses a resource."""

    def __init__(self, template: Template, actions: Mapping[str, Actions], known: list[Link]) -> None:
        self._template, self._actions = template, actions
        pairs = [(self._key(link.source), self._key(link.target), link.kind) for link in known]
        self._fed = {(source, target) for source, target, kind in pairs if kind is EdgeKind.FLOW}
        self._dead_letter_queues = {target for _, target, kind in pairs if kind is EdgeKind.DEAD_LETTER}

    def kind(self, function: Resource, target: Resource) -> EdgeKind | None:
        """Return how a function uses a resource; None when another link says it, or it only knows the name."""
        if target.type == _QUEUE:
            return self._kind_of_queue(function, target)
        if target.type not in _STARTS:
            return EdgeKind.USE
        return EdgeKind.FLOW if self._may_start(function, target) else None

    def _kind_of_queue(self, function: Resource, queue: Resource) -> EdgeKind | None:
        sends = self._may_start(function, queue)
        if queue.key in self._dead_letter_queues:
            return EdgeKind.DEAD_LETTER if sends else EdgeKind.USE
        if sends:
            return EdgeKind.FLOW
        return None if (queue.key, function.key) in self._fed else EdgeKind.USE

    def _may_start(self, function: Resource, target: Resource) -> bool:
        """Whether the function's role may send to a resource. A role of another template may, except to the source."""
        role = role_of(self._template, function)
        if role is None:
            return (target.key, function.key) not in self._fed
        allowed = self._actions.get(role, {}).get(target.key, ())
        return any(fnmatchcase(action, pattern) for action in _STARTS[target.type] for pattern in allowed)

    def _key(self, end: object) -> str | None:
        resource = end if isinstance(end, Resource) else self._template.target(end)
        return None if resource is None else resource.key
