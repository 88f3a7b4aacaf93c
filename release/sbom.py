"""The software bill of materials of a wheel: CycloneDX, of what `pip install "tsunagu[cdk,local,web]"` installs."""

import json
import tempfile
from pathlib import Path

from uv import find_uv_bin

from release.build import PROJECT, ReleaseError, run

TOOLS = PROJECT / ".tsunagu" / "release" / "bin"
_EXTRAS = "cdk,local,web"


def write_sbom(wheel: Path, python: Path) -> Path:
    """Write the bill beside a wheel, and return its path.

    The versions are those of the checkout's locks, with which the tests ran.

    Args:
        wheel: The wheel.
        python: Python of the environment that is looked at.

    Raises:
        ReleaseError: A package could not be installed, or the bill lacks the library or its dependencies.
    """
    path = wheel.with_suffix(".cdx.json")
    with tempfile.TemporaryDirectory(prefix="tsunagu-sbom-") as name:
        own = Path(name, "venv", "bin", "python")
        uv = [find_uv_bin(), "--quiet"]
        run([*uv, "venv", "--python", str(python), str(own.parent.parent)])
        constraints = ["--constraints", str(PROJECT / "requirements-dev.txt")]
        run([*uv, "pip", "install", "--python", str(own), f"{wheel}[{_EXTRAS}]", *constraints])
        options = ["--output-reproducible", "--output-format", "JSON", "--validate", "--mc-type", "library"]
        project = ["--pyproject", str(PROJECT / "pyproject.toml")]
        run([str(TOOLS / "cyclonedx-py"), "environment", *options, *project, "--output-file", str(path), str(own)])
    _check(path)
    return path


def _check(path: Path) -> None:
    bill = json.loads(path.read_text(encoding="utf-8"))
    found = {component["name"].lower() for component in bill["components"]}
    missing = {"boto3", "aws-cdk-lib", "constructs", "mangum", "typer", "rich", "pyyaml", "uv"} - found
    if missing or bill["metadata"]["component"]["name"] != "tsunagu":
        msg = f"the bill of materials must be of tsunagu with its dependencies, got none of {sorted(missing)}"
        raise ReleaseError(msg)
    if str(PROJECT) in path.read_text(encoding="utf-8"):
        msg = f"the bill of materials must have no path of this machine, got one in {path.name}"
        raise ReleaseError(msg)
