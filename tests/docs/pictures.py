"""Draws the pictures of the documentation from the templates: the flow of each stack, and a state machine.

`python -m tests.docs.pictures` writes them anew.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.snapshots.stages import assembly, resources_of, template_of
from tsunagu.operations.graph.drawing.svg import svg
from tsunagu.operations.graph.reading import graph_of
from tsunagu.operations.graph.sources import synthesized_documents

DOCS = Path(__file__).resolve().parents[2] / "docs"
# Pictures of flows, by the stack that each shows.
PICTURES: Mapping[str, Path] = {
    "payments": DOCS / "pictures" / "receive-once.svg",
    "order-pipeline": DOCS / "pictures" / "pipeline.svg",
    "reports": DOCS / "pictures" / "accept-now.svg",
    "supplier-sync": DOCS / "pictures" / "one-at-a-time.svg",
    "order-api": DOCS / "pictures" / "web-and-queue.svg",
}
PAGE = DOCS / "one-at-a-time.md"
BEGIN = "<!-- The picture is made from the template: python -m tests.docs.pictures -->"
END = "<!-- End of the picture -->"
MACHINE = "AWS::StepFunctions::StateMachine"
_SHAPES = {"Choice": ("{{", "}}"), "Succeed": ("([", "])"), "Fail": ("([", "])")}


def flow(stack: str) -> str:
    """Return the picture of a stack as `tsunagu graph` draws it from the assembly."""
    return svg(graph_of(synthesized_documents(Path(assembly("dev").directory), f"tsunagu-dev-{stack}")))


def definition() -> Mapping[str, Any]:
    """Return the definition of the machine that a tick starts, from the template of the sample."""
    machines = resources_of(template_of("dev", "supplier-sync"), MACHINE)
    [text] = [
        found["Properties"]["DefinitionString"] for name, found in machines.items() if "ReleaseMachine" not in name
    ]
    read: Mapping[str, Any] = json.loads(text)
    return read


def picture(machine: Mapping[str, Any]) -> str:
    """Return a machine as a flow chart of Mermaid."""
    lines = ["```mermaid", "flowchart TB", f"    tick([tick]) --> {machine['StartAt']}"]
    for name, state in machine["States"].items():
        opening, closing = _SHAPES.get(state["Type"], ("[", "]"))
        lines.append(f'    {name}{opening}"{_label(name, state)}"{closing}')
    for name, state in machine["States"].items():
        lines += [f"    {name} {arrow} {target}" for arrow, target in _arrows(state)]
    return "\n".join([*lines, "```"])


def page_with(text: str, drawn: str) -> str:
    """Return a page with the picture between its marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{drawn}\n{END}{rest.split(END)[1]}"


def _label(name: str, state: Mapping[str, Any]) -> str:
    resource = state.get("Resource", "").removeprefix("arn:aws:states:::")
    return f"{name}<br/>{resource}" if resource else name


def _arrows(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for choice in state.get("Choices", []):
        yield "-- yes -->", choice["Next"]
    if "Default" in state:
        yield "-- no -->", state["Default"]
    if "Next" in state:
        yield "-->", state["Next"]
    for catch in state.get("Catch", []):
        errors = ", ".join(error.rsplit(".", 1)[-1] for error in catch["ErrorEquals"])
        yield f'-. "{"any error" if errors == "ALL" else errors}" .->', catch["Next"]


if __name__ == "__main__":
    for shown, file in PICTURES.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(flow(shown), encoding="utf-8")
    PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), picture(definition())), encoding="utf-8")
