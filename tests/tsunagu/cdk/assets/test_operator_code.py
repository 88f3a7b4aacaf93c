"""What operators, stacks and the command use is in no function's zip: a change of it redeploys nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tsunagu.cdk.assets.conftest import PackageMaker

PROJECT = Path(__file__).resolve().parents[4]
HASH = """
import sys
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
print(build_asset(HandlerPackage(path=sys.argv[1]), Platform()).hash)
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A copy of the library, in a folder of its own."""
    shutil.copytree(PROJECT / "tsunagu", tmp_path / "library" / "tsunagu", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "library"


def hash_with(library: Path, package: Path) -> str:
    """The hash of a package's asset, built with this copy of the library."""
    command = [sys.executable, "-c", HASH, str(package)]
    return subprocess.run(command, cwd=library, capture_output=True, text=True, check=True).stdout.strip()


def is_in_every_zip(file: Path) -> bool:
    return file == Path("__init__.py") or file.parts[0] in {"contracts", "runtime"}


def change(file: Path) -> None:
    file.write_text(f"{file.read_text()}\n# changed\n")


def test_a_change_of_operator_code_changes_no_hash(library: Path, make_package: PackageMaker) -> None:
    package = make_package()
    before = hash_with(library, package)

    changed = [file for file in library.rglob("*.py") if not is_in_every_zip(file.relative_to(library / "tsunagu"))]
    for file in changed:
        change(file)
    for folder in {file.parent for file in changed}:
        (folder / "new.py").write_text("new = True\n")

    assert {"operations", "cli", "local", "cdk", "testing"} <= {
        file.relative_to(library / "tsunagu").parts[0] for file in changed
    }
    assert hash_with(library, package) == before


@pytest.mark.parametrize("file", ["__init__.py", "contracts/messages.py", "runtime/receiving/receiver.py"])
def test_a_change_of_what_functions_carry_changes_the_hash(
    library: Path, make_package: PackageMaker, file: str
) -> None:
    package = make_package()
    before = hash_with(library, package)

    change(library / "tsunagu" / file)

    assert hash_with(library, package) != before
