"""Finds imports of a function's own code that would fail in Lambda."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tsunagu.cdk.assets.conditions import asks_for_platform, decide
from tsunagu.cdk.assets.files import Files
from tsunagu.cdk.assets.modules import Modules, parse

_MISSING = frozenset({"ImportError", "ModuleNotFoundError"})
_ANYTHING = frozenset({"Exception", "BaseException"})


@dataclass(frozen=True, slots=True)
class MissingImport:
    """An import that would fail in Lambda.

    Attributes:
        file: File that imports, under its name in the asset.
        line: Line of the import, counted from 1.
        module: Dotted name of what it imports. A relative import that leaves its outermost package keeps its dots.
    """

    file: str
    line: int
    module: str


def missing_imports(own: Files, asset: Files, version: tuple[int, int]) -> Iterator[MissingImport]:
    """Yield the imports of `own` that neither the asset nor Lambda's image can resolve.

    Nothing is executed. These imports are left out:

    - imports for type checkers alone, and those in a branch that this Python or this platform does not take,
    - imports whose failure the code expects (`except ImportError`, `suppress(ImportError)`). The imports of the
      `except` block count only if one of the imports before it is missing,
    - imports of a file that this Python cannot parse: the function's Python may be newer.

    Args:
        own: The files to look at, under their names in the asset.
        asset: All files of the asset.
        version: Major and minor version of the function's Python.
    """
    modules = Modules(asset, version)
    for file in sorted(own):
        if file.endswith(".py") and (tree := parse(own[file])) is not None:
            finder = _Finder(modules, version, package=file.split("/")[:-1])
            for line, module in finder.missing([tree]):
                yield MissingImport(file, line, module)


class _Finder:
    """Finds the imports of one file that would fail.

    Attributes:
        package: The package that relative imports of the file start from.
    """

    def __init__(self, modules: Modules, version: tuple[int, int], package: list[str]) -> None:
        self._modules = modules
        self._version = version
        self._package = package

    def missing(self, nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
        """Yield line and module of each import below `nodes` that would fail."""
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, each.name) for each in node.names if not self._modules.has(each.name))
            elif isinstance(node, ast.ImportFrom):
                yield from self._missing_from(node)
            elif isinstance(node, ast.If):
                yield from self.missing(self._branches(node))
            elif isinstance(node, ast.Try | ast.TryStar):
                yield from self._missing_in_try(node)
            elif not (isinstance(node, ast.With) and any(_suppresses(item.context_expr) for item in node.items)):
                yield from self.missing(ast.iter_child_nodes(node))

    def _missing_from(self, node: ast.ImportFrom) -> Iterator[tuple[int, str]]:
        if node.level > len(self._package):
            yield node.lineno, "." * node.level + (node.module or "")
            return
        parents = self._package[: len(self._package) - node.level + 1] if node.level else []
        module = ".".join([*parents, *([node.module] if node.module else [])])
        if not self._modules.has(module):
            yield node.lineno, module
            return
        for alias in node.names:
            if alias.name != "*" and not self._modules.gives(module, alias.name):
                yield alias.lineno, f"{module}.{alias.name}"

    def _branches(self, node: ast.If) -> list[ast.stmt]:
        """Return the statements that may be executed in Lambda."""
        decided = decide(node.test, self._version)
        if decided is None:
            return [] if asks_for_platform(node.test) else [*node.body, *node.orelse]
        return node.body if decided else node.orelse

    def _missing_in_try(self, node: ast.Try | ast.TryStar) -> Iterator[tuple[int, str]]:
        fallbacks = [handler for handler in node.handlers if _is_fallback(handler, node.body)]
        others = [handler for handler in node.handlers if handler not in fallbacks]
        body = list(self.missing(node.body))
        if fallbacks and body:
            yield from self.missing(fallbacks)
        else:
            yield from body
            yield from self.missing(node.orelse)
        yield from self.missing([*others, *node.finalbody])


def _is_fallback(handler: ast.ExceptHandler, body: list[ast.stmt]) -> bool:
    """Whether the code goes on when an import in `body` fails.

    `except Exception` does so around imports alone: around other work it catches other errors.
    """
    caught = _caught(handler)
    if caught & _MISSING:
        return True
    imports_alone = all(isinstance(statement, ast.Import | ast.ImportFrom) for statement in body)
    raises = any(isinstance(node, ast.Raise) for node in ast.walk(handler))
    return bool(caught & _ANYTHING) and imports_alone and not raises


def _caught(handler: ast.ExceptHandler) -> frozenset[str]:
    """Return the names of the exceptions that a handler catches."""
    return _names(handler.type) if handler.type else _ANYTHING


def _suppresses(context: ast.expr) -> bool:
    if not isinstance(context, ast.Call):
        return False
    called = context.func.id if isinstance(context.func, ast.Name) else getattr(context.func, "attr", "")
    return called == "suppress" and any(_names(each) & (_MISSING | _ANYTHING) for each in context.args)


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
