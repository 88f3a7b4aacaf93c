"""docs/tutorial.md, followed blindly: its commands as they are written, with the wheel, in an empty folder."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.conftest import PROJECT

PAGE = (PROJECT / "docs" / "tutorial.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
REPLACE = re.compile(r"In `([^`]+)`, replace `([^`]+)` by:\n\n\Z")
PACKAGE = '"tsunagu['
PATIENCE_SECONDS = 15  # "a few seconds later"


def edit(path: str, old: str, new: str) -> str:
    """Lines for a shell that replace a line of a file, which must be there."""
    program = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); t = p.read_text(); assert sys.argv[2] in t; "
    program += "p.write_text(t.replace(sys.argv[2], sys.argv[3]))"
    return f"python3 -c '{program}' '{path}' '{old}' '{new}'"


def lines(wheel: Path) -> Iterator[str]:
    """The page as a program for a shell."""
    yield "set -euxo pipefail"
    for block in BLOCK.finditer(PAGE):
        kind, text = block.groups()
        if kind == "shell":
            yield from (line_of(each, wheel) for each in text.splitlines())
        elif kind == "python":
            change = REPLACE.search(PAGE[: block.start()])
            assert change, f"a block of Python must say what it replaces, got {text}"
            yield edit(change[1], change[2], text.rstrip())
    yield f"PIP_FIND_LINKS='{wheel.parent}' make check"  # what the workflow of its CI runs


def line_of(line: str, wheel: Path) -> str:
    if line == "tsunagu status":
        return f"{line} || test $? = 1"  # the page says that it exits with code 1
    if line.startswith(("tsunagu send", "tsunagu dlq redrive")):
        return f"{line}\nsleep {PATIENCE_SECONDS}"
    return line.replace(PACKAGE, f'"{wheel}[')


def expected() -> list[str]:
    """What the page says that commands print."""
    return [line for kind, text in BLOCK.findall(PAGE) if kind == "text" for line in text.splitlines()]


@pytest.mark.slow  # installs everything from the registries, and deploys
def test_the_page_as_it_is_written_leads_to_a_processed_message(wheel: Path, tmp_path: Path) -> None:
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PYTEST_", "AWS_", "CDK_", "COV_", "VIRTUAL_ENV"))
    }
    path = os.pathsep.join([str(Path(sys.base_prefix) / "bin"), own.get("PATH", os.defpath)])

    done = subprocess.run(
        ["bash", "-c", "\n".join(lines(wheel))],
        cwd=tmp_path,
        env={**own, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-5_000:]
    rest = done.stdout
    for line in expected():  # in this order
        assert line in rest
        rest = rest[rest.index(line) + len(line) :]
