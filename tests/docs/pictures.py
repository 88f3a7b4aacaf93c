"""Draws the state machine of a scheduled job from the template, and puts the picture into the documentation.

`python -m tests.docs.pictures` writes the picture anew.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.snapshots.stages import resources_of, template_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "one-at-a-time.md"
BEGIN = "<!-- The picture is made from the template: python -m tests.docs.pictures -->"
END = "<!-- End of the picture -->"
MACHINE = "AWS::StepFunctions::StateMachine"
_SHAPES = {"Choice": ("{{", "}}"), "Succeed": ("([", "])"), "Fail": ("([", "])")}


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
    PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), picture(definition())), encoding="utf-8")
