"""Finds imports of a function's own code that the function could not resolve in Lambda."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tsunagu.cdk.assets.files import Files
from tsunagu.cdk.assets.runtime import LIBRARY

# What Lambda's Python images hold beside the standard library: the SDK with its dependencies, and the runtime client.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
LAMBDA_IMAGE = frozenset(
    {"awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"},
)
# https://docs.python.org/3/whatsnew/3.12.html#removed, and the pages of the later versions
_REMOVED_FROM_STANDARD_LIBRARY: dict[tuple[int, int], frozenset[str]] = {
    (3, 12): frozenset({"asynchat", "asyncore", "distutils", "imp", "smtpd"}),
    (3, 13): frozenset(
        [
            "aifc",
            "audioop",
            "cgi",
            "cgitb",
            "chunk",
            "crypt",
            "imghdr",
            "lib2to3",
            "mailcap",
            "nis",
            "nntplib",
            "ossaudiodev",
            "pipes",
            "sndhdr",
            "spwd",
            "sunau",
            "telnetlib",
            "uu",
            "xdrlib",
        ]
    ),
}
_ADDED_TO_STANDARD_LIBRARY: dict[tuple[int, int], frozenset[str]] = {
    (3, 14): frozenset({"annotationlib", "compression"})
}
_OPTIONAL_AFTER = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


@dataclass(frozen=True, slots=True)
class MissingImport:
    """An import that Lambda could not resolve.

    Attributes:
        file: File that imports, under its name in the asset.
        line: Line of the statement.
        module: Dotted name of what it imports.
    """

    file: str
    line: int
    module: str


def missing_imports(own: Files, asset: Files, version: tuple[int, int]) -> Iterator[MissingImport]:
    """Yield the imports of `own` that neither the asset nor Lambda's image can resolve.

    Nothing is executed. Left out are imports for type checkers alone, those whose failure the code expects (`except
    ImportError`, `suppress(ImportError)`), those that depend on the platform or on the version of Python, and files
    that only a newer Python than this one can parse.

    Args:
        own: The files to look at, under their names in the asset.
        asset: All files of the asset.
        version: Major and minor version of the function's Python.
    """
    modules = _Modules(asset)
    outside = LAMBDA_IMAGE | standard_library(version)
    for name in sorted(own):
        if not name.endswith(".py"):
            continue
        try:
            tree = ast.parse(own[name])
        except (SyntaxError, ValueError):
            continue  # the handler itself was checked before; any other file fails with a sentence of Python's
        for module, attribute, line in _imports(tree, _package_of(name)):
            if module.partition(".")[0] in outside:
                continue
            if not modules.has(module):
                yield MissingImport(name, line, module)
            elif attribute is not None and not modules.may_give(module, attribute):
                yield MissingImport(name, line, f"{module}.{attribute}")


def standard_library(version: tuple[int, int]) -> frozenset[str]:
    """Return the names of the standard library's modules in this version of Python."""
    names = set(sys.stdlib_module_names)
    for since, removed in _REMOVED_FROM_STANDARD_LIBRARY.items():
        names = names - removed if version >= since else names | removed
    for since, added in _ADDED_TO_STANDARD_LIBRARY.items():
        names = names | added if version >= since else names - added
    return frozenset(names)


class _Modules:
    """The modules that an asset holds."""

    def __init__(self, asset: Files) -> None:
        self._asset = asset
        self._folders = {folder for name in asset for folder in _folders(name)}
        # `fast.cpython-313-aarch64-linux-gnu.so` is the module `fast`.
        self._extensions = {name.split(".", 1)[0] for name in asset if name.endswith(".so")}

    def has(self, module: str) -> bool:
        path = module.replace(".", "/")
        return f"{path}.py" in self._asset or path in self._folders or path in self._extensions

    def may_give(self, module: str, attribute: str) -> bool:
        """Whether a module has this module, or may have this name; only a package without such a name has not."""
        path = module.replace(".", "/")
        if self.has(f"{module}.{attribute}") or path not in self._folders:
            return True
        source = self._asset.get(f"{path}/__init__.py")
        if source is None:
            return f"{path}.py" in self._asset
        if module == LIBRARY:  # its front door gives what it lists, and nothing else
            return attribute in _listed(ast.parse(source))
        return _binds(source, attribute)


def _folders(name: str) -> Iterator[str]:
    parts = name.split("/")[:-1]
    for number in range(1, len(parts) + 1):
        yield "/".join(parts[:number])


def _binds(source: bytes, attribute: str) -> bool:
    """Whether a package's `__init__.py` binds a name; True where only running it could tell."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return True
    names = _listed(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"globals", "exec"}:
            return True
    return attribute in names or "__getattr__" in names


def _listed(tree: ast.Module) -> set[str]:
    """Return the names in `__all__`, where it is a plain list or tuple of texts."""
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        named = any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)
        value = getattr(node, "value", None)
        if named and isinstance(value, ast.List | ast.Tuple):
            return {each.value for each in value.elts if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return set()


def _package_of(name: str) -> list[str]:
    """Return the package that relative imports of a file start from."""
    return name.split("/")[:-1]


def _imports(tree: ast.AST, package: list[str]) -> Iterator[tuple[str, str | None, int]]:
    """Yield module, imported name if any, and line of each import that must succeed."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            if module:
                yield from ((module, None if alias.name == "*" else alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.If) and _is_conditional(node.test):
            yield from _imports(ast.Module(node.orelse, []), package)
        elif isinstance(node, ast.Try | ast.TryStar) and any(map(_expects_missing, node.handlers)):
            rest = [*node.handlers, *node.orelse, *node.finalbody]
            yield from _imports(ast.Module(rest, []), package)  # type: ignore[arg-type]
        elif isinstance(node, ast.With) and any(_suppresses(item.context_expr) for item in node.items):
            continue
        else:
            yield from _imports(node, package)


def _is_conditional(test: ast.expr) -> bool:
    """Whether a condition asks for the type checker, the platform, or the version of Python."""
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    return bool({"TYPE_CHECKING"} & names or {"TYPE_CHECKING", "version_info", "platform"} & attributes)


def _expects_missing(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return bool(_OPTIONAL_AFTER & {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)})


def _suppresses(context: ast.expr) -> bool:
    if not isinstance(context, ast.Call):
        return False
    called = context.func.id if isinstance(context.func, ast.Name) else getattr(context.func, "attr", "")
    names = {node.id for argument in context.args for node in ast.walk(argument) if isinstance(node, ast.Name)}
    return called == "suppress" and bool(_OPTIONAL_AFTER & names)
