import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cdk_app.handler_packages import handler_package
from tests.tsunagu.cdk.assets.conftest import PackageMaker
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
from tsunagu.errors import AssetError

PROJECT = Path(__file__).resolve().parents[3]


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_asset_of_a_plain_folder_is_imported_by_the_folders_name(make_package: PackageMaker) -> None:
    asset = build_asset(HandlerPackage(path=make_package("invoices")), Platform())

    assert asset.handler == "invoices.handler.handler"
    assert "invoices/handler.py" in names_in(asset.path)


def test_asset_of_a_subpackage_carries_the_init_files_of_its_parents_and_not_its_siblings(
    make_package: PackageMaker,
) -> None:
    make_package("acme/orders")
    folder = make_package("acme/invoices", {"__init__.py": "", "../__init__.py": "", "../shared.py": ""})

    asset = build_asset(HandlerPackage(path=folder), Platform())

    assert asset.handler == "acme.invoices.handler.handler"
    assert [name for name in names_in(asset.path) if name.startswith("acme/")] == [
        "acme/__init__.py",
        "acme/invoices/__init__.py",
        "acme/invoices/handler.py",
    ]


def test_our_own_handler_keeps_the_import_path_that_it_has_in_the_checkout() -> None:
    asset = build_asset(handler_package("payments"), Platform())

    assert asset.handler == "lambdas.payments.handler.handler"
    assert "lambdas/payments/handler.py" in names_in(asset.path)


def test_asset_carries_front_door_contracts_and_runtime_of_the_library_and_nothing_else_of_it(
    make_package: PackageMaker,
) -> None:
    names = names_in(build_asset(HandlerPackage(path=make_package()), Platform()).path)

    ours = [name for name in names if not name.startswith("invoices/")]
    assert "tsunagu/__init__.py" in ours
    assert "tsunagu/contracts/environment.py" in ours
    assert "tsunagu/runtime/receiving/receiver.py" in ours
    assert {"/".join(name.split("/")[:2]) for name in ours} == {
        "tsunagu/__init__.py",
        "tsunagu/contracts",
        "tsunagu/runtime",
    }


def test_unpacked_asset_runs_with_nothing_else_on_the_path(make_package: PackageMaker, tmp_path: Path) -> None:
    folder = make_package(files={"handler.py": "from tsunagu.contracts import messages\nhandler = messages.__name__\n"})
    with zipfile.ZipFile(build_asset(HandlerPackage(path=folder), Platform()).path) as archive:
        archive.extractall(tmp_path / "task")

    program = "import sys; sys.path.insert(0, 'task'); import invoices.handler as h; print(h.handler)"
    printed = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert printed.stdout.strip() == "tsunagu.contracts.messages"


def test_data_files_travel_and_what_tools_leave_behind_does_not(make_package: PackageMaker) -> None:
    left_behind = {
        ".hidden": "",
        ".cache/x": "",
        "__pycache__/h.pyc": "",
        "old.pyc": "",
        "handler.py~": "",
        ".h.swp": "",
    }
    folder = make_package(files={"rates.json": "{}", "templates/mail.txt": "hello", **left_behind})

    names = names_in(build_asset(HandlerPackage(path=folder), Platform()).path)

    assert [name for name in names if name.startswith("invoices/")] == [
        "invoices/handler.py",
        "invoices/rates.json",
        "invoices/templates/mail.txt",
    ]


def test_line_endings_stay_as_they_are(make_package: PackageMaker) -> None:
    folder = make_package()
    (folder / "handler.py").write_bytes(b"def handler(event, context):\r\n    return event\r\n")

    asset = build_asset(HandlerPackage(path=folder), Platform())

    with zipfile.ZipFile(asset.path) as archive:
        assert archive.read("invoices/handler.py").count(b"\r\n") == 2


def test_hash_and_zip_do_not_depend_on_place_time_or_modes(
    make_package: PackageMaker, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = build_asset(HandlerPackage(path=make_package("here/invoices")), Platform())
    content = first.path.read_bytes()

    folder = make_package("elsewhere/invoices")
    os.utime(folder / "handler.py", (1, 1))
    (folder / "handler.py").chmod(0o600)
    shutil.rmtree(cache)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    second = build_asset(HandlerPackage(path=Path("projects/elsewhere/invoices")), Platform())

    assert second.hash == first.hash
    assert second.path.read_bytes() == content


def test_hash_is_the_same_in_another_process_with_another_hash_seed(make_package: PackageMaker, cache: Path) -> None:
    folder = make_package(files={"a.txt": "a", "b.txt": "b"})
    here = build_asset(HandlerPackage(path=folder), Platform()).hash

    program = (
        "from tsunagu.cdk.assets import *; import sys; "
        "print(build_asset(HandlerPackage(path=sys.argv[1]), Platform()).hash)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TSUNAGU_CACHE_DIR": str(cache / "other")}
    printed = subprocess.run(
        [sys.executable, "-c", program, str(folder)], env=environment, capture_output=True, text=True, check=True
    )

    assert printed.stdout.strip() == here


@pytest.mark.parametrize(
    ("name", "text"),
    [("handler.py", "def handler(event, context):\n    return None\n"), ("added.txt", "x"), ("sub/handler.py", "")],
)
def test_hash_changes_with_any_file_of_the_package(make_package: PackageMaker, name: str, text: str) -> None:
    folder = make_package()
    before = build_asset(HandlerPackage(path=folder), Platform()).hash

    make_package(files={name: text})

    assert build_asset(HandlerPackage(path=folder), Platform()).hash != before


def test_hash_changes_when_a_file_is_renamed(make_package: PackageMaker) -> None:
    folder = make_package(files={"rates.json": "{}"})
    before = build_asset(HandlerPackage(path=folder), Platform()).hash

    (folder / "rates.json").rename(folder / "fares.json")

    assert build_asset(HandlerPackage(path=folder), Platform()).hash != before


def test_one_handler_edited_leaves_the_others_asset_as_it_was(make_package: PackageMaker) -> None:
    orders, invoices = make_package("orders"), make_package("invoices")
    before = {path: build_asset(HandlerPackage(path=path), Platform()).hash for path in (orders, invoices)}

    (invoices / "handler.py").write_text("handler = print\n")

    after = {path: build_asset(HandlerPackage(path=path), Platform()).hash for path in (orders, invoices)}
    assert after[orders] == before[orders]
    assert after[invoices] != before[invoices]


def test_entries_are_sorted_of_1980_and_readable_by_all(make_package: PackageMaker) -> None:
    asset = build_asset(HandlerPackage(path=make_package()), Platform())

    with zipfile.ZipFile(asset.path) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 & 0o777 for entry in entries} == {0o644}


def test_identical_assets_are_built_once(make_package: PackageMaker) -> None:
    first = build_asset(HandlerPackage(path=make_package("here/invoices")), Platform())
    built = first.path.stat().st_mtime_ns

    second = build_asset(HandlerPackage(path=make_package("there/invoices")), Platform())

    assert second.path == first.path
    assert second.path.stat().st_mtime_ns == built


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_half_written_zip_in_the_cache_is_built_anew(make_package: PackageMaker, share: float) -> None:
    package = HandlerPackage(path=make_package())
    path = build_asset(package, Platform()).path
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    assert build_asset(package, Platform()).path.read_bytes() == whole


def test_a_zip_in_the_cache_with_other_contents_is_built_anew(make_package: PackageMaker) -> None:
    package = HandlerPackage(path=make_package())
    path = build_asset(package, Platform()).path
    whole = path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("invoices/handler.py", "")

    assert build_asset(package, Platform()).path.read_bytes() == whole


def test_a_deleted_cache_is_filled_again(make_package: PackageMaker, cache: Path) -> None:
    package = HandlerPackage(path=make_package())
    build_asset(package, Platform())
    shutil.rmtree(cache)

    assert build_asset(package, Platform()).path.is_file()


def test_processes_that_build_at_once_leave_one_whole_zip_and_nothing_else(
    make_package: PackageMaker, cache: Path
) -> None:
    program = (
        "from tsunagu.cdk.assets import *; import sys; "
        "print(build_asset(HandlerPackage(path=sys.argv[1]), Platform()).path)"
    )
    command = [sys.executable, "-c", program, str(make_package(files={"data.bin": "x" * 1_000_000}))]

    builds = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    paths = {build.communicate()[0].strip() for build in builds}

    assert [build.returncode for build in builds] == [0] * 4
    assert {str(path) for path in (cache / "assets").iterdir()} == paths
    (path,) = paths
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_fails_when_the_asset_is_larger_than_lambda_takes(
    make_package: PackageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsunagu.cdk.assets.build.UNZIPPED_BYTES", 1_000)

    with pytest.raises(AssetError, match=r"^the asset of invoices must be at most 1,000 bytes unzipped, got \d"):
        build_asset(HandlerPackage(path=make_package()), Platform())


def test_a_package_that_would_hide_the_library_is_refused(make_package: PackageMaker) -> None:
    with pytest.raises(AssetError, match=r"^a handler package must not be named 'tsunagu', the library's name, got"):
        build_asset(HandlerPackage(path=make_package("tsunagu")), Platform())


def test_a_package_inside_another_projects_tsunagu_is_refused(make_package: PackageMaker) -> None:
    folder = make_package("tsunagu/invoices", {"../__init__.py": ""})

    with pytest.raises(AssetError, match="must not be named 'tsunagu'"):
        build_asset(HandlerPackage(path=folder), Platform())


@pytest.mark.parametrize("name", ["lambdas/invoices", "cdk_app/invoices", "tests/invoices"])
def test_a_package_may_stand_in_a_folder_that_this_project_has_too(make_package: PackageMaker, name: str) -> None:
    asset = build_asset(HandlerPackage(path=make_package(name, {"../__init__.py": ""})), Platform())

    assert f"{name}/handler.py" in names_in(asset.path)
    assert asset.handler == f"{name.replace('/', '.')}.handler.handler"


def test_building_does_not_import_the_runtime_or_the_handler(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler.py": "raise SystemExit\ndef handler(event, context): ...\n"})
    program = (
        "from tsunagu.cdk.assets import *; import sys; build_asset(HandlerPackage(path=sys.argv[1]), Platform()); "
        "print([m for m in sys.modules if m.startswith(('tsunagu.runtime', 'invoices', 'aws_cdk', 'boto'))])"
    )

    printed = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == "[]"
