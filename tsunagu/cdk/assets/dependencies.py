"""Installs the dependencies of a handler: uv installs the wheels of a hash-pinned lock, and the cache keeps them."""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tsunagu.cache import cache_directory
from tsunagu.cdk.assets.archive import read_archive, write_archive
from tsunagu.cdk.assets.files import read_file
from tsunagu.cdk.assets.platform import Platform
from tsunagu.errors import AssetError

_LAYOUT = "tsunagu dependencies 2"  # increase the number when the same lock must install other files
_PINNED = re.compile(
    r"""
    [A-Za-z0-9][A-Za-z0-9._-]* (\[[^\]]*\])?    # name, extras
    \s*==\s*[A-Za-z0-9.!+_-]+                   # one version: no wildcard, no range
    \s*(;[^\\]*?)?                              # marker
    (\s+--hash=sha256:[0-9a-f]{64})+
    """,
    re.VERBOSE,
)
_SDK = re.compile(r"(?P<name>boto3|botocore)(?:\[[^\]]*\])?\s*==\s*(?P<version>[0-9.]+)", re.IGNORECASE)
LEAST_SDK = (1, 40)  # as the library itself depends on it
_COMMENT = re.compile(r"(^|\s)\#.*$")


def dependency_files(lock: Path, platform: Platform) -> dict[str, bytes]:
    """Return the files of the wheels that `lock` names, for `platform`.

    The first call for a lock downloads the wheels. Later calls, in any process, read them from the cache.

    Raises:
        AssetError: A line of the lock is not pinned with a hash, uv is not installed, or uv could not install it.
    """
    requirements = read_lock(lock)
    if not requirements:
        return {}
    archive = cache_directory() / "dependencies" / f"{_key(requirements, platform)}.zip"
    files = read_archive(archive)
    if files is None:
        files = _install(lock, requirements, platform)
        write_archive(archive, files)
    return files


def dependencies_id(lock: Path | None, platform: Platform) -> str:
    """Return what names the files of `dependency_files`: the wheels of a lock, for a platform.

    Args:
        lock: The lock. None for a package without dependencies.
        platform: Platform of the function.

    Raises:
        AssetError: A line of the lock is not pinned with a hash.
    """
    requirements = read_lock(lock) if lock else []
    return _key(requirements, platform) if requirements else "no dependencies"


def read_lock(lock: Path) -> list[str]:
    """Return the requirements of a lock file, one a line, without comments.

    Raises:
        AssetError: A line is not `name==version --hash=sha256:...`; the message names its number.
    """
    requirements = []
    for number, line in _logical_lines(_text(lock)):
        if not _PINNED.fullmatch(line):
            msg = f"{lock} line {number} must be 'name==version --hash=sha256:...', got {line.split(' --hash')[0]!r}"
            raise AssetError(msg)
        _check_sdk(lock, number, line)
        requirements.append(line)
    return requirements


def _text(lock: Path) -> str:
    try:
        return read_file(lock).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{lock} must be text in UTF-8, got other bytes at position {error.start}: some shells write UTF-16"
        raise AssetError(msg) from None


def _check_sdk(lock: Path, number: int, line: str) -> None:
    """Refuse an SDK that is older than the runtime needs: it would hide the newer one of Lambda's image."""
    found = _SDK.match(line)
    if found is None:
        return
    version = tuple(int(part) for part in re.findall(r"[0-9]+", found["version"])[: len(LEAST_SDK)])
    if version < LEAST_SDK:
        least = ".".join(map(str, LEAST_SDK))
        needed = f"{found['name']} {least} or later, which the runtime needs"
        msg = f"{lock} line {number} must have {needed}, got {found['version']}"
        raise AssetError(msg)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Join lines that end in a backslash, and number each by its first line."""
    parts: list[str] = []
    start = 1
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _COMMENT.sub("", raw).strip()
        if not parts:
            start = number
        parts.append(line.removesuffix("\\").strip())
        if not line.endswith("\\"):
            if joined := " ".join(filter(None, parts)):
                yield start, joined
            parts = []
    if joined := " ".join(filter(None, parts)):
        yield start, joined


def _key(requirements: list[str], platform: Platform) -> str:
    facts = [_LAYOUT, platform.wheel_tag, platform.python, *sorted(requirements)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _install(lock: Path, requirements: list[str], platform: Platform) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as place:
        pinned, target = Path(place, "requirements.txt"), Path(place, "target")
        pinned.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        # It runs in the empty folder, so that uv reads no settings of a project.
        done = subprocess.run(  # noqa: S603 - a fixed command
            _command(pinned, target, platform), cwd=place, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            msg = f"dependencies of {lock} could not be installed for {platform.wheel_tag}: {_one_line(done.stderr)}"
            raise AssetError(msg)
        return _installed_files(target)


def _command(pinned: Path, target: Path, platform: Platform) -> list[str]:
    return [
        *(uv_path(), "pip", "install", "--quiet", "--requirements", str(pinned), "--target", str(target)),
        *("--python", sys.executable, "--python-version", platform.python, "--python-platform", platform.wheel_tag),
        *("--only-binary", ":all:", "--require-hashes", "--link-mode", "copy"),
    ]


def uv_path() -> str:
    """Return the path of uv, which installs dependencies of handlers and finds their Python.

    Raises:
        AssetError: It is not installed.
    """
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - the base install has no uv, and most handlers need none
    except ImportError:
        msg = "uv installs the dependencies of handlers and finds their Python: install 'tsunagu[cdk]', got no uv"
        raise AssetError(msg) from None
    return os.fspath(find_uv_bin())


def _installed_files(target: Path) -> dict[str, bytes]:
    """Read the files of the installed wheels, with hidden folders: some wheels keep shared libraries there."""
    names = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
    return {name: read_file(path) for name, path in names.items() if not _is_installer_trace(name)}


def _is_installer_trace(name: str) -> bool:
    """Whether a file depends on the machine: scripts name its Python, and installation records hold their hashes."""
    folder, _, file = name.rpartition("/")
    if folder.endswith(".dist-info"):
        return file in {"RECORD", "INSTALLER", "REQUESTED"} or file.startswith("uv_")
    return name.startswith("bin/") or name == ".lock"


def _one_line(text: str) -> str:
    return " ".join(text.split()) or "uv gave no reason"
