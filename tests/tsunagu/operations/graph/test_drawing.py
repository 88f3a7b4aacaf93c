"""A drawing is legible for every graph: nothing overlaps, no text leaves its box, and no edge runs through one."""

import re
from collections.abc import Iterator
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tsunagu.operations.graph.flows import FUNCTION, QUEUE, arn, graph, ref, resource
from tsunagu.operations.graph.drawing.boxes import BAR, KIND_SIZE, NAME_SIZE, PADDING, STEP, Box, Item
from tsunagu.operations.graph.drawing.layers import crossings, layers_of, without_circles
from tsunagu.operations.graph.drawing.places import placed
from tsunagu.operations.graph.drawing.routes import Point, Routes
from tsunagu.operations.graph.drawing.svg import svg
from tsunagu.operations.graph.drawing.texts import ELLIPSIS, lines_of, text_width
from tsunagu.operations.graph.groups import grouped
from tsunagu.operations.graph.model import Edge, EdgeKind, Graph, Node, merged

CONSTRUCTS = ("Shop", "Orders", "SubscriptionsOfEveryCustomer", "Step")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs with groups, dead-letter queues, circles, and long names."""
    nodes: dict[str, Node] = {}
    for number in range(draw(st.integers(1, 9))):
        path = (*draw(st.lists(st.sampled_from(CONSTRUCTS), max_size=3)), f"Node{number}")
        details = tuple(draw(st.lists(st.sampled_from(["rate(1 minute)", "notified by 12 alarms"]), max_size=2)))
        alone = [key for key, node in nodes.items() if node.beneath is None]
        beneath = draw(st.sampled_from([None, None, *alone]))
        key = f"n{number}"
        nodes[key] = Node(key=key, service="sqs", kind="SQS queue", path=path, details=details, beneath=beneath)
    ends = st.sampled_from(sorted(nodes))
    edges = merged(
        Edge(source=source, target=target, kind=kind)
        for source, target, kind in draw(st.lists(st.tuples(ends, ends, st.sampled_from(EdgeKind)), max_size=12))
    )
    return Graph(title="shop", nodes=nodes, edges=edges, root=grouped(nodes, edges))


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_box_overlaps_another_one_and_groups_hold_what_is_theirs(drawn: Graph) -> None:
    root = placed(drawn)

    boxes = root.nodes
    assert sorted(box.node.key for box in boxes) == sorted(drawn.nodes)
    for number, box in enumerate(boxes):
        assert not any(overlap(box, other, gap=2 * STEP) for other in boxes[:number])
    for item in groups(root):
        assert all(holds(item, box) for box in item.nodes)
        strangers = [box for box in boxes if box not in item.nodes]
        assert not any(overlap(item, box, gap=STEP) for box in strangers)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_edge_runs_through_a_box(drawn: Graph) -> None:
    root = placed(drawn)
    boxes: dict[str, Box] = {box.node.key: box for box in root.nodes}

    ways = Routes(boxes, [], [], root.width, root.height).find(drawn.edges)

    assert set(ways) == {edge for edge in drawn.edges if edge.source != edge.target}
    for edge, way in ways.items():
        assert on_border(boxes[edge.source], way[0])
        assert on_border(boxes[edge.target], way[-1])
        for point in list(points(way))[1:-1]:
            assert not any(within(box, point) for box in boxes.values()), (edge, way)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_text_leaves_its_box(drawn: Graph) -> None:
    for box in placed(drawn).nodes:
        room = box.width - BAR - PADDING
        assert all(text_width(line, NAME_SIZE) <= room for line in box.name)
        assert all(text_width(line, KIND_SIZE) <= room for line in box.small)
        assert len(box.name) * NAME_SIZE + len(box.small) * KIND_SIZE <= box.height


@settings(max_examples=30, deadline=None)
@given(graphs())
def test_file_is_well_formed_and_always_the_same(drawn: Graph) -> None:
    text = svg(drawn)

    assert svg(drawn) == text
    whole = ET.fromstring(text)  # noqa: S314 - it is ours
    width, height = float(whole.attrib["width"]), float(whole.attrib["height"])
    numbers = [tuple(map(float, found)) for found in re.findall(r"[ML](-?\d+) (-?\d+)", text)]
    assert all(0 <= x <= width and 0 <= y <= height for x, y in numbers if (x, y) not in {(0, 0), (8, 4)})


def test_names_of_resources_are_no_markup() -> None:
    text = svg(
        graph({"Q": resource("SQS::Queue", 'S/A<b>&"c"/Resource'), "F": resource("SQS::Queue", "S/Other/Resource")})
    )

    assert "A&lt;b&gt;&amp;" in "".join(re.findall(r"<text[^>]*>([^<]*)", text))
    ET.fromstring(text)  # noqa: S314 - it is ours


def test_flow_runs_from_left_to_right_and_a_dead_letter_queue_is_beneath_its_queue() -> None:
    drawn = graph(
        {
            "F": FUNCTION,
            "D": QUEUE,
            "Q": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("D")}),
            "M": resource("Lambda::EventSourceMapping", EventSourceArn=arn("Q"), FunctionName=ref("F")),
        }
    )

    boxes = {box.node.key: box for box in placed(drawn).nodes}

    assert boxes["Q"].x + boxes["Q"].width < boxes["F"].x
    assert boxes["D"].x == boxes["Q"].x
    assert boxes["Q"].y + boxes["Q"].height < boxes["D"].y


def test_layers_follow_the_longest_way_and_a_beginning_is_before_its_target() -> None:
    pairs = [("a", "b"), ("b", "c"), ("a", "c"), ("late", "c")]

    assert layers_of(["a", "b", "c", "late"], pairs) == [["a"], ["b", "late"], ["c"]]


def test_a_circle_is_opened_where_it_closes() -> None:
    assert without_circles(["a", "b"], [("a", "b"), ("b", "a")]) == [("a", "b"), ("a", "b")]


def test_order_within_layers_has_no_crossing_that_another_order_has_not() -> None:
    pairs = [("a", "y"), ("b", "x")]

    layers = layers_of(["a", "b", "x", "y"], pairs)

    assert crossings([["a", "b"], ["x", "y"]], pairs) == 1
    assert crossings(layers, pairs) == 0


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Orders", ["Orders"]),
        ("Channel/DeadLetterQueue", ["Channel/Dead", "LetterQueue"]),
        ("rate(1 minute)", ["rate(1 minute)"]),
        ("x" * 30, ["x" * 12 + ELLIPSIS]),
    ],
)
def test_names_are_broken_between_words(text: str, lines: list[str]) -> None:
    assert lines_of(text, 13, 120) == lines


@given(st.text(max_size=60))
def test_no_line_is_wider_than_it_may_be(text: str) -> None:
    assert all(text_width(line, 13) <= 120 for line in lines_of(text, 13, 120))


def groups(item: Item) -> Iterator[Item]:
    for inner in item.items:
        if inner.group is not None:
            yield inner
            yield from groups(inner)


def overlap(one: Box, other: Box, gap: int) -> bool:
    return (
        one.x < other.x + other.width + gap
        and other.x < one.x + one.width + gap
        and one.y < other.y + other.height + gap
        and other.y < one.y + one.height + gap
    )


def holds(outer: Box, box: Box) -> bool:
    right, bottom = outer.x + outer.width, outer.y + outer.height
    return outer.x < box.x and outer.y < box.y and box.x + box.width < right and box.y + box.height < bottom


def on_border(box: Box, point: Point) -> bool:
    return within(box, point) and (point[0] in (box.x, box.x + box.width) or point[1] in (box.y, box.y + box.height))


def within(box: Box, point: Point) -> bool:
    return box.x <= point[0] <= box.x + box.width and box.y <= point[1] <= box.y + box.height


def points(way: list[Point]) -> Iterator[Point]:
    """Iterate over the points of the grid along a way."""
    for (x, y), (to_x, to_y) in pairwise(way):
        steps = max(abs(to_x - x), abs(to_y - y)) // STEP
        for step in range(steps):
            yield x + (to_x - x) * step // steps, y + (to_y - y) * step // steps
    yield way[-1]
