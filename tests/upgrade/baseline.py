"""`make upgrade-baseline REF=v1.2.0`: stores a release, against which the next ones are checked.

It stores the code of the release with its app and examples, the stateful resources and environments of what they
synthesize to, the documents that it writes, and what it sees in them.
"""

# ruff: noqa: T201 - it says what it stored

import json
import lzma
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.upgrade.inventory import inventory
from tests.upgrade.release import CODE, EXAMPLES, RESOURCES, SEEN, STAGES, STORED, WIRE, Release, extract, run

PARTS = ("tsunagu", "cdk_app", "lambdas", "examples", "cdk.json")
PROJECT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Store the release that the first argument names."""
    reference = sys.argv[1]
    STORED.mkdir(exist_ok=True)
    archive = subprocess.run(
        ["git", "archive", "--format=tar", reference, *PARTS], cwd=PROJECT, capture_output=True, check=True
    )
    CODE.write_bytes(lzma.compress(archive.stdout, preset=9 | lzma.PRESET_EXTREME))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        release = extract(folder)
        _write(RESOURCES, {what: synthesized(release, what, folder / what) for what in (*STAGES, *EXAMPLES)})
        written = run("wire.py", "write", library=release.library)
        _write(WIRE, json.loads(written))
        _write(SEEN, json.loads(run("wire.py", "read", library=release.library, given=written)))
    print(f"stored {reference} in {STORED.relative_to(PROJECT)}")


def synthesized(release: Release, what: str, output: Path, *, library: Path | None = None) -> Any:
    """Return the inventory of a stage or example of a release.

    Args:
        release: The release.
        what: Name of the stage or example.
        output: Where the cloud assembly is written.
        library: Folder that has the library. Default: that of the release.
    """
    run("synthesize.py", str(release.app), what, str(output), library=library or release.library)
    return inventory(output)


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
