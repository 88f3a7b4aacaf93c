"""A build whose sources did not change reads no dependency, and what could have changed is built or checked anew."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tsunagu.cdk.assets.conftest import PackageMaker
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
from tsunagu.cdk.assets import build as building
from tsunagu.cdk.assets.builds import known_hash
from tsunagu.errors import AssetError

IMPORTER = {"handler.py": "import rates\ndef handler(event, context): ...\n"}


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Locks whose dependencies were read, one entry for each time. They are two modules, and no wheel is installed."""
    read: list[str] = []

    def files(lock: Path, _: Platform) -> Mapping[str, bytes]:
        read.append(lock.read_text())
        return {"rates.py": b"", "rates_of_today.py": b""}

    monkeypatch.setattr(building, "dependency_files", files)
    return read


def lock(name: str = "rates", version: str = "1.0") -> str:
    return f"{name}=={version} --hash=sha256:{'0' * 64}\n"


@pytest.fixture
def folder(make_package: PackageMaker) -> Path:
    return make_package(files={**IMPORTER, "requirements.txt": lock()})


def test_an_unchanged_package_reads_no_dependency_again(folder: Path, installs: list[str]) -> None:
    first = build_asset(HandlerPackage(path=folder), Platform())

    assert build_asset(HandlerPackage(path=folder), Platform()) == first
    assert installs == [lock()]


def test_functions_with_the_same_lock_and_other_code_are_other_builds(
    make_package: PackageMaker, installs: list[str]
) -> None:
    files = {**IMPORTER, "requirements.txt": lock()}
    one, other = make_package("orders", files), make_package("invoices", files)

    assert build_asset(HandlerPackage(path=one), Platform()) != build_asset(HandlerPackage(path=other), Platform())
    assert len(installs) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("handler.py", "import rates_of_today\ndef handler(event, context): ...\n"),
        ("requirements.txt", lock(version="1.1")),
        ("more.py", ""),
    ],
)
def test_a_changed_file_is_a_new_build(folder: Path, installs: list[str], name: str, text: str) -> None:
    build_asset(HandlerPackage(path=folder), Platform())
    (folder / name).write_text(text)

    build_asset(HandlerPackage(path=folder), Platform())

    assert len(installs) == 2


def test_another_platform_is_a_new_build(folder: Path, installs: list[str]) -> None:
    for platform in (Platform(), Platform(python="3.12"), Platform(architecture="x86_64")):
        build_asset(HandlerPackage(path=folder), platform)

    assert len(installs) == 3


def test_a_comment_in_the_lock_is_no_new_build(folder: Path, installs: list[str]) -> None:
    elsewhere = folder.parent / "own.txt"
    elsewhere.write_text(lock())
    package = HandlerPackage(path=folder, requirements=elsewhere)
    first = build_asset(package, Platform())
    elsewhere.write_text(f"# rates of the day\n{lock()}")

    assert build_asset(package, Platform()) == first
    assert len(installs) == 1


@pytest.mark.usefixtures("installs")
@pytest.mark.parametrize("change", ["touched", "other bytes", "gone"])
def test_a_zip_that_was_touched_is_checked_and_written_again_if_it_changed(folder: Path, change: str) -> None:
    path = build_asset(HandlerPackage(path=folder), Platform()).path
    whole = path.read_bytes()
    if change == "touched":
        os.utime(path, (1, 1))
    elif change == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:-1] + b"!")

    assert build_asset(HandlerPackage(path=folder), Platform()).path.read_bytes() == whole


@pytest.mark.usefixtures("installs")
@pytest.mark.parametrize("text", ["", "{}", "[]", "no JSON", '{"hash": "../../x", "size": 1, "modified_ns": 1}'])
def test_a_damaged_record_counts_as_none(folder: Path, cache: Path, text: str) -> None:
    first = build_asset(HandlerPackage(path=folder), Platform())
    (record,) = (cache / "builds").iterdir()
    record.write_text(text)

    assert known_hash(record.stem) is None
    assert build_asset(HandlerPackage(path=folder), Platform()) == first
    assert known_hash(record.stem) == first.hash


@pytest.mark.usefixtures("installs")
def test_what_was_refused_is_refused_again(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler.py": "import missing\ndef handler(event, context): ...\n"})

    for _ in range(2):
        with pytest.raises(AssetError, match=r"imports missing"):
            build_asset(HandlerPackage(path=folder), Platform())


def test_a_deleted_cache_of_builds_changes_nothing_but_the_time(folder: Path, cache: Path, installs: list[str]) -> None:
    first = build_asset(HandlerPackage(path=folder), Platform())
    shutil.rmtree(cache / "builds")

    assert build_asset(HandlerPackage(path=folder), Platform()) == first
    assert len(installs) == 2
