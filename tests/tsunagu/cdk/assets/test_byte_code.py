import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tsunagu.cdk.assets.conftest import PackageMaker
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
from tsunagu.errors import AssetError

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.11" if HERE != "3.11" else "3.12"


def test_byte_code_is_beside_the_source_and_never_compared_with_it(make_package: PackageMaker) -> None:
    asset = build_asset(HandlerPackage(path=make_package()), Platform(python=HERE, byte_code=True))

    with zipfile.ZipFile(asset.path) as archive:
        names = archive.namelist()
        code = archive.read(f"invoices/__pycache__/handler.{sys.implementation.cache_tag}.pyc")
    assert "invoices/handler.py" in names
    assert int.from_bytes(code[4:8], "little") == 0b01  # PEP 552: hash-based, unchecked


def test_python_runs_the_byte_code_and_not_the_source(make_package: PackageMaker, tmp_path: Path) -> None:
    folder = make_package(files={"handler.py": "handler = 'the byte code was used'"})
    asset = build_asset(HandlerPackage(path=folder), Platform(python=HERE, byte_code=True))
    with zipfile.ZipFile(asset.path) as archive:
        archive.extractall(tmp_path / "task")
    (tmp_path / "task" / "invoices" / "handler.py").write_text("handler = 'the source was used'")

    program = [sys.executable, "-c", "import invoices.handler as h; print(h.handler)"]
    printed = subprocess.run(program, cwd=tmp_path / "task", capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == "the byte code was used"


def test_byte_code_changes_the_hash(make_package: PackageMaker) -> None:
    package = HandlerPackage(path=make_package())

    with_code = build_asset(package, Platform(python=HERE, byte_code=True))

    assert with_code.hash != build_asset(package, Platform(python=HERE)).hash


def test_byte_code_for_another_python_is_refused(make_package: PackageMaker) -> None:
    with pytest.raises(AssetError) as refusal:
        build_asset(HandlerPackage(path=make_package()), Platform(python=OTHER, byte_code=True))

    assert str(refusal.value) == (
        f"byte_code needs the building Python to be the function's, CPython {OTHER}, got cpython {HERE}"
    )


def test_byte_code_for_another_python_is_refused_with_a_warm_cache_too(
    make_package: PackageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, platform = HandlerPackage(path=make_package()), Platform(python=HERE, byte_code=True)
    build_asset(package, platform)
    monkeypatch.setattr(sys, "version_info", (3, 99))

    with pytest.raises(AssetError, match=r"got cpython 3\.99$"):
        build_asset(package, platform)
