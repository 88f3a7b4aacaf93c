"""Looks at what is in the files of a release."""

import email
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from email.message import Message
from pathlib import Path

from release.build import PROJECT, Distributions

LIBRARY = "tsunagu"
# Of this machine, and of whoever builds the release.
_FOREIGN_NAMES = ("test_", "conftest.py", ".pyc", ".venv", "__pycache__", ".DS_Store", ".orig", ".rej")
_TEMPLATE = ".tmpl"  # of `tsunagu init`: a new repository has tests
_IN_WHEEL = ("tsunagu/py.typed", "tsunagu/local/locks/emulator.txt", "tsunagu/local/locks/functions.txt")
_IN_SDIST = (
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "docs/semantics.md",
    "hatch_build.py",
    "tsunagu/py.typed",
    "cdk.json",
)


def problems(distributions: Distributions) -> list[str]:
    """Return what is wrong with the files of a release, each as a sentence."""
    wheel, sdist = wheel_files(distributions.wheel), sdist_files(distributions.sdist)
    version = project_version()
    return [
        *_missing("the wheel", wheel, _IN_WHEEL),
        *_missing("the source distribution", sdist, _IN_SDIST),
        *_foreign("the wheel", wheel),
        *_foreign("the source distribution", sdist),
        *_outside(wheel, version),
        *_metadata_problems(wheel, version),
    ]


def wheel_files(path: Path) -> dict[str, bytes]:
    """Return the files of a wheel."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sdist_files(path: Path) -> dict[str, bytes]:
    """Return the files of a source distribution, without its outermost folder in their names."""
    with tarfile.open(path) as archive:
        members = [(member, archive.extractfile(member)) for member in archive.getmembers()]
        return {member.name.partition("/")[2]: content.read() for member, content in members if content is not None}


def project_version() -> str:
    """Return the version: `pyproject.toml` is the only place that has it."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def _missing(where: str, files: Mapping[str, bytes], names: tuple[str, ...]) -> list[str]:
    return [f"{where} must have {name}, got no such file" for name in names if name not in files]


def _foreign(where: str, files: Mapping[str, bytes]) -> Iterator[str]:
    own = [str(PROJECT).encode(), str(Path.home()).encode() + b"/"]
    for name, content in files.items():
        parts = name.split("/")
        if not name.endswith(_TEMPLATE) and any(
            part.startswith(mark) or part.endswith(mark) for part in parts for mark in _FOREIGN_NAMES
        ):
            yield f"{where} must have no tests, copies and byte code, got {name}"
        if any(path in content for path in own):
            yield f"{where} must have no path of this machine, got one in {name}"


def _outside(wheel: Mapping[str, bytes], version: str) -> list[str]:
    folders = {name.partition("/")[0] for name in wheel}
    expected = {LIBRARY, f"{LIBRARY}-{version}.dist-info"}
    return [
        f"the wheel must have {' and '.join(sorted(expected))}, got {folder}" for folder in sorted(folders - expected)
    ]


def _metadata_problems(wheel: Mapping[str, bytes], version: str) -> Iterator[str]:
    content = wheel.get(f"{LIBRARY}-{version}.dist-info/METADATA")
    if content is None:
        yield f"the wheel must have the metadata of version {version}, got none"
        return
    metadata: Message = email.message_from_bytes(content)
    if metadata["Version"] != version:
        yield f"the version must be {version}, got {metadata['Version']}"
    if f"## Changes in {version}" not in content.decode():
        yield f"the long description must have the changes of {version}, got none"
    if metadata["Description-Content-Type"] != "text/markdown":
        yield f"the long description must be text/markdown, got {metadata['Description-Content-Type']}"
