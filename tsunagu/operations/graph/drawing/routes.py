"""Finds the ways of edges: along a grid, round all boxes, with few turns, and apart from edges that lead elsewhere.

Edges of one kind that begin or end at the same box may run together, as the lines of a bus do.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tsunagu.operations.graph.drawing.boxes import STEP, Box
from tsunagu.operations.graph.model import Edge, EdgeKind

Point = tuple[int, int]  # of the grid: pixels divided by STEP
State = tuple[Point, Point]  # where an edge is, and where it is heading
_RIGHT, _DOWN, _LEFT, _UP = (1, 0), (0, 1), (-1, 0), (0, -1)
_SIDES = (_RIGHT, _DOWN, _LEFT, _UP)

_ALONE, _TOGETHER, _OVER_ANOTHER, _ON_BORDER = 10, 8, 400, 40  # cost of a step
_TURN, _CROSSING, _TOUCHING = 40, 15, 60
_OFF_MIDDLE = 3  # for each step of a port away from the middle of its side
# Cost of leaving a box, and of entering one, by the side: the flow runs from left to right.
_LEAVING: Mapping[EdgeKind, Mapping[Point, int]] = {
    EdgeKind.FLOW: {_RIGHT: 0, _DOWN: 20, _UP: 60, _LEFT: 150},
    EdgeKind.DEAD_LETTER: {_DOWN: 0, _RIGHT: 60, _LEFT: 60, _UP: 150},
    EdgeKind.USE: {_RIGHT: 20, _DOWN: 0, _UP: 40, _LEFT: 40},
    EdgeKind.PERMISSION: {_RIGHT: 20, _DOWN: 0, _UP: 20, _LEFT: 40},
}
_ENTERING: Mapping[EdgeKind, Mapping[Point, int]] = {
    EdgeKind.FLOW: {_LEFT: 0, _UP: 20, _DOWN: 60, _RIGHT: 150},
    EdgeKind.DEAD_LETTER: {_UP: 0, _LEFT: 40, _RIGHT: 20, _DOWN: 100},
    EdgeKind.USE: {_UP: 0, _LEFT: 20, _RIGHT: 20, _DOWN: 60},
    EdgeKind.PERMISSION: {_UP: 0, _LEFT: 20, _RIGHT: 20, _DOWN: 20},
}
_ENDLESS = 1 << 60
_ORDER = (EdgeKind.FLOW, EdgeKind.DEAD_LETTER, EdgeKind.USE, EdgeKind.PERMISSION)


@dataclass(slots=True)
class Routes:
    """Finds the ways of edges, one after the other.

    Attributes:
        boxes: Boxes of the nodes, by key. They are on the grid, and at least three steps are between two of them.
        walls: Other boxes that no edge runs through, such as titles.
        frames: Boxes whose borders edges may cross, but had better not run along.
        width: Width of the drawing, in pixels.
        height: Height of the drawing.
    """

    boxes: Mapping[str, Box]
    walls: Sequence[Box]
    frames: Sequence[Box]
    width: int
    height: int
    _blocked: set[Point] = field(init=False)
    _borders: set[tuple[Point, bool]] = field(init=False)
    _steps: dict[tuple[Point, bool], list[Edge]] = field(init=False, default_factory=dict)
    _points: dict[Point, list[Edge]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._blocked = {point for box in self.boxes.values() for point in _inside(box)}
        self._blocked |= {point for box in self.walls for point in _inside(box)}
        self._borders = {step for box in self.frames for step in _border(box)}

    def find(self, edges: Iterable[Edge]) -> dict[Edge, list[Point]]:
        """Return the way of each edge, as the points in pixels where it begins, turns and ends."""
        ordered = sorted(
            edges, key=lambda edge: (_ORDER.index(edge.kind), self._distance(edge), edge.source, edge.target)
        )
        found = {}
        for edge in ordered:
            if edge.source != edge.target:
                way = self._way(edge)
                self._occupy(edge, way)
                found[edge] = [(x * STEP, y * STEP) for x, y in _corners(way)]
        return found

    def _turn(self, edge: Edge) -> tuple[int, float, str, str]:
        """Return when an edge gets its way: edges of the flow first, and short ones before long ones."""
        return _ORDER.index(edge.kind), self._distance(edge), edge.source, edge.target

    def _distance(self, edge: Edge) -> float:
        (x, y), (other_x, other_y) = self.boxes[edge.source].center, self.boxes[edge.target].center
        return abs(x - other_x) + abs(y - other_y)

    def _way(self, edge: Edge) -> list[Point]:
        """Return the cheapest way from one box to another one."""
        search = _Search(_cells(self.boxes[edge.target]))
        for port, outer, side, cost in self._ports(edge, edge.source, _LEAVING):
            search.reach((outer, side), cost, (port, side))
        goals = {outer: (port, side, cost) for port, outer, side, cost in self._ports(edge, edge.target, _ENTERING)}
        best: list[Point] = []
        cheapest = _ENDLESS
        for state, estimate in search.states():
            if estimate >= cheapest:
                return best
            point, heading = state
            cost = search.cost_of[state]
            if point in goals:
                port, side, entering = goals[point]
                whole = cost + entering + _turning(heading, (-side[0], -side[1]))
                if whole < cheapest:
                    best, cheapest = [*search.way_to(state), port], whole
            for turned in _SIDES:
                following = point[0] + turned[0], point[1] + turned[1]
                if turned != (-heading[0], -heading[1]) and self._is_free(following):
                    step = _turning(heading, turned) + self._cost(edge, point, following, turned)
                    search.reach((following, turned), cost + step, state)
        if not best:
            msg = f"there must be a way from {edge.source} to {edge.target}, got boxes without a gap between them"
            raise AssertionError(msg)
        return best

    def _ports(
        self, edge: Edge, key: str, costs: Mapping[EdgeKind, Mapping[Point, int]]
    ) -> Iterator[tuple[Point, Point, Point, int]]:
        """Iterate over where an edge may meet a box: the place, the point before it, the side, and the cost."""
        for side, cost in costs[edge.kind].items():
            for port, off in _side(self.boxes[key], side):
                outer = port[0] + side[0], port[1] + side[1]
                if self._is_free(outer):
                    step = self._cost(edge, port, outer, side)
                    yield port, outer, side, cost + off * _OFF_MIDDLE + step

    def _is_free(self, point: Point) -> bool:
        within = -1 <= point[0] <= self.width // STEP + 1 and -1 <= point[1] <= self.height // STEP + 1
        return within and point not in self._blocked

    def _cost(self, edge: Edge, point: Point, following: Point, heading: Point) -> int:
        """Return the cost of one step, by the edges that are there already."""
        step = _step(point, following)
        there = self._steps.get(step, ())
        if there and not all(_may_join(edge, other) for other in there):
            return _OVER_ANOTHER
        cost = (_TOGETHER if there else _ALONE) + (_ON_BORDER if step in self._borders else 0)
        if there:
            return cost
        for other in self._points.get(following, ()):
            if not _may_join(edge, other):
                along = _step(following, (following[0] + heading[1], following[1] + heading[0]))
                cost += _CROSSING if other in self._steps.get(along, ()) else _TOUCHING
        return cost

    def _occupy(self, edge: Edge, way: Sequence[Point]) -> None:
        for point in way:
            self._points.setdefault(point, []).append(edge)
        for first, second in pairwise(way):
            self._steps.setdefault(_step(first, second), []).append(edge)


class _Search:
    """The algorithm A*: finds the cheapest way to a box, the most promising states first.

    Attributes:
        cost_of: Least known cost of each state that was reached.
    """

    def __init__(self, target: tuple[int, int, int, int]) -> None:
        self.cost_of: dict[State, int] = {}
        self._target = target
        self._before: dict[State, State] = {}
        self._queue: list[tuple[int, int, State]] = []

    def reach(self, state: State, cost: int, before: State) -> None:
        """Note a state that is reached at a cost from the state before it."""
        if cost < self.cost_of.get(state, _ENDLESS):
            self.cost_of[state], self._before[state] = cost, before
            heapq.heappush(self._queue, (cost + _least(state[0], self._target), len(self._before), state))

    def states(self) -> Iterator[tuple[State, int]]:
        """Iterate over the states that were reached, each with the least cost of a way through it."""
        while self._queue:
            estimate, _, state = heapq.heappop(self._queue)
            if estimate <= self.cost_of[state] + _least(state[0], self._target):  # else a cheaper way was found
                yield state, estimate

    def way_to(self, state: State) -> list[Point]:
        """Return the points from the border of the first box to a state."""
        way = [state[0]]
        while state in self._before and self._before[state] != state:
            state = self._before[state]
            way.append(state[0])
        return way[::-1]


def _may_join(edge: Edge, other: Edge) -> bool:
    return edge.kind is other.kind and (edge.source == other.source or edge.target == other.target)


def _turning(heading: Point, turned: Point) -> int:
    return 0 if heading == turned else _TURN


def _step(first: Point, second: Point) -> tuple[Point, bool]:
    return min(first, second), first[0] == second[0]


def _cells(box: Box) -> tuple[int, int, int, int]:
    return box.x // STEP, box.y // STEP, (box.x + box.width) // STEP, (box.y + box.height) // STEP


def _inside(box: Box) -> Iterator[Point]:
    """Iterate over the points within a box, those on its border included."""
    left, top, right, bottom = _cells(box)
    for x in range(left, right + 1):
        yield from ((x, y) for y in range(top, bottom + 1))


def _border(box: Box) -> Iterator[tuple[Point, bool]]:
    """Iterate over the steps along the border of a box."""
    left, top, right, bottom = _cells(box)
    for x in range(left, right):
        yield from (((x, y), False) for y in (top, bottom))
    for y in range(top, bottom):
        yield from (((x, y), True) for x in (left, right))


def _side(box: Box, side: Point) -> Iterator[tuple[Point, int]]:
    """Iterate over the points of a side, without its corners, and their distances from its middle."""
    left, top, right, bottom = _cells(box)
    if side[0]:
        x, middle = (right if side == _RIGHT else left), (top + bottom) // 2
        yield from (((x, y), abs(y - middle)) for y in range(top + 1, bottom))
    else:
        y, middle = (bottom if side == _DOWN else top), (left + right) // 2
        yield from (((x, y), abs(x - middle)) for x in range(left + 1, right))


def _least(point: Point, cells: tuple[int, int, int, int]) -> int:
    """Return the least cost from a point to a box."""
    left, top, right, bottom = cells
    away = max(left - point[0], 0, point[0] - right) + max(top - point[1], 0, point[1] - bottom)
    return away * _TOGETHER


def _corners(way: Sequence[Point]) -> list[Point]:
    """Return the first point of a way, the ones where it turns, and the last one."""
    inner = [
        point
        for previous, point, following in zip(way, way[1:], way[2:], strict=False)
        if (point[0] - previous[0], point[1] - previous[1]) != (following[0] - point[0], following[1] - point[1])
    ]
    return [way[0], *inner, way[-1]]
