"""The library knows no names of the sample app: its texts and settings hold for every app."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SAMPLE_NAMES = re.compile(
    r"\b(payments?|orders|order[-_ ]pipeline|inventory|billing|shipping|suppliers?|reports[-_]stack|accounts)\b",
    re.IGNORECASE,
)


def sample_names(root: Path) -> Iterator[str]:
    """Place and text of each string below `root` that has a sample name; docstrings are examples, and left out."""
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or id(node) in docstrings:
                continue
            if isinstance(node.value, str) and SAMPLE_NAMES.search(node.value):
                yield f"{path.relative_to(root)}:{node.lineno} {node.value!r}"


def test_no_text_of_the_library_has_a_sample_name() -> None:
    assert [*sample_names(PROJECT / "tsunagu")] == []


def test_a_planted_sample_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text('"""Sends payments."""\nSERVICES = {"payments": f"{1} order-pipeline"}\n')

    assert [*sample_names(tmp_path)] == ["planted.py:2 'payments'", "planted.py:2 ' order-pipeline'"]
