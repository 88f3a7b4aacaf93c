"""The files of an asset: names inside the zip, and their contents."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from tsunagu.errors import AssetError

# Names are relative, with "/" between folders, as in a zip.
Files = Mapping[str, bytes]

_EXECUTABLE = b"executable"
_BYTE_CODE_FOLDER = "__pycache__"
_BYTE_CODE_SUFFIXES = (".pyc", ".pyo")
_HIDDEN_PREFIX = "."
_EDITOR_COPY_SUFFIX = "~"
_DOCKERFILE = "Dockerfile"  # what builds an image is not in it


class Executable(bytes):
    """The content of a file that the function may execute, such as a program in `bin`."""

    __slots__ = ()


def read_file(path: Path) -> bytes:
    """Read a file, with its right to be executed.

    Raises:
        AssetError: It is no file that can be read, such as a link to nothing.
    """
    try:
        if not path.is_file():
            msg = f"a file of an asset must be a file, got {path}, which is {_kind(path)}"
            raise AssetError(msg)
        content = path.read_bytes()
        return Executable(content) if path.stat().st_mode & stat.S_IXUSR else content
    except OSError as error:
        msg = f"a file of an asset must be readable, got {path}: {error.strerror}"
        raise AssetError(msg) from error


def folder_files(folder: Path, prefix: str) -> dict[str, bytes]:
    """Read the files below `folder` that belong to a program. Their names in the asset start with `prefix`.

    Hidden files and folders, byte code, the copies of editors (`name~`) and Dockerfiles (`Dockerfile`, `Dockerfile.*`)
    are left out. Contents are not changed, and neither are line endings.

    Raises:
        AssetError: A folder in it is a link: what the link leads to may differ on another machine. Or a file cannot be
            read, or has a name that is no text.
    """
    return {f"{prefix}/{path.relative_to(folder).as_posix()}": read_file(path) for path in _walk(folder)}


def merge(parts: Mapping[str, Files]) -> dict[str, bytes]:
    """Join the parts of an asset.

    Args:
        parts: The files of each part, by the name that an error calls the part.

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
        # Hashes have a fixed length, so that a name and a content cannot be confused.
        total.update(hashlib.sha256(name.encode()).digest())
        total.update(hashlib.sha256(files[name]).digest())
        if isinstance(files[name], Executable):
            total.update(hashlib.sha256(_EXECUTABLE).digest())
    return total.hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if _belongs(name)]
        for name in folders:
            if Path(place, name).is_symlink():
                msg = f"a package must hold its folders itself, got a link at {Path(place, name)}"
                raise AssetError(msg)
        for name in filter(_belongs, names):
            if not name.isprintable():
                msg = f"a file of an asset must have a name of printable text, got {name!r} in {place}"
                raise AssetError(msg)
            yield Path(place, name)


def _kind(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return "a link to nothing"
    return "no file" if path.exists() else "not there"


def _belongs(name: str) -> bool:
    return (
        not name.startswith(_HIDDEN_PREFIX)
        and not name.endswith((_EDITOR_COPY_SUFFIX, *_BYTE_CODE_SUFFIXES))
        and name != _BYTE_CODE_FOLDER
        and name.partition(".")[0] != _DOCKERFILE
    )
