"""The files of an asset: names inside the zip, and their contents."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from tsunagu.errors import AssetError

# Names are relative, with "/" between folders, as in a zip.
Files = Mapping[str, bytes]

_BYTE_CODE_FOLDER = "__pycache__"
_BYTE_CODE_SUFFIXES = (".pyc", ".pyo")
_HIDDEN_PREFIX = "."
_EDITOR_COPY_SUFFIX = "~"


def folder_files(folder: Path, prefix: str) -> dict[str, bytes]:
    """Read every file below `folder` that belongs to a program, under names that start with the folder `prefix`.

    Left out are hidden files and folders, byte code, and the copies that editors make (`name~`). Contents stay as they
    are, line endings included.

    Raises:
        AssetError: A link leads to a folder, so that what belongs to the package is not plain.
    """
    return {f"{prefix}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in _walk(folder)}


def merge(parts: Mapping[str, Files]) -> dict[str, bytes]:
    """Join the parts of an asset, each under the name that an error shall call it by.

    Raises:
        AssetError: Two parts have a file of the same name with different contents.
    """
    merged: dict[str, bytes] = {}
    owners: dict[str, str] = {}
    for owner, files in parts.items():
        for name, content in files.items():
            if merged.setdefault(name, content) != content:
                msg = f"{name} must come from one place, got one from {owners[name]} and another from {owner}"
                raise AssetError(msg)
            owners.setdefault(name, owner)
    return merged


def digest(files: Files, *facts: str) -> str:
    """Return the SHA-256, in hex, of names, contents and further facts; the order of `files` does not matter."""
    total = hashlib.sha256()
    for fact in facts:
        total.update(hashlib.sha256(fact.encode()).digest())
    for name in sorted(files):
        # Hashes of fixed length, so that no content can pass for a name.
        total.update(hashlib.sha256(name.encode()).digest())
        total.update(hashlib.sha256(files[name]).digest())
    return total.hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if _belongs(name)]
        for name in folders:
            if Path(place, name).is_symlink():
                msg = f"a handler package must hold its folders itself, got a link at {Path(place, name)}"
                raise AssetError(msg)
        yield from (Path(place, name) for name in names if _belongs(name))


def _belongs(name: str) -> bool:
    return (
        not name.startswith(_HIDDEN_PREFIX)
        and not name.endswith((_EDITOR_COPY_SUFFIX, *_BYTE_CODE_SUFFIXES))
        and name != _BYTE_CODE_FOLDER
    )
