"""Adds to a graph what its queues hold at the moment."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from tsunagu.operations.aws import READERS
from tsunagu.operations.graph.model import EdgeKind, Graph, Node
from tsunagu.operations.inventory import StackInventory

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_COUNTS: Mapping[str, str] = {
    "ApproximateNumberOfMessages": "waiting",
    "ApproximateNumberOfMessagesNotVisible": "in flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}
_QUEUE = "AWS::SQS::Queue"


def with_depths(graph: Graph, client: "SQSClient", inventory: StackInventory) -> Graph:
    """Return the graph of a deployed stack with the number of messages in each queue.

    A dead-letter queue that is not empty is marked. The numbers are approximate, as SQS's are.

    Args:
        graph: Graph of the stack's templates.
        client: SQS client. Threads share it.
        inventory: What the stack consists of.
    """
    urls = {each.logical_id: each.physical_id for each in inventory.of_type(_QUEUE) if each.physical_id}
    places = {key: urls[node.logical_id] for key, node in graph.nodes.items() if node.logical_id in urls}
    with ThreadPoolExecutor(READERS) as readers:
        counts = dict(zip(places, readers.map(lambda url: _counts(client, url), places.values()), strict=True))
    letters = {edge.target for edge in graph.edges if edge.kind is EdgeKind.DEAD_LETTER}
    nodes = {
        key: _with_counts(node, counts[key], is_dead_letters=key in letters) if key in counts else node
        for key, node in graph.nodes.items()
    }
    return replace(graph, nodes=nodes)


def _counts(client: "SQSClient", url: str) -> dict[str, int]:
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {words: int(attributes.get(name, 0)) for name, words in _COUNTS.items()}  # type: ignore[call-overload]


def _with_counts(node: Node, counts: Mapping[str, int], *, is_dead_letters: bool) -> Node:
    details = (*node.details, ", ".join(_texts(counts)) or "empty")
    return replace(node, details=details, is_alarming=is_dead_letters and any(counts.values()))


def _texts(counts: Mapping[str, int]) -> Iterator[str]:
    for words, count in counts.items():
        if count:
            yield f"{count:,} {words}"
