"""Gives an asset byte code, so that a start does not have to compile: by this Python, or by the function's."""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tsunagu.cdk.assets import compiler
from tsunagu.cdk.assets.dependencies import uv_path
from tsunagu.cdk.assets.files import Files
from tsunagu.cdk.assets.platform import Platform
from tsunagu.errors import AssetError


def check_python(platform: Platform) -> None:
    """Check that this machine has the Python of the function, whose byte code no other Python makes.

    Raises:
        AssetError: It is not there.
    """
    if not _is_this(platform):
        python_path(platform.python)


def compiled_files(files: Files, platform: Platform) -> dict[str, bytes]:
    """Return the byte code of each Python file in `files`, without the files that do not compile.

    Args:
        files: The files of the asset.
        platform: Its Python compiles them. It is this process, or a Python of this machine that uv finds.

    Raises:
        AssetError: This machine has no such Python, or it could not run.
    """
    python_files = {name: content for name, content in files.items() if name.endswith(".py")}
    return (
        compiler.compile_files(python_files) if _is_this(platform) else _run(python_path(platform.python), python_files)
    )


def _is_this(platform: Platform) -> bool:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return sys.implementation.name == "cpython" and here == platform.python


@functools.cache
def python_path(python: str) -> Path:
    """Return the interpreter of this version that uv finds: one that uv installed, or one of the search path.

    Source: https://docs.astral.sh/uv/concepts/python-versions/#discovery-of-python-versions
    """
    find = [uv_path(), "python", "find", "--no-python-downloads", "--no-project", "--system", f"cpython@{python}"]
    found = subprocess.run(find, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    if found.returncode == 0:
        return Path(found.stdout.strip())
    # A shim of pyenv that starts nothing is found, too: uv says so.
    reason = " ".join(found.stderr.split()).removeprefix("error: ") or "no reason"
    msg = (
        f"byte_code needs the function's Python on this machine, CPython {python}: run 'uv python install {python}', "
        f"or leave byte_code out, got none that uv finds: {reason}"
    )
    raise AssetError(msg)


def _run(python: Path, files: Files) -> dict[str, bytes]:
    # Isolated, and in an empty folder: so it imports nothing of this machine's own, and none of its variables counts.
    command = [os.fspath(python), "-I", "-S", "-B", str(Path(compiler.__file__))]
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as place:
        done = subprocess.run(command, cwd=place, input=compiler.packed(files), capture_output=True, check=False)  # noqa: S603
    if done.returncode != 0:
        reason = " ".join(done.stderr.decode(errors="replace").split()) or "no reason"
        msg = f"{python} must compile the files of the asset, got {reason}"
        raise AssetError(msg)
    return compiler.unpacked(done.stdout)
