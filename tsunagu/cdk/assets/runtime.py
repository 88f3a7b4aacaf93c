"""The part of the library that every asset holds: front door, contracts and runtime."""

from pathlib import Path

from tsunagu import contracts
from tsunagu.cdk.assets.files import folder_files

LIBRARY = "tsunagu"
_SHARED = ("contracts", "runtime")


def runtime_files() -> dict[str, bytes]:
    """Read the files of the library that every asset holds, without importing them."""
    folder = Path(contracts.__file__).resolve().parent.parent
    files = {f"{LIBRARY}/__init__.py": (folder / "__init__.py").read_bytes()}
    for part in _SHARED:
        files |= folder_files(folder / part, f"{LIBRARY}/{part}")
    return files
