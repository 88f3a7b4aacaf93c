"""Compiles Python files to byte code, in this process or as a program: `python compiler.py < files.zip > compiled.zip`.

As a program it is run by the Python of the function. That has none of our packages, so this module imports nothing
but the standard library.
"""

import importlib.util
import io
import marshal
import sys
import warnings
import zipfile
from collections.abc import Mapping

_TASK_ROOT = "/var/task"  # where Lambda unpacks an asset: tracebacks show this path
_UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # PEP 552: found by hash, never compared with the source


def compile_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the byte code of each Python file in `files`, without the files that do not compile."""
    compiled = {name: _compile(name, source) for name, source in files.items() if name.endswith(".py")}
    return {importlib.util.cache_from_source(name): code for name, code in compiled.items() if code is not None}


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file of `files`, as the program reads and writes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, each in files.items():
            archive.writestr(name, each)
    return content.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    """Return the files of a zip file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _compile(name: str, source: bytes) -> bytes | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, f"{_TASK_ROOT}/{name}", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None  # some dependencies contain templates, or files for another Python
    return importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source) + marshal.dumps(code)


if __name__ == "__main__":
    sys.stdout.buffer.write(packed(compile_files(unpacked(sys.stdin.buffer.read()))))
