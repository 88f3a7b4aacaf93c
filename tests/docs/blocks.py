"""The blocks of code of the documents: what each is in, and how it is checked."""

import ast
import builtins
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tests.docs import commands

CONTEXT = Path(__file__).parent / "context"
COMMON = "common"
_BLOCK = re.compile(
    r"(?:^ *<!-- not checked: (?P<reason>[^>]+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_DIAGRAMS = ("flowchart", "stateDiagram-v2", "sequenceDiagram")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Attributes:
        page: The document.
        line: Line of its fence.
        language: What the fence says.
        text: The code.
        reason: Why it is not checked; empty where it is.
        number: Which Python block of its page it is, from 0; -1 for other languages.
    """

    page: Path
    line: int
    language: str
    text: str
    reason: str
    number: int

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a document."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    for each in _BLOCK.finditer(text):
        line = text.count("\n", 0, each.start("language")) + 1
        number = sum(block.language == "python" for block in found) if each["language"] == "python" else -1
        code = textwrap.dedent(each["text"])
        found.append(Block(page, line, each["language"], code, each["reason"] or "", number))
    return found


def faults(block: Block) -> Iterator[str]:
    """Yield what is wrong with a block; it must be of a language that is checked, or say why it is not."""
    if block.reason:
        return
    match block.language:
        case "python":
            yield from _python_faults(block)
        case "py":  # a piece that needs its surroundings
            yield from _syntax_faults(block.text)
        case "json":
            yield from _json_faults(block.text)
        case "yaml":
            yield from _yaml_faults(block.text)
        case "mermaid":
            if not block.text.lstrip().startswith(_DIAGRAMS):
                yield f"no kind of diagram that the site draws: {block.text.split()[0]}"
        case "" | "bash" | "shell" | "console":
            yield from commands.faults_of_lines(block.text)
        case "text":  # what a command prints
            return
        case other:
            yield f"nothing checks a block of {other}: write <!-- not checked: … --> above it"


def _json_faults(text: str) -> Iterator[str]:
    try:
        json.loads(text)
    except ValueError as error:
        try:
            for line in text.splitlines():
                json.loads(line)
        except ValueError:
            yield str(error)


def _yaml_faults(text: str) -> Iterator[str]:
    try:
        yaml.safe_load(text)
    except yaml.YAMLError as error:
        yield str(error)


def _python_faults(block: Block) -> Iterator[str]:
    yield from (wrong := [*_syntax_faults(block.text)])
    if wrong:
        return
    tree = ast.parse(block.text)
    yield from (
        f"{name} is defined neither on the page nor in tests/docs/context" for name in sorted(unknown(tree, block))
    )


def _syntax_faults(code: str) -> Iterator[str]:
    try:
        ast.parse(code)
    except SyntaxError as error:
        yield str(error)


def unknown(tree: ast.Module, block: Block) -> set[str]:
    """Return the names that a Python block uses, and that nothing defines."""
    return free_names(tree) - set(sources_of_names(block))


def free_names(tree: ast.AST) -> set[str]:
    """Return the names that some code uses and does not define."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return used - _bound(tree) - set(dir(builtins))


def sources_of_names(block: Block) -> dict[str, str]:
    """Return the modules from which a block takes names: the context, that of its page, and earlier blocks of it."""
    sources = dict.fromkeys(_context(COMMON), f"tests.docs.context.{COMMON}")
    own = module_name(block.page)
    if (CONTEXT / f"{own}.py").is_file():
        sources |= dict.fromkeys(_context(own), f"tests.docs.context.{own}")
    for earlier in blocks(block.page):
        if 0 <= earlier.number < block.number and not earlier.reason:
            sources |= dict.fromkeys(_bound(ast.parse(earlier.text)), f"{own}_{earlier.number}")
    return sources


def module_of(block: Block) -> str:
    """Return a Python block as a module that imports what the page takes for granted."""
    sources = sources_of_names(block)
    needed = sorted(free_names(ast.parse(block.text)) & set(sources))
    return "".join(f"from {sources[name]} import {name}\n" for name in needed) + block.text


def module_name(page: Path) -> str:
    """Return the name of a page as that of a module."""
    name = page.parent.name if page.name == "README.md" and page.parent.name in ("invoices", "clinic") else page.stem
    return re.sub(r"\W", "_", name).lower()


@cache
def _context(module: str) -> frozenset[str]:
    return frozenset(_bound(ast.parse((CONTEXT / f"{module}.py").read_text(encoding="utf-8"))))


def _bound(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {(alias.asname or alias.name).split(".")[0] for alias in aliases}
    return names
