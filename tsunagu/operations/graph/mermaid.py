"""Writes a graph as a flow chart of Mermaid, which GitHub and MkDocs draw."""

import re
from collections.abc import Iterator

from tsunagu.operations.graph.model import EdgeKind, Graph, Group

_SHAPES = {
    "dynamodb": ("[(", ")]"),
    "s3": ("[(", ")]"),
    "scheduler": ("([", "])"),
    "events": ("([", "])"),
    "sqs": ("[/", "/]"),
    "sns": ("{{", "}}"),
}
_ARROWS = {
    EdgeKind.FLOW: ("-->", ""),
    EdgeKind.DEAD_LETTER: ("-.->", "stroke:#b3261e"),
    EdgeKind.USE: ("-.->", "stroke:#8a8f98"),
    EdgeKind.PERMISSION: ("-.->", "stroke:#6a4fb3"),
}
_MOST_LABELS = 3


def mermaid(graph: Graph) -> str:
    """Return a graph as text of Mermaid, without the fence around it."""
    lines = ["flowchart LR", *_group_lines(graph, graph.root, "    ")]
    styles: dict[str, list[str]] = {}
    for number, edge in enumerate(graph.edges):
        arrow, style = _ARROWS[edge.kind]
        lines.append(f"    {_id(edge.source)} {arrow}{_label(edge.labels)} {_id(edge.target)}")
        styles.setdefault(style, []).append(str(number))
    lines += [f"    linkStyle {','.join(numbers)} {style}" for style, numbers in styles.items() if style]
    alarming = [_id(key) for key, node in graph.nodes.items() if node.is_alarming]
    outside = [_id(key) for key, node in graph.nodes.items() if node.is_outside]
    lines += [f"    style {key} stroke:#b3261e,stroke-width:3px" for key in alarming]
    lines += [f"    style {key} stroke-dasharray:4 3" for key in outside]
    return "\n".join(lines) + "\n"


def _group_lines(graph: Graph, group: Group, indent: str) -> Iterator[str]:
    for key in group.nodes:
        node = graph.nodes[key]
        opening, closing = _SHAPES.get(node.service, ("[", "]"))
        text = "<br/>".join(map(_escaped, (graph.label(key, group.path), node.kind, *node.details)))
        yield f'{indent}{_id(key)}{opening}"{text}"{closing}'
    for inner in group.groups:
        yield f'{indent}subgraph {_id("group:" + "/".join(inner.path))}["{_escaped(inner.title)}"]'
        yield from _group_lines(graph, inner, indent + "    ")
        yield f"{indent}end"


def _label(labels: tuple[str, ...]) -> str:
    more = f" and {len(labels) - _MOST_LABELS} more" if len(labels) > _MOST_LABELS else ""
    return f'|"{_escaped(", ".join(labels[:_MOST_LABELS]) + more)}"|' if labels else ""


def _id(key: str) -> str:
    return re.sub(r"\W", "_", key)


def _escaped(text: str) -> str:
    """Return a text as Mermaid takes it within quotation marks."""
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
