"""Draws the graph of a flow from templates."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tsunagu.operations.graph import calls, messages
from tsunagu.operations.graph.environment import environment_links
from tsunagu.operations.graph.groups import grouped
from tsunagu.operations.graph.keys import key_details
from tsunagu.operations.graph.links import Ends, Link, Rule
from tsunagu.operations.graph.model import Edge, EdgeKind, Graph, Node, merged
from tsunagu.operations.graph.names import Path, construct_paths, logical_name, shortened
from tsunagu.operations.graph.permissions import permission_links, role_actions
from tsunagu.operations.graph.resources import alarms_by_topic, drawn_resources, node_of
from tsunagu.operations.graph.state_machines import of_machine
from tsunagu.templates.references import Document
from tsunagu.templates.template import Resource, Template

_RULES: Mapping[str, Rule] = {
    "AWS::ApiGateway::Method": calls.of_method,
    "AWS::ApiGateway::RestApi": calls.of_api,
    "AWS::ApiGatewayV2::Api": calls.of_api,
    "AWS::ApiGatewayV2::Route": calls.of_route,
    "AWS::Events::Rule": calls.of_rule,
    "AWS::Lambda::EventInvokeConfig": messages.of_invocations,
    "AWS::Lambda::EventSourceMapping": messages.of_mapping,
    "AWS::Lambda::Function": messages.of_function,
    "AWS::Lambda::Url": messages.of_url,
    "AWS::Pipes::Pipe": calls.of_pipe,
    "AWS::S3::Bucket": messages.of_bucket,
    "AWS::SNS::Subscription": messages.of_subscription,
    "AWS::SNS::Topic": messages.of_topic,
    "AWS::SQS::Queue": messages.of_queue,
    "AWS::Scheduler::Schedule": calls.of_schedule,
    "AWS::StepFunctions::StateMachine": of_machine,
    "Custom::S3BucketNotifications": messages.of_bucket,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a graph shows on request.

    Attributes:
        keys: Which key encrypts each resource. Default: not shown.
        permissions: What the role of each resource may do with the others. Default: not shown.
    """

    keys: bool = False
    permissions: bool = False


def graph_of(documents: Sequence[Document], shown: Shown | None = None) -> Graph:
    """Return the graph of the flow in templates.

    Args:
        documents: Templates: those of a stack with its nested stacks, or of an app.
        shown: What the graph shows beyond the flow. Default: nothing.

    Returns:
        The graph. It is the same for the same templates. Resources of other templates are outside of it, unless their
        templates are among `documents`.
    """
    return _Reader(documents, shown or Shown()).graph()


class _Reader:
    """Reads one set of templates."""

    def __init__(self, documents: Sequence[Document], shown: Shown) -> None:
        self._documents, self._shown = documents, shown
        self._template = Template.link(documents)
        self._resources = drawn_resources(self._template)
        self._paths, self._stacks = _paths(documents, self._resources)
        self._scopes = _scopes(documents)
        self._ends = Ends(self._template, _keys(self._resources))

    def graph(self) -> Graph:
        links = [*self._links()]
        edges = merged(self._edges(links))
        nodes = _beneath({**self._nodes(), **self._ends.outside}, [*self._owners(links)])
        beneath = {key: node.beneath for key, node in nodes.items() if node.beneath is not None}
        short = shortened({key: node.path for key, node in nodes.items() if not node.is_outside}, beneath)
        nodes = {key: replace(node, path=short.get(key, node.path)) for key, node in nodes.items()}
        title = ", ".join(document.stack_name for document in self._documents if document.stack_name)
        return Graph(title=title, nodes=nodes, edges=edges, root=grouped(nodes, edges, self._stacks))

    def _nodes(self) -> dict[str, Node]:
        alarms = alarms_by_topic(self._template)
        nodes = {}
        for each in self._resources:
            node = node_of(each, self._ends.keys[each.key], self._paths[each.key], alarms.get(each.key, 0))
            details = [*node.details, *(dict.fromkeys(key_details(self._template, each)) if self._shown.keys else ())]
            logical_id = self._scopes[each.template_path] + each.logical_id
            nodes[node.key] = replace(node, details=tuple(details), logical_id=logical_id)
        return nodes

    def _links(self) -> Iterator[Link]:
        known = [link for each in self._template.of_type(*_RULES) for link in _RULES[each.type](self._template, each)]
        actions = role_actions(self._template)
        yield from known
        yield from environment_links(self._template, actions, known)
        if self._shown.permissions:
            yield from permission_links(self._template, actions)

    def _edges(self, links: Sequence[Link]) -> Iterator[Edge]:
        """Iterate over the edges. A topic that alarms notify is for people: what leads to it is no part of the flow."""
        notified = {self._ends.keys.get(key) for key in alarms_by_topic(self._template)}
        for link in links:
            source, target = self._ends.key(link.source), self._ends.key(link.target)
            if source is not None and target is not None:
                kind = EdgeKind.USE if link.kind is EdgeKind.FLOW and target in notified else link.kind
                labels = (link.label,) if link.label else ()
                yield Edge(source=source, target=target, kind=kind, labels=labels)

    def _owners(self, links: Sequence[Link]) -> Iterator[tuple[str, str]]:
        """Iterate over dead-letter queues and what each belongs beneath."""
        for link in links:
            queue, owner = self._ends.key(link.target), self._ends.key(link.beneath)
            if link.kind is EdgeKind.DEAD_LETTER and queue is not None and owner is not None:
                yield queue, owner


def _keys(resources: Sequence[Resource]) -> dict[str, str]:
    """Return the names of nodes: logical ids without hash, numbered where several resources have one."""
    keys: dict[str, str] = {}
    for each in resources:
        name = logical_name(each.logical_id)
        same = sum(key.partition("_")[0] == name for key in keys.values())
        keys[each.key] = f"{name}_{same + 1}" if same else name
    return keys


def _paths(documents: Sequence[Document], resources: Sequence[Resource]) -> tuple[dict[str, Path], list[Path]]:
    """Return the paths of resources, and the paths of stacks, which are the first part when there are several."""
    paths: dict[str, Path] = {}
    stacks: list[Path] = []
    for document in documents:
        of_document = [each for each in resources if each.template_path == document.path]
        stack = (_stack_title(document),) if len(documents) > 1 else ()
        stacks += [stack] if stack and of_document else []
        found = construct_paths(of_document, document.construct_paths, document.stack_name)
        paths.update({key: stack + path for key, path in found.items()})
    return paths, stacks


def _scopes(documents: Sequence[Document]) -> dict[str, str]:
    """Return what stands before the logical ids of each template: those of the nested stacks around it."""
    scopes = {document.path: "" for document in documents}
    for document in documents:  # a nested stack comes after the one around it
        for logical_id, path in document.nested.items():
            scopes[path] = f"{scopes[document.path]}{logical_id}/"
    return scopes


def _stack_title(document: Document) -> str:
    return document.stack_name or document.path.rpartition("/")[2].partition(".")[0]


def _beneath(nodes: Mapping[str, Node], owners: Sequence[tuple[str, str]]) -> dict[str, Node]:
    """Return the nodes with each dead-letter queue beneath the first one that it belongs to."""
    placed: dict[str, str] = {}
    for queue, owner in owners:
        root = _top(placed.get, owner)
        if queue not in placed and root != queue and not nodes[root].is_outside and not nodes[queue].is_outside:
            placed[queue] = root
    return {key: replace(node, beneath=_top(placed.get, key) if key in placed else None) for key, node in nodes.items()}


def _top(owner_of: Callable[[str], str | None], key: str) -> str:
    owner = owner_of(key)
    return key if owner is None else _top(owner_of, owner)
