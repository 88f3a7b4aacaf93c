"""Writes the sections of the pages about constructs that are made from the code, and compares them.

Each section stands between two marks, of which the first says what it is and of what: props of a class; or resources,
alarms or permissions of a construct. `make docs-pages` writes all of them, and the pictures, anew.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import tsunagu.cdk
from tests.docs.reference.props import props_table
from tests.docs.reference.stacks import Synthesized, synthesized
from tests.docs.reference.templates import alarms_table, permissions_table, resources_table
from tsunagu.operations.graph.drawing.svg import svg
from tsunagu.operations.graph.reading import graph_of
from tsunagu.operations.graph.sources import synthesized_documents

PROJECT = Path(__file__).resolve().parents[3]
FOLDER = PROJECT / "docs" / "constructs"
PICTURES = PROJECT / "docs" / "pictures" / "constructs"
SECTION = re.compile(
    r"(?P<begin><!-- made by make docs-pages: (?P<kind>\w+) of (?P<name>\w+) -->\n)(?P<text>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)
FROM_TEMPLATES = ("resources", "alarms", "permissions")
# What is no hop of a message has no picture: it would be empty, or that of what is watched.
WITHOUT_PICTURE = ("CustomerManagedKey", "FlowAlarms", "FlowDashboard", "OperatorAccess", "PrivateEndpoints")

Kinds = Mapping[str, Callable[[str], str]]


def pages() -> list[Path]:
    return sorted(FOLDER.glob("*.md"))


def sections(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name and text of each section of a page."""
    for found in SECTION.finditer(text):
        yield found["kind"], found["name"], found["text"]


def with_sections(text: str, kinds: Kinds) -> str:
    """Return a page with the sections of these kinds made anew; the others stay."""

    def made(found: re.Match[str]) -> str:
        make = kinds.get(found["kind"])
        return found[0] if make is None else f"{found['begin']}{make(found['name'])}\n{found['end']}"

    return SECTION.sub(made, text)


def props_of(name: str) -> str:
    """Return the table of an exported class of props."""
    return props_table(getattr(tsunagu.cdk, name), _link)


@cache
def _link(name: str) -> str:
    """Return a link to the table of a class of props."""
    [page] = [page for page in pages() if f"props of {name} -->" in page.read_text(encoding="utf-8")]
    return f"[`{name}`]({page.name}#{name.lower()})"


def kinds_from_templates(stacks: Mapping[str, Synthesized]) -> Kinds:
    """Return what makes the sections about templates."""
    return {
        "resources": lambda name: resources_table(stacks[name].resources),
        "alarms": lambda name: alarms_table(stacks[name].resources, stacks[name].paths),
        "permissions": lambda name: permissions_table(stacks[name].every_resource, stacks[name].paths),
    }


def picture_file(name: str) -> Path:
    """Return the file of the picture of a construct."""
    return PICTURES / f"{kebab(name)}.svg"


def kebab(name: str) -> str:
    """Return the name of a class in lower case with hyphens."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def pictures(stacks: Mapping[str, Synthesized]) -> Mapping[Path, str]:
    """Return the pictures of the constructs, as `tsunagu graph` draws them, by their files."""
    return {
        picture_file(name): svg(graph_of(synthesized_documents(stack.folder, name)))
        for name, stack in stacks.items()
        if name not in WITHOUT_PICTURE
    }


def main() -> None:
    """Write the sections and the pictures."""
    stacks = synthesized()
    kinds = {"props": props_of, **kinds_from_templates(stacks)}
    PICTURES.mkdir(exist_ok=True)
    for file, drawn in pictures(stacks).items():
        file.write_text(drawn, encoding="utf-8")
    for page in pages():
        page.write_text(with_sections(page.read_text(encoding="utf-8"), kinds), encoding="utf-8")


if __name__ == "__main__":
    main()
