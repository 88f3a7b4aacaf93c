"""The examples of the pages about constructs import what they use, and from the front door."""

import ast
import builtins
import re
from pathlib import Path

import pytest

import tsunagu.cdk

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = [DOCS / "constructs.md", *sorted((DOCS / "constructs").glob("*.md"))]


def examples(page: Path) -> list[ast.Module]:
    text = page.read_text(encoding="utf-8")
    return [ast.parse(block) for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]


def imports(example: ast.Module) -> list[ast.ImportFrom]:
    return [node for node in example.body if isinstance(node, ast.ImportFrom)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_import_from_the_front_door(page: Path) -> None:
    found = [node for example in examples(page) for node in imports(example) if str(node.module).startswith("tsunagu")]

    assert found
    assert {node.module for node in found} == {"tsunagu.cdk"}
    assert {alias.name for node in found for alias in node.names} <= set(tsunagu.cdk.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_import_each_class_that_they_use(page: Path) -> None:
    for example in examples(page):
        imported = {alias.name for node in imports(example) for alias in node.names}
        used = {node.id for node in ast.walk(example) if isinstance(node, ast.Name) and node.id[0].isupper()}

        assert used - imported - set(dir(builtins)) == set()
