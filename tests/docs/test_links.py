"""The documents name files, tests and code that exist; each rule has a planted violation that it must find."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

# [text](target), without a title; a picture has the same form.
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")
# A link whose text is code, and whose target is Python: [`Name.method`](../tsunagu/file.py).
_CODE = re.compile(r"`([A-Za-z_][\w.]*)`")
_NAMED_TEST = re.compile(r"`([\w./-]+\.py)::(\w+)`")
_TEST_NAME = re.compile(r"`(test_\w+)(…?)`")
_TEST_FILE = re.compile(r"`((?:[\w-]+/)*(?:test_\w+|\w+_contract)\.py)`")
_PATH = re.compile(r"`((?:tests|tsunagu|cdk_app|lambdas|docs|benchmarks|examples)(?:/[\w.-]+)+/?)`")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

Rule = Callable[[Path, Path], Iterator[str]]


def documents(root: Path) -> list[Path]:
    named = [root / "README.md", root / "CONTRIBUTING.md"]
    return [*(document for document in named if document.is_file()), *sorted((root / "docs").rglob("*.md"))]


def a_link_leads_nowhere(document: Path, _root: Path) -> Iterator[str]:
    for _, target in _links(document):
        path, _, section = target.partition("#")
        file = _target(document, path)
        if not file.exists() or (section and section not in _sections(file)):
            yield target


def code_is_not_defined_in_the_file_that_is_linked(document: Path, _root: Path) -> Iterator[str]:
    for text, target in _links(document):
        code, file = _CODE.fullmatch(text), _target(document, target)
        if code and file.suffix == ".py" and file.is_file() and code[1] not in _defined(file):
            yield f"{code[1]} in {target}"


def a_test_of_a_named_file_does_not_exist(document: Path, root: Path) -> Iterator[str]:
    for path, name in _NAMED_TEST.findall(_text(document)):
        files = _files_called(path, root)
        if not any(name in _defined(file) for file in files):
            yield f"{path}::{name}"


def a_test_is_named_that_does_not_exist(document: Path, root: Path) -> Iterator[str]:
    names = _test_names(root)
    for name, is_beginning in _TEST_NAME.findall(_text(document)):
        if not any(known.startswith(name) if is_beginning else known == name for known in names):
            yield name + is_beginning


def a_test_file_is_named_that_does_not_exist(document: Path, root: Path) -> Iterator[str]:
    for path in _TEST_FILE.findall(_text(document)):
        if not _files_called(path, root):
            yield path


def a_path_is_named_that_does_not_exist(document: Path, root: Path) -> Iterator[str]:
    for path in _PATH.findall(_text(document)):
        if not (root / path).exists():
            yield path


RULES: dict[Rule, str] = {
    a_link_leads_nowhere: "[the table](gone.md), [its section](page.md#gone)",
    code_is_not_defined_in_the_file_that_is_linked: "[`Settlement.gone`](../tsunagu/settlement.py)",
    a_test_of_a_named_file_does_not_exist: "`tests/test_settlement.py::test_gone`",
    a_test_is_named_that_does_not_exist: "`test_gone`, `test_go…`",
    a_test_file_is_named_that_does_not_exist: "`test_gone.py`, `pipeline/test_settlement.py`",
    a_path_is_named_that_does_not_exist: "`lambdas/gone/handler.py`",
}


def _text(document: Path) -> str:
    """Return the text of a document without its blocks of code, where a bracket is no link."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def _links(document: Path) -> list[tuple[str, str]]:
    return [(text, target) for text, target in _LINK.findall(_text(document)) if not _ELSEWHERE.match(target)]


def _target(document: Path, path: str) -> Path:
    return (document.parent / path).resolve() if path else document


@cache
def _sections(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = _HEADING.findall(_text(document))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@cache
def _defined(file: Path) -> frozenset[str]:
    """Return the names of a file's classes, functions and methods; those of a class as `Class.method`."""
    return frozenset(_names(ast.parse(file.read_text(encoding="utf-8")), ""))


def _names(node: ast.AST, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name
            if isinstance(child, ast.ClassDef):
                yield from _names(child, f"{prefix}{child.name}.")


def _files_called(path: str, root: Path) -> list[Path]:
    """Return the files below `tests` whose path ends with `path`; a path from the root is one of them."""
    return [file for file in _test_files(root) if f"/{file.relative_to(root).as_posix()}".endswith(f"/{path}")]


@cache
def _test_files(root: Path) -> tuple[Path, ...]:
    return tuple(sorted((root / "tests").rglob("*.py")))


@cache
def _test_names(root: Path) -> frozenset[str]:
    names = {name.rpartition(".")[2] for file in _test_files(root) for name in _defined(file)}
    return frozenset(name for name in names if name.startswith("test_"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_in_no_document_does_it_happen_that(rule: Rule) -> None:
    found = [
        f"{document.relative_to(PROJECT)}: {each}"
        for document in documents(PROJECT)
        for each in rule(document, PROJECT)
    ]

    assert found == []


@pytest.mark.parametrize(("rule", "planted"), RULES.items(), ids=lambda part: getattr(part, "__name__", ""))
def test_it_is_found_when_it_is_planted_that(rule: Rule, planted: str, tmp_path: Path) -> None:
    _plant(tmp_path, planted)

    assert len([*rule(tmp_path / "docs" / "page.md", tmp_path)]) == planted.count(", ") + 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_exists_breaks_no_rule(rule: Rule, tmp_path: Path) -> None:
    _plant(
        tmp_path,
        "[page](page.md#the-page), [`Settlement.flush`](../tsunagu/settlement.py), [there](https://example.com/gone),\n"
        "`tests/test_settlement.py::test_flush`, `test_flush`, `test_fl…`, `test_settlement.py`,\n"
        "`tsunagu/settlement.py`\n"
        "```\n[`gone`](gone.py) `test_gone`\n```",
    )

    assert [*rule(tmp_path / "docs" / "page.md", tmp_path)] == []


def test_documents_are_the_readme_the_guide_for_contributors_and_all_below_docs() -> None:
    names = [document.relative_to(PROJECT).as_posix() for document in documents(PROJECT)]

    assert {"README.md", "CONTRIBUTING.md", "docs/semantics.md", "docs/adr/README.md"} <= set(names)


@pytest.mark.parametrize("page", ["semantics.md", "pipeline.md"])
def test_each_promise_leads_to_the_code_that_keeps_it_and_to_a_test(page: str) -> None:
    assert promises_without_code_or_test(PROJECT / "docs" / page) == []


def test_promise_without_code_or_test_is_found(tmp_path: Path) -> None:
    kept = "### Never lost\n| what | test |\n|---|---|\n| [`flush`](../tsunagu/a.py) | [`test_a`](../tests/a.py) |\n"
    page = tmp_path / "page.md"
    page.write_text(
        f"## What is promised\n{kept}| kept | [`test_b`](../tests/b.py) |\n### Never doubled\nIndeed.\n## What is not\n"
    )

    assert promises_without_code_or_test(page) == ["| kept | [`test_b`](../tests/b.py) |", "Never doubled"]


def promises_without_code_or_test(page: Path) -> list[str]:
    """Return the rows that lack a link to code or to a test, and the headings without any row."""
    found = re.search(r"^## What is promised$(.*?)^## ", _text(page), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} must have the section 'What is promised', and another one behind it"
    missing = []
    for promise in re.split(r"^### ", found[1], flags=re.MULTILINE):
        heading, *lines = promise.splitlines()
        rows = [line for line in lines if line.startswith("|")][2:]  # behind the names of the columns
        missing += [row for row in rows if not ("/tsunagu/" in row and "/tests/" in row)]
        if heading and not rows:
            missing.append(heading)
    return missing


def _plant(root: Path, text: str) -> None:
    for folder in ("docs", "tests", "tsunagu"):
        (root / folder).mkdir()
    (root / "docs" / "page.md").write_text(f"# The page\n{text}\n", encoding="utf-8")
    (root / "tests" / "test_settlement.py").write_text("def test_flush(): ...\n")
    (root / "tsunagu" / "settlement.py").write_text("class Settlement:\n    def flush(self): ...\n")
