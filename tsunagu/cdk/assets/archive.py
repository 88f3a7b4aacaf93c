"""Reads and writes the zip files in the cache.

A file is written completely or not at all. The comment at its end is the SHA-256 of the rest, and is checked before the
file is used.
"""

import hashlib
import io
import stat
import tempfile
import zipfile
from pathlib import Path

from tsunagu.cdk.assets.files import Executable, Files

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE_BY_ALL = (stat.S_IFREG | 0o644) << 16  # Lambda runs as a user of its own
_EXECUTABLE_BY_ALL = (stat.S_IFREG | 0o755) << 16
_MADE_ON_UNIX = 3
_CHECKSUM_BYTES = 64


def read_archive(path: Path) -> dict[str, bytes] | None:
    """Read what `write_archive` wrote.

    Returns:
        The files, or None when the archive is missing or was changed.
    """
    content = _checked(path)
    if content is None:
        return None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: _content(archive, entry) for entry in archive.infolist()}


def is_whole(path: Path) -> bool:
    """Whether `path` is an archive that is unchanged since `write_archive` wrote it."""
    return _checked(path) is not None


def write_archive(path: Path, files: Files) -> None:
    """Write `files` to the zip file `path`. A process that reads at the same time gets the old file or the new one.

    Names are sorted. Dates are fixed, and of modes only the right to execute is kept.
    """
    write_whole(path, _zip(files))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file. A process that reads at the same time gets the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as place:
        partial = Path(place, path.name)
        partial.write_bytes(content)
        partial.replace(path)


def _zip(files: Files) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.external_attr = _EXECUTABLE_BY_ALL if isinstance(files[name], Executable) else _READABLE_BY_ALL
            entry.create_system = _MADE_ON_UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
        archive.comment = bytes(_CHECKSUM_BYTES)  # a placeholder, because the length of the comment precedes it
    body = content.getvalue()[:-_CHECKSUM_BYTES]
    return body + _checksum(body)


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    content = archive.read(entry)
    return Executable(content) if entry.external_attr == _EXECUTABLE_BY_ALL else content


def _checked(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return content if content[-_CHECKSUM_BYTES:] == _checksum(content[:-_CHECKSUM_BYTES]) else None


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
