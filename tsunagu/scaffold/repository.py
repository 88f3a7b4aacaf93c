"""The files of a new repository: read from the templates, filled in, and written where nothing is in the way."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from tsunagu.errors import CommandError
from tsunagu.scaffold.flows import FLOWS, FlowName
from tsunagu.scaffold.settings import CDK_CLI, CDK_CLI_INTEGRITY, VERSIONS

SUFFIX = ".tmpl"
COMMON = "common"
TOP = PurePosixPath()
FILES_SHOWN = 10
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository that is to be made.

    Attributes:
        flow: Name of its flow.
        name: Name of the project.
        python: Python of its functions.
    """

    flow: FlowName
    name: str
    python: str

    def files(self) -> dict[str, str]:
        """Return the text of each file, by its path below the folder of the repository."""
        values = self._values()
        root = resources.files("tsunagu.scaffold").joinpath("files")
        templates = {**dict(_templates(root.joinpath(COMMON), TOP)), **dict(_templates(root.joinpath(self.flow), TOP))}
        return {path: _filled(text, values) for path, text in sorted(templates.items())}

    def write(self, folder: Path) -> list[Path]:
        """Write the files into a folder, which is made if there is none. Nothing is overwritten.

        Returns:
            The files.

        Raises:
            CommandError: Something is in the way, or a file cannot be written. No file is left then.
        """
        files = {folder / path: text for path, text in self.files().items()}
        _refuse_what_is_in_the_way(folder, files)
        written: list[Path] = []
        try:
            for path, text in files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("x", encoding="utf-8") as file:
                    written.append(path)
                    file.write(text)
        except OSError as error:
            _remove(folder, written)
            msg = f"the folder {folder} must be writable, got: {error.strerror or error} ({error.filename or folder})"
            raise CommandError(msg) from error
        return written

    def _values(self) -> dict[str, str]:
        flow = FLOWS[self.flow]
        return {
            "NAME": self.name,
            "SUMMARY": flow.summary,
            "TRY": "\n".join(flow.commands),
            "PYTHON": self.python,
            "RUFF_TARGET": f"py{self.python.replace('.', '')}",
            "VERSION": version("tsunagu"),
            "CDK_CLI": CDK_CLI,
            "CDK_CLI_INTEGRITY": CDK_CLI_INTEGRITY,
            "PACKAGES": "".join(f"{package}=={VERSIONS[package]}\n" for package in flow.packages),
            **{package.upper().replace("-", "_"): pinned for package, pinned in VERSIONS.items()},
        }


def _templates(folder: Traversable, parent: PurePosixPath) -> Iterator[tuple[str, str]]:
    for each in folder.iterdir():
        path = parent / each.name
        if each.is_dir():
            yield from _templates(each, path)
        elif each.name.endswith(SUFFIX):
            yield str(path).removesuffix(SUFFIX), each.read_text(encoding="utf-8")


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders filled in, and those of what was filled in."""
    while (filled := _PLACEHOLDER.sub(lambda found: values[found[1]], text)) != text:
        text = filled
    return filled


def _refuse_what_is_in_the_way(folder: Path, files: Mapping[Path, str]) -> None:
    """Raise `CommandError` when a file of the repository is there, or is a folder, or a folder of it is a file."""
    if os.path.lexists(folder) and not folder.is_dir():
        msg = f"the folder {folder} must be a folder, got a file"
        raise CommandError(msg)
    found = sorted({str(each.relative_to(folder)) for path in files for each in _in_the_way(folder, path)})
    if found:
        shown = ", ".join(found[:FILES_SHOWN])
        more = f" and {len(found) - FILES_SHOWN} more" if len(found) > FILES_SHOWN else ""
        msg = f"no file may be in the way in {folder}, got {shown}{more}: move them, or take an empty folder"
        raise CommandError(msg)


def _in_the_way(folder: Path, path: Path) -> Iterator[Path]:
    if os.path.lexists(path):  # a link to nothing is there, too
        yield path
    for parent in path.relative_to(folder).parents[:-1]:
        if os.path.lexists(folder / parent) and not (folder / parent).is_dir():
            yield folder / parent


def _remove(folder: Path, written: list[Path]) -> None:
    """Remove the files that were written, and the folders below `folder` that are empty without them."""
    for path in written:
        path.unlink(missing_ok=True)
    for path in written:
        for parent in path.relative_to(folder).parents[:-1]:
            try:
                (folder / parent).rmdir()
            except OSError:
                break  # it holds something else
