"""Zip files in the cache: written whole or not at all, and not trusted before they are checked."""

import io
import stat
import tempfile
import zipfile
from pathlib import Path

from cdk_app.assets.files import Files, digest

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE_BY_ALL = (stat.S_IFREG | 0o644) << 16  # Lambda runs as a user of its own
_MADE_ON_UNIX = 3


def read_archive(path: Path) -> dict[str, bytes] | None:
    """Read what `write_archive` wrote.

    Returns:
        The files, or None when there is no such archive or it is not as it was written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
            whole = archive.comment.decode() == digest(files)
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        return None
    return files if whole else None


def write_archive(path: Path, files: Files) -> None:
    """Write `files` to the zip file `path`; whoever reads meanwhile sees the old one or the new one.

    Names are sorted, dates and modes fixed, and the comment is the digest of the files.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as place:
        partial = Path(place, path.name)
        partial.write_bytes(_zip(files))
        partial.replace(path)


def _zip(files: Files) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.external_attr = _READABLE_BY_ALL
            entry.create_system = _MADE_ON_UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
        archive.comment = digest(files).encode()
    return content.getvalue()
