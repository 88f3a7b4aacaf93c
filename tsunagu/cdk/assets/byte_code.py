"""Byte code beside the source, so that a cold start does not compile."""

import importlib.util
import marshal
import sys
import warnings

from tsunagu.cdk.assets.files import Files
from tsunagu.cdk.assets.platform import Platform
from tsunagu.errors import AssetError

_TASK_ROOT = "/var/task"  # where Lambda unpacks an asset; tracebacks name it
_UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # PEP 552: found by hash, never compared with the source


def check_building_python(platform: Platform) -> None:
    """Check that the byte code of this Python is what `platform` runs.

    Raises:
        AssetError: It is another Python's.
    """
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.implementation.name != "cpython" or here != platform.python:
        msg = (
            f"byte_code needs the building Python to be the function's, CPython {platform.python}, "
            f"got {sys.implementation.name} {here}"
        )
        raise AssetError(msg)


def compile_files(files: Files) -> dict[str, bytes]:
    """Return the byte code of every Python file in `files`; one that does not compile is left out."""
    compiled = {name: _compile(name, source) for name, source in files.items() if name.endswith(".py")}
    return {importlib.util.cache_from_source(name): code for name, code in compiled.items() if code is not None}


def _compile(name: str, source: bytes) -> bytes | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, f"{_TASK_ROOT}/{name}", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None  # a template or a file for another Python: some dependencies carry them
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source) + marshal.dumps(code)
