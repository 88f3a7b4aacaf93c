"""Writes a graph as SVG. The file is the same for the same graph; it needs no font and no script."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from tsunagu.operations.graph.drawing.boxes import (
    BAR,
    KIND_LINE,
    KIND_SIZE,
    NAME_LINE,
    NAME_SIZE,
    PADDING,
    TITLE_HEIGHT,
    TITLE_SIZE,
    Box,
    Item,
    NodeBox,
)
from tsunagu.operations.graph.drawing.places import placed
from tsunagu.operations.graph.drawing.routes import Point, Routes
from tsunagu.operations.graph.drawing.texts import text_width
from tsunagu.operations.graph.model import Edge, EdgeKind, Graph

_MARGIN, _LEGEND_HEIGHT, _RADIUS = 30, 40, 5
_FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_INK, _QUIET, _LINE, _ALARM = "#1f2430", "#5b6270", "#b9bfca", "#b3261e"
# Colours that AWS gives its services.
_COLOURS: Mapping[str, str] = {
    "apigateway": "#8c4fff",
    "dynamodb": "#3f6fd8",
    "events": "#d6336c",
    "kinesis": "#8c4fff",
    "lambda": "#e07b1a",
    "pipes": "#d6336c",
    "s3": "#4d8f2e",
    "scheduler": "#d6336c",
    "sns": "#d6336c",
    "sqs": "#d6336c",
    "states": "#d6336c",
}
_STROKES: Mapping[EdgeKind, tuple[str, str, str]] = {  # colour, width, dashes
    EdgeKind.FLOW: (_INK, "1.6", ""),
    EdgeKind.DEAD_LETTER: (_ALARM, "1.3", "6 3"),
    EdgeKind.USE: ("#7c8594", "1.2", "2 3"),
    EdgeKind.PERMISSION: ("#6a4fb3", "1.1", "8 3 2 3"),
}


def svg(graph: Graph) -> str:
    """Return a graph as the text of an SVG file.

    Boxes do not overlap, texts stay within their boxes, and edges run round all boxes.
    """
    root = placed(graph)
    root.move(_MARGIN, _MARGIN)
    boxes = {box.node.key: box for box in root.nodes}
    groups = [*_groups(root)]
    titles = [_title_box(item) for item in groups]
    ways = Routes(boxes, titles, groups, root.width + _MARGIN, root.height + _MARGIN).find(graph.edges)
    legend = [*_legend(graph, root.height + 2 * _MARGIN)]
    width = max(root.width, _legend_width(graph)) + 2 * _MARGIN
    height = root.height + 2 * _MARGIN + (_LEGEND_HEIGHT if legend else 0)
    lines = [
        *_head(graph, width, height),
        *(line for item in groups for line in _group_lines(item)),
        *(line for edge in graph.edges if edge in ways for line in _edge_lines(graph, edge, ways[edge])),
        *(line for box in root.nodes for line in _node_lines(box)),
        *legend,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _head(graph: Graph, width: int, height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="{_FONT}">'
    )
    yield f"<title>{escape(graph.title)}</title>"
    yield "<defs>"
    for kind in EdgeKind:
        colour = _STROKES[kind][0]
        yield (
            f'<marker id="{_marker(kind)}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
        )
    yield "</defs>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'


def _groups(item: Item) -> Iterator[Item]:
    """Iterate over the groups that are drawn, outer ones first."""
    for inner in item.items:
        if inner.group is not None:
            yield inner
            yield from _groups(inner)


def _title_box(item: Item) -> Box:
    width = int(text_width(_title(item), TITLE_SIZE))
    return Box(item.x + PADDING, item.y + PADDING, width, TITLE_HEIGHT - PADDING)


def _title(item: Item) -> str:
    return item.group.title if item.group is not None else ""


def _group_lines(item: Item) -> Iterator[str]:
    yield (
        f'<rect x="{item.x}" y="{item.y}" width="{item.width}" height="{item.height}" rx="8" '
        f'fill="#3b5bdb" fill-opacity="0.05" stroke="{_LINE}"/>'
    )
    yield _text(item.x + PADDING, item.y + 20, _title(item), TITLE_SIZE, _QUIET, bold=True)


def _edge_lines(graph: Graph, edge: Edge, way: Sequence[Point]) -> Iterator[str]:
    names = f"{graph.label(edge.source)} → {graph.label(edge.target)}"
    title = ": ".join(filter(None, (names, ", ".join(edge.labels))))
    yield f'<path d="{_rounded(way)}" {_stroke(edge.kind)}><title>{escape(title)}</title></path>'


def _rounded(way: Sequence[Point]) -> str:
    """Return a way as a path with round corners."""
    (x, y), *_ = way
    parts = [f"M{x} {y}"]
    for before, corner, after in zip(way, way[1:], way[2:], strict=False):
        near, far = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{near[0]} {near[1]}Q{corner[0]} {corner[1]} {far[0]} {far[1]}")
    return "".join(parts) + f"L{way[-1][0]} {way[-1][1]}"


def _towards(corner: Point, other: Point) -> Point:
    """Return the point beside a corner on the way to another point."""
    (x, y), (to_x, to_y) = corner, other
    return x + _RADIUS * ((to_x > x) - (to_x < x)), y + _RADIUS * ((to_y > y) - (to_y < y))


def _stroke(kind: EdgeKind) -> str:
    colour, width, dashes = _STROKES[kind]
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'fill="none" stroke="{colour}" stroke-width="{width}"{dashed} marker-end="url(#{_marker(kind)})"'


def _marker(kind: EdgeKind) -> str:
    return f"end-{kind.name.lower().replace('_', '-')}"


def _node_lines(box: NodeBox) -> Iterator[str]:
    node = box.node
    border = _ALARM if node.is_alarming else _LINE
    dashed = ' stroke-dasharray="4 3"' if node.is_outside else ""
    yield (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="4" fill="#ffffff" '
        f'stroke="{border}" stroke-width="{2 if node.is_alarming else 1}"{dashed}/>'
    )
    colour = _COLOURS.get(node.service, _QUIET)
    yield f'<rect x="{box.x}" y="{box.y}" width="{BAR}" height="{box.height}" rx="2" fill="{colour}"/>'
    x = box.x + BAR + PADDING
    y = box.y + (box.height - len(box.name) * NAME_LINE - len(box.small) * KIND_LINE) // 2
    for line in box.name:
        y += NAME_LINE
        yield _text(x, y - 4, line, NAME_SIZE, _INK, bold=False)
    for line in box.small:
        y += KIND_LINE
        yield _text(x, y - 4, line, KIND_SIZE, _ALARM if node.is_alarming and line != node.kind else _QUIET, bold=False)


def _text(x: int, y: int, text: str, size: int, colour: str, *, bold: bool) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}"{weight}>{escape(text)}</text>'


def _kinds(graph: Graph) -> list[EdgeKind]:
    return [kind for kind in EdgeKind if any(edge.kind is kind for edge in graph.edges)]


def _entry_width(kind: EdgeKind) -> int:
    return 50 + int(text_width(kind.value, KIND_SIZE)) + 20


def _legend_width(graph: Graph) -> int:
    return sum(map(_entry_width, _kinds(graph)))


def _legend(graph: Graph, y: int) -> Iterator[str]:
    """Yield a line of each kind that the graph has, with its name."""
    x = _MARGIN
    for kind in _kinds(graph):
        yield f'<path d="M{x} {y}L{x + 40} {y}" {_stroke(kind)}/>'
        yield _text(x + 48, y + 4, kind.value, KIND_SIZE, _QUIET, bold=False)
        x += _entry_width(kind)
