import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
METADATA = "metadata"  # the folder whose real name has the version


def top_level(name: str) -> str:
    """The first folder of a name in the wheel."""
    folder = name.partition("/")[0]
    return METADATA if folder.endswith(".dist-info") else folder


@pytest.fixture(scope="session")
def names(wheel: Path) -> frozenset[str]:
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


def test_wheel_holds_one_package_and_nothing_else(names: frozenset[str]) -> None:
    assert {top_level(name) for name in names} == {"tsunagu", METADATA}


def test_wheel_holds_every_module_of_the_checkout(names: frozenset[str]) -> None:
    modules = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "tsunagu").rglob("*.py")}

    assert modules - names == set()


def test_wheel_holds_the_files_of_new_repositories(names: frozenset[str]) -> None:
    templates = [path for path in (PROJECT / "tsunagu" / "scaffold" / "files").rglob("*") if path.is_file()]

    assert {path.relative_to(PROJECT).as_posix() for path in templates} - names == set()
    assert "tsunagu/scaffold/files/common/.github/workflows/ci.yml.tmpl" in names


@pytest.mark.parametrize(
    "name",
    [
        "tsunagu/py.typed",
        "tsunagu/local/locks/emulator.txt",
        "tsunagu/local/locks/functions.txt",
        f"{METADATA}/entry_points.txt",
        f"{METADATA}/licenses/LICENSE",
    ],
)
def test_wheel_holds(names: frozenset[str], name: str) -> None:
    assert name in {f"{top_level(held)}/{held.partition('/')[2]}" for held in names}


def test_wheel_holds_no_tests_and_no_byte_code(names: frozenset[str]) -> None:
    own = [name for name in names if not name.startswith("tsunagu/scaffold/files/")]  # which are of other repositories

    assert [name for name in own if "tests/" in name or "/test_" in name or name.endswith(".pyc")] == []
