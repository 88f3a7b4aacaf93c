"""Builds source distribution and wheel."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Distributions:
    """The files of a release.

    Attributes:
        sdist: The source distribution.
        wheel: The wheel, built from the source distribution.
    """

    sdist: Path
    wheel: Path

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256, in hex, of each file by its name."""
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (self.sdist, self.wheel)}


def build(folder: Path) -> Distributions:
    """Build the source distribution of this checkout, and the wheel from that.

    Raises:
        ReleaseError: It could not be built.
    """
    options = ("--quiet", "--no-build-isolation", "--offline", "--python", sys.executable)
    run([find_uv_bin(), "build", *options, "--out-dir", str(folder), str(PROJECT)])
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel)


class ReleaseError(Exception):
    """The checkout cannot be released as it is."""


def run(command: list[str], *, cwd: Path | None = None) -> str:
    """Run a command, and return what it printed.

    Raises:
        ReleaseError: It failed; the message is what it printed.
    """
    # A `PYTHONPATH` of whoever builds the release would hide the wheel that is tested.
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=own, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        msg = f"{Path(command[0]).name} {' '.join(command[1:3])} failed:\n{done.stdout}{done.stderr}"
        raise ReleaseError(msg)
    return done.stdout
