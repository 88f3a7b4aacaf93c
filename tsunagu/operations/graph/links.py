"""What a rule about one kind of resource needs to know, and what it returns: edges by the values of the template."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tsunagu.operations.graph.model import EdgeKind
from tsunagu.operations.graph.resources import outside_node
from tsunagu.templates.template import Resource, Template, mapping

Value = Any  # of a template: a text, or an intrinsic function


class Link(NamedTuple):
    """An edge between what two values of a template refer to.

    Attributes:
        source: Where it begins: a resource, or a value that refers to one.
        target: Where it ends.
        kind: What it says.
        label: A detail; empty for none.
        beneath: What the target belongs beneath, when it is drawn beneath something.
    """

    source: Resource | Value
    target: Resource | Value
    kind: EdgeKind = EdgeKind.FLOW
    label: str = ""
    beneath: Resource | Value = None


Rule = Callable[[Template, Resource], Iterator[Link]]


@dataclass(slots=True)
class Ends:
    """Finds the nodes at both ends of links.

    Attributes:
        template: The template.
        keys: Keys of the nodes, by the key of their resource.
        outside: Nodes that were made of what no template makes, by their key.
    """

    template: Template
    keys: dict[str, str]
    outside: dict[str, Any] = field(default_factory=dict)

    def key(self, end: Resource | Value) -> str | None:
        """Return the key of the node at an end; None for nothing, and for a resource that is not drawn."""
        resource = end if isinstance(end, Resource) else self.template.target(end)
        if resource is not None:
            return self.keys.get(resource.key)
        if end is None or end in ("", {}, []):
            return None
        node = outside_node(end)
        self.outside.setdefault(node.key, node)
        return node.key


def dead_letters(source: Resource | Value, configuration: object, beneath: Resource | Value = None) -> Iterator[Link]:
    """Yield the link to the queue of a `DeadLetterConfig`, or of a `RedrivePolicy`."""
    found = mapping(configuration)
    target = found.get("Arn") or found.get("TargetArn") or found.get("deadLetterTargetArn")
    if target is not None:
        count = found.get("maxReceiveCount")
        label = f"after {count} deliveries" if count is not None else ""
        yield Link(source, target, EdgeKind.DEAD_LETTER, label, source if beneath is None else beneath)
