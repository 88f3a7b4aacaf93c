"""Reads the module of a handler: whether the function's Python can parse it, and which names it has."""

import ast
import re
import symtable
import sys
import warnings
from pathlib import Path

from tsunagu.cdk.assets.files import read_file
from tsunagu.cdk.assets.platform import Platform
from tsunagu.errors import AssetError

# No version of Python accepts what these say; of others, a newer one may accept it.
_NEVER_VALID = re.compile(r"expected ':'")
_BRACKETS = re.compile(r"was never closed|^unmatched|does not match opening parenthesis")
# Since 3.12 a quote may be in the expression of such a text. An older Python ends the text there, and counts brackets.
_FORMATTED_TEXT = re.compile(r"(?i)\b(?:[ft]r?|r[ft])[\"']")


def may_have(path: Path, name: str, platform: Platform) -> bool:
    """Whether a module has a name of its own, or may have it where only executing the module could tell.

    Args:
        path: The module.
        name: The name, such as that of a function.
        platform: Platform of the function. A newer Python than this one may parse what this one cannot.

    Raises:
        AssetError: It is no Python that the function can parse, or cannot be read.
    """
    source = read_file(path)
    tree = _parse(path, source, platform)
    if tree is None or any(map(_binds_unseen, ast.walk(tree))):
        return True
    # Bytes, because the first lines may name another encoding; the stubs know text alone.
    symbols = symtable.symtable(source, str(path), "exec").get_symbols()  # type: ignore[arg-type]
    names = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
    return not names.isdisjoint({name, "__getattr__"})


def _binds_unseen(node: ast.AST) -> bool:
    """Whether a statement binds names of the module that cannot be found by reading it."""
    match node:
        case ast.ImportFrom(names=[ast.alias(name="*")]):
            return True
        case ast.Call(func=ast.Name(id="globals")):
            return True
    return False


def _parse(path: Path, source: bytes, platform: Platform) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        if platform.version > sys.version_info[:2] and not _is_never_valid(error, source):
            return None
        msg = f"{path} must be valid Python {platform.python}, got {error.msg} in line {error.lineno}"
        raise AssetError(msg) from error
    except ValueError as error:  # such as a null byte
        msg = f"{path} must be valid Python {platform.python}, got {error}"
        raise AssetError(msg) from error


def _is_never_valid(error: SyntaxError, source: bytes) -> bool:
    if isinstance(error, IndentationError) or _NEVER_VALID.search(error.msg):
        return True
    return bool(_BRACKETS.search(error.msg)) and not _FORMATTED_TEXT.search(source.decode("utf-8", "replace"))
