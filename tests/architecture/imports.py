"""Which module imports what, read from the source without running it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGES = ("cdk_app", "lambdas", "tsunagu")


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name.

    Attributes:
        importer: Dotted name of the module that imports.
        imported: Dotted name of what it imports; for `from a import b` that is `a.b`, be it a module or not.
        line: Line of the statement.
    """

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def is_within(name: str, *packages: str) -> bool:
    """Tell whether the dotted `name` is one of `packages` or inside one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@cache
def all_imports(root: Path) -> tuple[Import, ...]:
    """Every import below the packages of `root`, those inside functions and of types alone included; read once."""
    paths = (path for package in PACKAGES for path in sorted((root / package).rglob("*.py")))
    return tuple(found for path in paths for found in _imports_of(path, root))


def modules(root: Path, package: str) -> list[str]:
    """Dotted names of the modules of `package`, itself included."""
    return [_module_name(path, root) for path in sorted(root.joinpath(*package.split(".")).rglob("*.py"))]


def _imports_of(path: Path, root: Path) -> Iterator[Import]:
    importer = _module_name(path, root)
    package = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (Import(importer, alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, package)
            yield from (Import(importer, f"{source}.{alias.name}", node.lineno) for alias in node.names)


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*parents, *([node.module] if node.module else [])])


def import_graph(root: Path) -> dict[str, set[str]]:
    """Which modules of the project each module imports, by dotted name."""
    known = {name for package in PACKAGES for name in modules(root, package)}
    graph: dict[str, set[str]] = {name: set() for name in known}
    for found in all_imports(root):
        imported = found.imported
        while imported and imported not in known:
            imported = imported.rpartition(".")[0]
        if imported and imported != found.importer:
            graph[found.importer].add(imported)
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of names that reach each other, each sorted; none where the graph has no circle."""
    reached = {name: _reachable(graph, name) for name in graph}
    groups = {
        tuple(sorted({name, *(other for other in reached[name] if name in reached[other])}))
        for name in graph
        if name in reached[name]
    }
    return [list(group) for group in sorted(groups)]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        for name in graph.get(ahead.pop(), set()) - found:
            found.add(name)
            ahead.append(name)
    return found
