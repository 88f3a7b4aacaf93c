"""Boxes of a drawing: a node with its texts, and a group with its title."""

from dataclasses import dataclass, field

from tsunagu.operations.graph.drawing.texts import lines_of, text_width
from tsunagu.operations.graph.model import Graph, Group, Node

STEP = 10  # of the grid that boxes and edges keep to, in pixels
NAME_SIZE, KIND_SIZE, TITLE_SIZE = 13, 11, 12
NAME_LINE, KIND_LINE = 17, 15
BAR, PADDING = 5, 10  # coloured bar at the left, and space around texts
WIDEST_TEXT, NARROWEST = 150, 120
TITLE_HEIGHT, GROUP_PADDING = 30, 20
BENEATH_GAP = 30


@dataclass(slots=True)
class Box:
    """A rectangle, whose place is relative to the group around it until the drawing is done.

    Attributes:
        x: Left edge, in pixels.
        y: Upper edge.
        width: Width.
        height: Height.
    """

    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0

    @property
    def center(self) -> tuple[float, float]:
        """Middle of the box."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(slots=True, kw_only=True)
class NodeBox(Box):
    """The box of a node.

    Attributes:
        node: The node.
        name: Its name, in lines.
        small: Its kind and details, in lines.
    """

    node: Node
    name: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Item(Box):
    """Something that is placed as one: a node with what belongs beneath it, or a group.

    Attributes:
        key: Key of the node, or path of the group.
        nodes: Boxes of its nodes, those of groups in it included.
        group: The group; None for a node.
        items: Items of the group.
    """

    key: str
    nodes: list[NodeBox] = field(default_factory=list)
    group: Group | None = None
    items: "list[Item]" = field(default_factory=list)

    def move(self, x: int, y: int) -> None:
        """Move the item with all that is in it."""
        self.x, self.y = self.x + x, self.y + y
        if self.group is None:
            for box in self.nodes:
                box.x, box.y = box.x + x, box.y + y
        for item in self.items:
            item.move(x, y)


def node_box(graph: Graph, node: Node, group: Group) -> NodeBox:
    """Return the box of a node, as large as its texts need."""
    name = lines_of(graph.label(node.key, group.path), NAME_SIZE, WIDEST_TEXT)
    small = [line for text in (node.kind, *node.details) for line in lines_of(text, KIND_SIZE, WIDEST_TEXT)]
    widest = max([text_width(line, NAME_SIZE) for line in name] + [text_width(line, KIND_SIZE) for line in small])
    return NodeBox(
        width=max(on_grid(widest + BAR + 2 * PADDING), NARROWEST),
        height=on_grid(len(name) * NAME_LINE + len(small) * KIND_LINE + PADDING),
        node=node,
        name=name,
        small=small,
    )


def block(boxes: list[NodeBox]) -> Item:
    """Return a node with what belongs beneath it, as one item."""
    width = max(box.width for box in boxes)
    y = 0
    for box in boxes:
        box.y, box.width = y, width
        y += box.height + BENEATH_GAP
    return Item(key=boxes[0].node.key, nodes=boxes, width=width, height=y - BENEATH_GAP)


def on_grid(length: float) -> int:
    """Return a length rounded up, so that its half is on the grid too."""
    return -int(-length // (2 * STEP)) * 2 * STEP
