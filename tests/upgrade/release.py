"""The last release, as `make upgrade-baseline` stored it, and programs that run with it or with this checkout."""

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.synthesis import WITHOUT_VALIDATION

HERE = Path(__file__).resolve().parent
STORED = HERE / "last_release"
CODE = STORED / "code.tar.xz"
RESOURCES = STORED / "resources.json"
WIRE = STORED / "wire.json"
SEEN = STORED / "seen.json"
STAGES = ("dev", "prod")
EXAMPLES = ("clinic", "invoices")
LIBRARY = "tsunagu"


@dataclass(frozen=True, slots=True)
class Release:
    """A release in a folder.

    Attributes:
        library: Folder that has `tsunagu`.
        app: Folder that has `cdk_app`, `lambdas`, `examples` and `cdk.json`, and no library.
    """

    library: Path
    app: Path


def extract(folder: Path, archive: Path = CODE) -> Release:
    """Extract a release.

    Args:
        folder: Where.
        archive: What `git archive` made, compressed. Default: the last release.
    """
    release = Release(folder / "library", folder / "app")
    with tarfile.open(archive) as content:
        for member in content.getmembers():
            top = member.name.partition("/")[0]
            content.extract(member, release.library if top == LIBRARY else release.app, filter="data")
    return release


def run(program: str, *arguments: str, library: Path, given: str = "") -> str:
    """Run a program of this folder, and return what it printed.

    Args:
        program: Name of the script.
        arguments: Its arguments.
        library: Folder that has the library.
        given: Its standard input.
    """
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, str(HERE / program), *arguments],
        env={**variables, **WITHOUT_VALIDATION, "PYTHONPATH": str(library)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def stored(path: Path) -> Any:
    """Read what a release left."""
    return json.loads(path.read_text())
