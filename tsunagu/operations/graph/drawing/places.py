"""Places boxes: the flow from left to right, or downwards where that is too wide, and beneath it what it only uses."""

from collections.abc import Mapping, Sequence

from tsunagu.operations.graph.drawing.boxes import (
    GROUP_PADDING,
    STEP,
    TITLE_HEIGHT,
    Item,
    block,
    node_box,
    on_grid,
)
from tsunagu.operations.graph.drawing.columns import place_layers
from tsunagu.operations.graph.drawing.layers import Pair, layers_of
from tsunagu.operations.graph.model import EdgeKind, Graph, Group

_GAP, _BAND_GAP = 40, 50
_WIDEST = 1100  # of a flow from left to right, so that a page shows it in a size that can be read


def placed(graph: Graph) -> Item:
    """Return everything that a graph has, with its place in the drawing."""
    root = _group_item(graph, graph.root)
    root.move(0, 0)
    return root


def _group_item(graph: Graph, group: Group) -> Item:
    beneath = {key: [each for each in group.nodes if graph.nodes[each].beneath == key] for key in group.nodes}
    owned = {each for keys in beneath.values() for each in keys}
    items = [
        block([node_box(graph, graph.nodes[each], group) for each in (key, *beneath[key])])
        for key in group.nodes
        if key not in owned
    ]
    items += [_group_item(graph, inner) for inner in group.groups]
    item = Item(key="/".join(group.path), group=group, items=items, nodes=[box for each in items for box in each.nodes])
    width, height = _arrange(graph, items)
    is_root = not group.path
    for each in items:
        each.move(0 if is_root else GROUP_PADDING, 0 if is_root else TITLE_HEIGHT + STEP)
    item.width = width + (0 if is_root else 2 * GROUP_PADDING)
    item.height = height + (0 if is_root else TITLE_HEIGHT + STEP + GROUP_PADDING)
    return item


def _arrange(graph: Graph, items: Sequence[Item]) -> tuple[int, int]:
    """Place items of one group beside each other, and return the size of all."""
    if not items:
        return 0, 0
    by_key = {item.key: item for item in items}
    flow, others = _pairs(graph, items)
    if not flow:
        flow, others = others, []
    flowing = {key for pair in flow for key in pair}
    keys = layers_of([item.key for item in items if item.key in flowing], flow)
    layers = [[by_key[key] for key in layer] for layer in keys]
    width, height = place_layers(layers, flow, others, is_down=False) if layers else (0, 0)
    if width > _WIDEST:
        width, height = place_layers(layers, flow, others, is_down=True)
    rest = [item for item in items if item.key not in flowing]
    return _place_band(rest, by_key, others, width, height)


def _pairs(graph: Graph, items: Sequence[Item]) -> tuple[list[Pair], list[Pair]]:
    """Return which items lead to which, by the edges between their nodes: those of the flow, and the others."""
    item_of = {box.node.key: item.key for item in items for box in item.nodes}
    flow: dict[Pair, None] = {}
    others: dict[Pair, None] = {}
    for edge in graph.edges:
        pair = item_of.get(edge.source), item_of.get(edge.target)
        if pair[0] is not None and pair[1] is not None and pair[0] != pair[1]:
            (flow if edge.kind is EdgeKind.FLOW else others)[pair[0], pair[1]] = None
    return [*flow], [pair for pair in others if pair not in flow]


def _place_band(
    rest: Sequence[Item], by_key: Mapping[str, Item], others: Sequence[Pair], width: int, height: int
) -> tuple[int, int]:
    """Place what the flow only uses beneath it, each beneath what uses it; in more rows when one is too wide."""
    y = height + _BAND_GAP if height else 0
    for row in _rows(rest, by_key, others, max(width, _WIDEST)):
        wanted = [_middle(item, by_key, others, rest) for item in row]
        x = 0
        for item, middle in zip(row, wanted, strict=True):
            left = x if middle is None else max(x, on_grid(middle - item.width / 2))
            item.move(left - item.x, y - item.y)
            x = left + item.width + _GAP
        _pull_back(row, max(width, sum(item.width + _GAP for item in row) - _GAP))
        y += max(item.height for item in row) + _BAND_GAP
    everything = by_key.values()
    return max(item.x + item.width for item in everything), max(item.y + item.height for item in everything)


def _rows(rest: Sequence[Item], by_key: Mapping[str, Item], others: Sequence[Pair], widest: int) -> list[list[Item]]:
    ordered = sorted(rest, key=lambda item: _order(_middle(item, by_key, others, rest)))
    rows: list[list[Item]] = []
    for item in ordered:
        if not rows or sum(each.width + _GAP for each in rows[-1]) + item.width > widest:
            rows.append([])
        rows[-1].append(item)
    return rows


def _order(middle: float | None) -> float:
    return float("inf") if middle is None else middle


def _middle(item: Item, by_key: Mapping[str, Item], others: Sequence[Pair], rest: Sequence[Item]) -> float | None:
    """Return where an item wants its middle: beneath what it is connected to in the flow.

    An item that is only connected to such an item wants to be beside it. None where nothing leads to the flow.
    """
    unplaced = {each.key for each in rest}

    def ends(key: str) -> list[str]:
        return [source if target == key else target for source, target in others if key in (source, target)]

    def of_flow(key: str) -> list[float]:
        return [by_key[end].center[0] for end in ends(key) if end not in unplaced]

    found = of_flow(item.key) or [middle for end in ends(item.key) for middle in of_flow(end)]
    return sum(found) / len(found) if found else None


def _pull_back(row: Sequence[Item], width: int) -> None:
    """Move items to the left until the row ends where the flow does, as far as those before them leave room."""
    end = width
    for item in reversed(row):
        if item.x + item.width > end:
            item.move(end - item.width - item.x, 0)
        end = item.x - _GAP
