"""The examples of the documents import what exists, and through the front doors."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.test_links import PROJECT, documents

FRONT_DOORS = ("tsunagu", "tsunagu.cdk", "tsunagu.testing")
_EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", documents(PROJECT), ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_examples_import_what_the_front_doors_export(document: Path) -> None:
    assert wrong_imports(document) == []


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("from tsunagu import Message, message_handler", []),
        ("from tsunagu.cdk import QueueChannel", []),
        ("from tsunagu.operations.redrive import redrive", []),
        ("from lambdas.orders import service", []),
        ("from tsunagu import Gone", ["tsunagu.Gone"]),
        ("from tsunagu.operations.redrive import gone", ["tsunagu.operations.redrive.gone"]),
        ("from tsunagu.runtime.receiving.message import Message", ["tsunagu.runtime.receiving.message.Message"]),
        ("def late():\n    from tsunagu.cdk.constructs import QueueChannel", ["tsunagu.cdk.constructs.QueueChannel"]),
    ],
)
def test_import_of_an_example_is_checked(statement: str, wrong: list[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```python\n{statement}\n```\n")

    assert wrong_imports(page) == wrong


def examples(document: Path) -> list[str]:
    """Return the Python examples of a document."""
    return _EXAMPLE.findall(document.read_text(encoding="utf-8"))


def wrong_imports(document: Path) -> list[str]:
    """Return what the examples of a document import that does not exist, or that a front door exports."""
    parsed = [ast.parse(example) for example in examples(document)]
    imports = [node for example in parsed for node in ast.walk(example) if isinstance(node, ast.ImportFrom)]
    names = [(str(node.module), alias.name) for node in imports for alias in node.names]
    return [
        f"{module}.{name}" for module, name in names if module.split(".")[0] == "tsunagu" and _is_wrong(module, name)
    ]


def _is_wrong(module: str, name: str) -> bool:
    exported = {door: set(import_module(door).__all__) for door in FRONT_DOORS}
    if module in exported:
        return name not in exported[module]
    return any(name in names for names in exported.values()) or not hasattr(import_module(module), name)
