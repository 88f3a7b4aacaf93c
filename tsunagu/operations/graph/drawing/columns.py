"""Places layers of a flow beside each other: as columns from left to right, or as rows from top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass

from tsunagu.operations.graph.drawing.boxes import STEP, Item, on_grid
from tsunagu.operations.graph.drawing.layers import Pair

ACROSS_GAP, ALONG_GAP = 40, 50  # between items of one layer, and between two layers
_MOST_TRACKS = 8  # for edges between two layers
_SWEEPS = 6


@dataclass(slots=True)
class _Spot:
    """Where an item goes, along the flow and across it."""

    item: Item
    is_down: bool
    along: int = 0
    across: float = 0.0

    @property
    def length(self) -> int:
        """Size along the flow."""
        return self.item.height if self.is_down else self.item.width

    @property
    def breadth(self) -> int:
        """Size across the flow."""
        return self.item.width if self.is_down else self.item.height

    @property
    def middle(self) -> float:
        """Where edges meet the item, across the flow, from its own edge. The node on top of a block counts."""
        first = self.item if self.item.group is not None or self.is_down else self.item.nodes[0]
        return (first.width if self.is_down else first.height) / 2


def place_layers(
    layers: Sequence[Sequence[Item]], flow: Sequence[Pair], others: Sequence[Pair], *, is_down: bool
) -> tuple[int, int]:
    """Place the items of layers, and return the size of all.

    Args:
        layers: Items by layer, in their order.
        flow: Which items lead to which.
        others: Which items use which others, of any layer or none. They need room beside the items that they leave.
        is_down: Whether layers are rows from top to bottom. Default: columns from left to right.
    """
    _align_widths(layers, is_down=is_down)
    spots = [[_Spot(item, is_down) for item in layer] for layer in layers]
    number_of = {spot.item.key: number for number, layer in enumerate(spots) for spot in layer}
    start = 0
    for number, layer in enumerate(spots):
        length = max(spot.length for spot in layer)
        for spot in layer:
            spot.along = start + (0 if is_down else on_grid((length - spot.length) / 2))
        start += length + ALONG_GAP + 2 * STEP * min(_tracks(number, number_of, flow, others) // 2, _MOST_TRACKS)
    _settle(spots, flow)
    return _moved([spot for layer in spots for spot in layer])


def _align_widths(layers: Sequence[Sequence[Item]], *, is_down: bool) -> None:
    """Give the nodes of a column one width."""
    for layer in () if is_down else layers:
        blocks = [item for item in layer if item.group is None]
        for item in blocks:
            item.width = max(each.width for each in blocks)
            for box in item.nodes:
                box.width = item.width


def _tracks(number: int, number_of: dict[str, int], flow: Sequence[Pair], others: Sequence[Pair]) -> int:
    """Return how many edges need room behind a layer."""
    ends = [sorted((number_of[source], number_of[target])) for source, target in flow]
    return sum(first <= number < last for first, last in ends) + sum(number_of.get(key) == number for key, _ in others)


def _settle(spots: Sequence[Sequence[_Spot]], flow: Sequence[Pair]) -> None:
    """Place the items of each layer, each beside what it is connected to, where there is room."""
    by_key = {spot.item.key: spot for layer in spots for spot in layer}
    beside: dict[str, list[_Spot]] = {}
    for source, target in flow:
        beside.setdefault(source, []).append(by_key[target])
        beside.setdefault(target, []).append(by_key[source])
    for layer in spots:
        _spread(layer, [0.0] * len(layer))
    for sweep in range(_SWEEPS):
        for layer in spots if sweep % 2 == 0 else reversed(spots):
            _spread(layer, [_wanted(spot, beside.get(spot.item.key, [])) for spot in layer])


def _wanted(spot: _Spot, beside: Sequence[_Spot]) -> float:
    """Return where an item begins when it is as far across as the mean of those beside it."""
    if not beside:
        return spot.across
    return sum(each.across + each.middle for each in beside) / len(beside) - spot.middle


def _spread(layer: Sequence[_Spot], wanted: Sequence[float]) -> None:
    """Place the items of a layer in their order, as near to where they want to be as all of them together may."""
    starts: list[float] = []
    end = float("-inf")
    for spot, start in zip(layer, wanted, strict=True):
        starts.append(max(start, end))
        end = starts[-1] + spot.breadth + ACROSS_GAP
    excess = sum(start - want for start, want in zip(starts, wanted, strict=True)) / len(starts)
    for spot, start in zip(layer, starts, strict=True):
        spot.across = start - excess


def _moved(spots: Sequence[_Spot]) -> tuple[int, int]:
    """Move the items to their spots, on the grid, and return the size of all."""
    first = min(spot.across for spot in spots)
    for spot in spots:
        across = on_grid(spot.across - first)
        x, y = (across, spot.along) if spot.is_down else (spot.along, across)
        spot.item.move(x - spot.item.x, y - spot.item.y)
    items = [spot.item for spot in spots]
    return max(item.x + item.width for item in items), max(item.y + item.height for item in items)
