"""Compiles the files of an asset, so that a cold start does not have to."""

import importlib.util
import marshal
import sys
import warnings

from tsunagu.cdk.assets.files import Files
from tsunagu.cdk.assets.platform import Platform
from tsunagu.errors import AssetError

_TASK_ROOT = "/var/task"  # where Lambda unpacks an asset: tracebacks show this path
_UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # PEP 552: found by hash, never compared with the source


def check_building_python(platform: Platform) -> None:
    """Check that `platform` can run the byte code of this Python.

    Raises:
        AssetError: The platform has another Python.
    """
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.implementation.name != "cpython" or here != platform.python:
        msg = (
            f"byte_code needs the building Python to be the function's, CPython {platform.python}, "
            f"got {sys.implementation.name} {here}"
        )
        raise AssetError(msg)


def compile_files(files: Files) -> dict[str, bytes]:
    """Return the byte code of each Python file in `files`, without the files that do not compile."""
    compiled = {name: _compile(name, source) for name, source in files.items() if name.endswith(".py")}
    return {importlib.util.cache_from_source(name): code for name, code in compiled.items() if code is not None}


def _compile(name: str, source: bytes) -> bytes | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, f"{_TASK_ROOT}/{name}", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None  # some dependencies contain templates, or files for another Python
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source) + marshal.dumps(code)
