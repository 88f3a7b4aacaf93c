"""A flow as a graph: the resources that messages pass, and what leads from one to the other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum


class EdgeKind(Enum):
    """What an edge says. The value is its name in a legend."""

    FLOW = "messages and calls"
    DEAD_LETTER = "what could not be processed"
    USE = "reads, writes and notifies"
    PERMISSION = "permissions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One resource.

    Attributes:
        key: Name of the resource within the graph, and the same in each run.
        service: Service of AWS, such as `sqs`; empty for what is not known.
        kind: Type in AWS's words, such as `SQS FIFO queue`.
        path: Path of its construct below the stack, short; a resource without a path has its logical id.
        details: More lines, such as the rate of a schedule.
        beneath: Key of the node that it belongs beneath, as a dead-letter queue does. Default: it stands alone.
        is_outside: Whether it is a resource of another stack, or an address outside of AWS.
        logical_id: Logical id of the resource, after those of the nested stacks that it is in: `Nested/Queue`.
        is_alarming: Whether it holds what it should not, such as dead letters.
    """

    key: str
    service: str
    kind: str
    path: tuple[str, ...]
    details: tuple[str, ...] = ()
    beneath: str | None = None
    is_outside: bool = False
    logical_id: str = ""
    is_alarming: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Something leads from one node to another one.

    Attributes:
        source: Key of the node where it begins.
        target: Key of the node where it ends.
        kind: What it says.
        labels: Details, such as `POST /reports`, sorted.
    """

    source: str
    target: str
    kind: EdgeKind
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A box around the nodes of one construct.

    Attributes:
        title: Path of the construct, below the group around it.
        path: Path of the construct below the stack.
        nodes: Keys of the nodes directly in it.
        groups: Groups directly in it.
    """

    title: str
    path: tuple[str, ...]
    nodes: tuple[str, ...] = ()
    groups: "tuple[Group, ...]" = ()

    def all_nodes(self) -> Iterator[str]:
        """Iterate over the keys of all nodes in it, at any depth."""
        yield from self.nodes
        for group in self.groups:
            yield from group.all_nodes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A flow.

    Attributes:
        title: Name of the stack, or of the stacks.
        nodes: Its nodes, by key.
        edges: Its edges, at most one of each kind between two nodes.
        root: The group of everything; its own title is not drawn.
    """

    title: str
    nodes: dict[str, Node]
    edges: Sequence[Edge]
    root: Group = field(default_factory=lambda: Group(title="", path=()))

    def label(self, key: str, within: Sequence[str] = ()) -> str:
        """Return the name of a node, without the path of what it is drawn in or beneath."""
        node = self.nodes[key]
        inner = _below(node.path, within)
        if node.beneath is not None:
            inner = min(inner, _below(node.path, self.nodes[node.beneath].path), key=len)
        return "/".join(inner)


def _below(path: tuple[str, ...], around: Sequence[str]) -> tuple[str, ...]:
    """Return a path without what is around it; the whole path when nothing would be left."""
    return path[len(around) :] if path[: len(around)] == tuple(around) and len(path) > len(around) else path


def merged(edges: Iterable[Edge]) -> list[Edge]:
    """Return the edges with those of one kind between the same nodes as one, which has the labels of all."""
    labels: dict[tuple[str, str, EdgeKind], set[str]] = {}
    for edge in edges:
        labels.setdefault((edge.source, edge.target, edge.kind), set()).update(edge.labels)
    return [
        Edge(source=source, target=target, kind=kind, labels=tuple(sorted(found)))
        for (source, target, kind), found in labels.items()
    ]
