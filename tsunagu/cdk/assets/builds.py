"""Remembers which zip file was built from which sources, so that a synthesis with nothing changed reads no dependency.

A record names the sources by their contents, the dependencies by their lock, and the zip file by its hash, its size and
its time of change. What was built from the same sources was checked then: its imports, its names and its size.
"""

import functools
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tsunagu.cache import cache_directory
from tsunagu.cdk.assets.archive import write_whole
from tsunagu.cdk.assets.files import Files, digest, folder_files


@dataclass(frozen=True, slots=True)
class BuiltZip:
    """A zip file in the cache, as it was when it was written or checked.

    Attributes:
        hash: SHA-256, in hex, of its contents, by which it is named.
        size: Bytes.
        modified_ns: Time of its last change, in nanoseconds since 1970.
    """

    hash: str
    size: int
    modified_ns: int

    @classmethod
    def of(cls, asset_hash: str) -> "BuiltZip":
        """Look at the zip file of this hash.

        Raises:
            FileNotFoundError: The cache does not have it.
        """
        status = zip_path(asset_hash).stat()
        return cls(asset_hash, status.st_size, status.st_mtime_ns)


def zip_path(asset_hash: str) -> Path:
    """Return where the cache keeps the zip file of this hash."""
    return cache_directory() / "assets" / f"{asset_hash}.zip"


def build_id(code: Files, *facts: str) -> str:
    """Return what names a build: its code, further facts, what builds it, and the building Python.

    Args:
        code: The files that are no dependencies.
        facts: What the result depends on besides: the lock and the platform.
    """
    return digest(code, *facts, _builder(), f"{sys.version_info[0]}.{sys.version_info[1]}")


def known_hash(build: str) -> str | None:
    """Return the hash of the zip file that this build made, if the cache has it unchanged."""
    try:
        known = BuiltZip(**json.loads(_record(build).read_bytes()))
        return known.hash if BuiltZip.of(known.hash) == known else None
    except (OSError, TypeError, ValueError):  # there is none, or it is damaged
        return None


def remember(build: str, asset_hash: str) -> None:
    """Record which zip file a build made."""
    write_whole(_record(build), json.dumps(asdict(BuiltZip.of(asset_hash))).encode())


def _record(build: str) -> Path:
    return cache_directory() / "builds" / f"{build}.json"


@functools.cache
def _builder() -> str:
    """Return a hash of the code that builds and checks: another release may check more."""
    folder = Path(__file__).resolve().parent
    return digest(folder_files(folder, "assets"))
