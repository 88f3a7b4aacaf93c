"""Knows the modules that a function can import: of its asset, of Lambda's image, and of the standard library."""

import ast
import sys
import warnings
from collections.abc import Iterator

from tsunagu.cdk.assets.files import Files
from tsunagu.cdk.assets.runtime import LIBRARY

# The SDK with its dependencies, and the runtime client.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
_IMAGE = frozenset({"awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"})
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
_ADDED_TO_IMAGE: dict[tuple[int, int], frozenset[str]] = {(3, 12): frozenset({"snapshot_restore_py"})}
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
            "msilib",
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
_COMPILED = (".so", ".pyc")
# Code that uses one of these can bind names, or make modules, that cannot be found by reading it.
_BINDS_BY_CALL = frozenset({"eval", "exec", "globals", "locals", "setattr", "vars"})
_MAKES_MODULES = (b"sys.modules", b"meta_path", b"__path__")


def standard_library(version: tuple[int, int]) -> frozenset[str]:
    """Return the names of the standard library's modules in this version of Python."""
    names = set(sys.stdlib_module_names)
    for since, removed in _REMOVED_FROM_STANDARD_LIBRARY.items():
        names = names - removed if version >= since else names | removed
    for since, added in _ADDED_TO_STANDARD_LIBRARY.items():
        names = names | added if version >= since else names - added
    return frozenset(names)


def lambda_image(version: tuple[int, int]) -> frozenset[str]:
    """Return the modules that Lambda's image has beside the standard library, for this version of Python."""
    return _IMAGE.union(*(added for since, added in _ADDED_TO_IMAGE.items() if version >= since))


def parse(source: bytes) -> ast.Module | None:
    """Parse a Python file; None when this Python cannot."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # dependencies are not ours to correct
            return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


class Modules:
    """The modules that a function can import.

    In doubt, a module or a name is there: a wrong refusal would stop a deployment that works.
    """

    def __init__(self, asset: Files, version: tuple[int, int]) -> None:
        self._asset = asset
        self._outside = lambda_image(version) | standard_library(version)
        self._folders = {folder for name in asset for folder in _folders(name)}
        # `rates/fast.cpython-313-aarch64-linux-gnu.so` is the module `rates.fast`.
        self._compiled = {_module_path(name) for name in asset if name.endswith(_COMPILED)}

    def has(self, module: str) -> bool:
        """Whether a function can import this module."""
        path = module.replace(".", "/")
        return (
            module.partition(".")[0] in self._outside
            or f"{path}.py" in self._asset
            or path in self._folders
            or path in self._compiled
            or self._is_made_by_parent(path)
        )

    def gives(self, module: str, name: str) -> bool:
        """Whether `from module import name` finds the name, where `module` is one that the function has.

        Only a package can lack a name for sure: one whose `__init__.py` does not bind it, and which has no such module.
        """
        path = module.replace(".", "/")
        if self.has(f"{module}.{name}") or path not in self._folders:
            return True
        source = self._asset.get(f"{path}/__init__.py")
        if source is None:
            return f"{path}.py" in self._asset
        tree = parse(source)
        if tree is None:
            return True
        if module == LIBRARY:  # its `__getattr__` gives what `__all__` lists, and nothing else
            return name in _listed(tree)
        return _may_bind(tree, name)

    def _is_made_by_parent(self, path: str) -> bool:
        """Whether the nearest parent that exists may make the module when it is imported, as `six.moves` is made."""
        parents = list(_folders(path))
        if not parents or parents[0] == LIBRARY:
            return False
        for parent in reversed(parents):
            if parent in self._compiled or f"{parent}/__init__" in self._compiled:
                return True
            source = self._asset.get(f"{parent}/__init__.py", self._asset.get(f"{parent}.py"))
            if source is not None:
                return any(mark in source for mark in _MAKES_MODULES)
        return False


def _folders(name: str) -> Iterator[str]:
    parts = name.split("/")[:-1]
    for number in range(1, len(parts) + 1):
        yield "/".join(parts[:number])


def _module_path(name: str) -> str:
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{file.partition('.')[0]}"


def _may_bind(tree: ast.Module, name: str) -> bool:
    """Whether a package's `__init__.py` binds a name, or may do so where only executing it could tell."""
    names = _listed(tree)
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                return True
            case ast.Call(func=ast.Name(id=called)) if called in _BINDS_BY_CALL:
                return True
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Name(id=stored, ctx=ast.Store()):
                names.add(stored)
    return not names.isdisjoint({name, "__getattr__"})


def _listed(tree: ast.Module) -> set[str]:
    """Return the names in `__all__`, where it is a plain list or tuple of strings."""
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=elements) | ast.Tuple(elts=elements))
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.List(elts=elements) | ast.Tuple(elts=elements))
            ):
                return {
                    each.value for each in elements if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    return set()
