"""Templates for tests of graphs, and short forms of what is read from them."""

from collections.abc import Mapping
from typing import Any

from tsunagu.operations.graph.model import EdgeKind, Graph
from tsunagu.operations.graph.reading import Shown, graph_of
from tsunagu.templates.references import Document

Resources = Mapping[str, Any]

_SHORT = {
    EdgeKind.FLOW: "->",
    EdgeKind.DEAD_LETTER: "-x",
    EdgeKind.USE: "~>",
    EdgeKind.PERMISSION: "=>",
}
QUEUE, TOPIC, FUNCTION, TABLE, BUCKET = (
    {"Type": f"AWS::{name}", "Properties": {}}
    for name in ("SQS::Queue", "SNS::Topic", "Lambda::Function", "DynamoDB::Table", "S3::Bucket")
)


def resource(of_type: str, path: str = "", **properties: Any) -> dict[str, Any]:
    metadata = {"Metadata": {"aws:cdk:path": path}} if path else {}
    return {"Type": f"AWS::{of_type}", "Properties": properties, **metadata}


def arn(logical_id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def ref(logical_id: str) -> dict[str, Any]:
    return {"Ref": logical_id}


def graph(resources: Resources, shown: Shown | None = None) -> Graph:
    return graph_of([Document(path="t.json", body={"Resources": resources}, stack_name="shop")], shown)


def arrows(found: Graph) -> set[str]:
    """Return the edges as `Queue -> Function`, dead letters as `-x`, and uses as `~>`."""
    return {f"{edge.source} {_SHORT[edge.kind]} {edge.target}" for edge in found.edges}
