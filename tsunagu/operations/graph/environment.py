"""Links of functions by their environment variables: what a variable names, the function uses."""

from collections.abc import Iterator, Mapping

from tsunagu.operations.graph.links import Link
from tsunagu.operations.graph.model import EdgeKind
from tsunagu.operations.graph.permissions import Actions, role_of
from tsunagu.templates.template import Resource, Template, mapping

_STARTED = (
    "AWS::Events::EventBus",
    "AWS::Kinesis::Stream",
    "AWS::Lambda::Function",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
)
_SENDING = ("sqs:SendMessage", "sqs:*", "*")


def environment_links(template: Template, actions: Mapping[str, Actions], known: list[Link]) -> Iterator[Link]:
    """Yield the links from functions to what their environment names.

    Args:
        template: The template.
        actions: What roles are allowed: it says whether a function sends to a queue, or only reads it.
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
        """Return how a function uses a resource; None when another link says it."""
        if target.type == "AWS::SQS::Queue":
            return self._kind_of_queue(function, target)
        return EdgeKind.FLOW if target.type in _STARTED else EdgeKind.USE

    def _kind_of_queue(self, function: Resource, queue: Resource) -> EdgeKind | None:
        sends = self._may_send(function, queue)
        if queue.key in self._dead_letter_queues:
            return EdgeKind.DEAD_LETTER if sends else EdgeKind.USE
        if sends:
            return EdgeKind.FLOW
        return None if (queue.key, function.key) in self._fed else EdgeKind.USE

    def _may_send(self, function: Resource, queue: Resource) -> bool:
        """Whether the function's role may send to a queue. A role of another template may, except to the own source."""
        role = role_of(self._template, function)
        if role is None:
            return (queue.key, function.key) not in self._fed
        return any(action in _SENDING for action in self._actions.get(role, {}).get(queue.key, ()))

    def _key(self, end: object) -> str | None:
        resource = end if isinstance(end, Resource) else self._template.target(end)
        return None if resource is None else resource.key
