from dataclasses import replace

from tests.tsunagu.operations.graph.flows import FUNCTION, QUEUE, arn, graph, ref, resource
from tsunagu.operations.graph.mermaid import mermaid

FLOW = {
    "Q": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("D"), "maxReceiveCount": 3}),
    "D": QUEUE,
    "F": FUNCTION,
    "M": resource("Lambda::EventSourceMapping", EventSourceArn=arn("Q"), FunctionName=ref("F"), BatchSize=10),
}


def test_flow_chart_has_nodes_edges_and_their_labels() -> None:
    assert mermaid(graph(FLOW)) == (
        "flowchart LR\n"
        '    Q[/"Q<br/>SQS queue"/]\n'
        '    D[/"D<br/>SQS queue"/]\n'
        '    F["F<br/>Lambda function"]\n'
        '    Q -.->|"after 3 deliveries"| D\n'
        '    Q -->|"batches of 10"| F\n'
        "    linkStyle 0 stroke:#b3261e\n"
    )


def test_groups_are_subgraphs() -> None:
    paths = {"Q": "S/Pay/Queue/Resource", "F": "S/Pay/Function/Resource", "D": "S/Dead/Resource"}
    flow = {key: {**found, "Metadata": {"aws:cdk:path": paths.get(key, "")}} for key, found in FLOW.items()}

    lines = mermaid(graph(flow)).splitlines()

    assert lines[1:6] == [
        '    subgraph group_Pay["Pay"]',
        '        Q[/"Queue<br/>SQS queue"/]',
        '        D[/"Dead<br/>SQS queue"/]',
        '        F["Function<br/>Lambda function"]',
        "    end",
    ]


def test_names_cannot_break_the_syntax() -> None:
    text = mermaid(
        graph({"Q": resource("SQS::Queue", 'S/"a"]<b>#/Resource'), "F": resource("SQS::Queue", "S/F/Resource")})
    )

    assert '#quot;a#quot;]#lt;b#gt;#35;<br/>SQS queue"' in text


def test_what_is_alarming_or_outside_stands_out() -> None:
    found = graph(FLOW)
    nodes = {
        **found.nodes,
        "D": replace(found.nodes["D"], is_alarming=True),
        "Q": replace(found.nodes["Q"], is_outside=True),
    }

    lines = mermaid(replace(found, nodes=nodes)).splitlines()

    assert lines[-2:] == ["    style D stroke:#b3261e,stroke-width:3px", "    style Q stroke-dasharray:4 3"]
