"""Documentation and examples import from the front doors, `tsunagu` and `tsunagu.cdk`, and from nowhere else."""

import ast
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FRONT_DOORS = ("tsunagu", "tsunagu.cdk", "tsunagu.testing")
# Deeper modules that a page may import, each with the reason.
ALLOWED: dict[str, str] = {}

_FENCE = re.compile(r"^( *)```python\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"\b(?:from|import)\s+(tsunagu(?:\.\w+)*)")


def sources(root: Path) -> Iterator[tuple[Path, str]]:
    """Return the Python code of the documentation and of the examples, and the file of each piece."""
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md")), *sorted((root / "examples").rglob("*.md"))]
    for page in pages:
        for indent, code in _FENCE.findall(page.read_text()):
            yield page, textwrap.dedent(indent + code)
    for module in sorted((root / "examples").rglob("*.py")):
        if not {"cdk.out", ".venv"} & set(module.parts):
            yield module, module.read_text()


def faults(code: str) -> list[str]:
    """Return what `code` imports of Tsunagu that no front door exports; comments count too."""
    deeper = [name for name in _MODULE.findall(code) if name not in {*FRONT_DOORS, *ALLOWED}]
    return deeper + [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom) and node.module in FRONT_DOORS
        for alias in node.names
        if alias.name not in import_module(node.module).__all__
    ]


def test_documentation_and_examples_import_from_the_front_doors() -> None:
    found = {f"{path.relative_to(PROJECT)}: {fault}" for path, code in sources(PROJECT) for fault in faults(code)}

    assert found == set()


def test_there_is_code_to_look_at() -> None:
    files = {str(path.relative_to(PROJECT)) for path, code in sources(PROJECT) if "tsunagu" in code}

    assert {
        "README.md",
        "docs/pipeline.md",
        "examples/invoices/app.py",
        "examples/invoices/invoices/handler.py",
    } <= files


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from tsunagu import message_handler, Message", []),
        ("from tsunagu.cdk import QueueChannel", []),
        ("from tsunagu import Mesage", ["tsunagu.Mesage"]),
        ("from tsunagu.cdk import QueueChanel", ["tsunagu.cdk.QueueChanel"]),
        ("from tsunagu.cdk.constructs import QueueChannel", ["tsunagu.cdk.constructs"]),
        ("import tsunagu.runtime.errors", ["tsunagu.runtime.errors"]),
        ("@message_handler('orders')  # from tsunagu.runtime.functions\ndef f(): ...", ["tsunagu.runtime.functions"]),
    ],
)
def test_other_imports_are_found(code: str, expected: list[str]) -> None:
    assert faults(code) == expected


def test_code_is_found_in_pages_and_modules(tmp_path: Path) -> None:
    for name, text in {
        "README.md": "text\n```python\nfirst\n```\n- item\n  ```python\n  second\n  ```\n```\nno code\n```\n",
        "docs/page.md": "```python\nthird\n```\n",
        "examples/app.py": "fourth\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert [code.strip() for _, code in sources(tmp_path)] == ["first", "second", "third", "fourth"]
