"""Each block of code of the documents is checked: its commands, its imports, its types; or it says why it is not."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs import commands
from tests.docs.blocks import Block, blocks, faults, module_name, module_of
from tests.docs.test_links import PROJECT, documents

DOCUMENTS = [*documents(PROJECT), *sorted(PROJECT.glob("examples/*/README.md"))]
MODULES = PROJECT / ".tsunagu" / "blocks"
# Packages that only a reader has: OpenTelemetry's come with its layer; functions of one team share `contracts`.
OF_THE_READER = ("opentelemetry", "contracts")
# Tests of readers have no annotations, and later blocks use what earlier ones import.
AS_A_READER_WRITES = (
    "--ignore-missing-imports",
    "--implicit-reexport",
    "--allow-untyped-defs",
    "--allow-incomplete-defs",
    "--allow-untyped-calls",
    "--allow-untyped-decorators",
)
_INLINE = re.compile(r"(?<!`)`((?:tsunagu|make) [^`\n]+)`(?!`)")
_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def names(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("page", DOCUMENTS, ids=names)
def test_blocks_have_no_faults(page: Path) -> None:
    assert [f"line {block.line}: {fault}" for block in blocks(page) for fault in faults(block)] == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=names)
def test_each_fence_is_a_block(page: Path) -> None:
    fences = re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert len(fences) == 2 * len(blocks(page))


@pytest.mark.parametrize("page", DOCUMENTS, ids=names)
def test_packages_of_examples_are_installed_or_beside_them(page: Path) -> None:
    imported = {name for block in python_blocks(page) for name in packages(ast.parse(block.text))}

    assert {name for name in imported if not (find_spec(name) or is_beside(name))} <= set(OF_THE_READER)


@pytest.mark.parametrize("page", DOCUMENTS, ids=names)
def test_commands_in_sentences_exist(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    lines = [line for line in _INLINE.findall(text) if "…" not in line and "*" not in line]

    assert [fault for line in lines for fault in commands.faults_of_lines(line) if fault.startswith("no ")] == []


@pytest.mark.slow
def test_examples_pass_mypy() -> None:
    shutil.rmtree(MODULES, ignore_errors=True)
    MODULES.mkdir(parents=True)
    for page in DOCUMENTS:
        for block in python_blocks(page):
            (MODULES / f"{module_name(page)}_{block.number}.py").write_text(module_of(block), encoding="utf-8")
    environment = {**os.environ, "MYPYPATH": f"{PROJECT}:{MODULES}"}

    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *AS_A_READER_WRITES, str(MODULES)],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


def python_blocks(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python" and not block.reason]


def packages(tree: ast.Module) -> Iterator[str]:
    """Yield the packages that some code imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield str(node.module).split(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)


def is_beside(name: str) -> bool:
    """Return whether a package is one of an example."""
    return any((PROJECT / "examples").glob(f"*/{name}"))


@pytest.mark.parametrize(
    ("language", "text", "fault"),
    [
        ("python", "x = = 1", "invalid syntax"),
        ("py", "x = = 1", "invalid syntax"),
        ("python", "print(gone)", "gone is defined neither"),
        ("json", "{1}", "Expecting"),
        ("yaml", "a: [1", "while parsing"),
        ("mermaid", "gantt", "no kind of diagram"),
        ("ini", "a=1", "nothing checks a block of ini"),
        ("", "tsunagu dlq lits", "no verb lits"),
        ("bash", "tsunagu dlq list --stak shop", "no option --stak"),
        ("", "tsunagu why ID more", "unexpected more"),
        ("", "make tset", "no target tset"),
        ("", "a tree of folders", "no command that a reader has: a"),
        ("console", "$ tsunagu statsu shop\nshop: all well", "no verb statsu"),
        ("", "make test && make tset", "no target tset"),
    ],
)
def test_planted_fault_is_found(language: str, text: str, fault: str, tmp_path: Path) -> None:
    [found] = found_in(tmp_path, f"```{language}\n{text}\n```\n")

    assert fault in found


@pytest.mark.parametrize(
    "page",
    [
        "```\ntsunagu dlq list payments --letters --stage prod   # each letter\n```\n",
        "```\ntsunagu trace <request id> --stage dev\nmake dev PORT=8000\n```\n",
        "```\n$ tsunagu status Clinic\nClinic: all well\n```\n",
        '```json\n{"a": 1}\n{"a": 2}\n```\n',
        "<!-- not checked: a tree of folders -->\n```\napp.py   the app\n```\n",
        "1. Run it:\n   ```bash\n   make \\\n     demo\n   ```\n",
        "```python\nx = 1\n```\n```python\nprint(x)\n```\n",
    ],
)
def test_sound_block_has_no_fault(page: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, page) == []


def found_in(folder: Path, text: str) -> list[str]:
    """Return the faults of a page of this text."""
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return [fault for block in blocks(page) for fault in faults(block)]


def test_module_of_a_block_imports_what_the_page_defined_before_and_what_the_context_has(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = TABLE\n```\n```python\nprint(x, TABLE)\n```\n", encoding="utf-8")

    assert module_of(blocks(page)[1]) == (
        "from tests.docs.context.common import TABLE\nfrom page_0 import x\nprint(x, TABLE)\n"
    )
