import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tsunagu.cdk.assets.conftest import PackageMaker
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset, byte_code
from tsunagu.cdk.assets.byte_code import compiled_files
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


def test_another_python_that_is_not_on_this_machine_is_asked_for(make_package: PackageMaker, no_python: None) -> None:
    with pytest.raises(AssetError) as refusal:
        build_asset(HandlerPackage(path=make_package()), Platform(python=OTHER, byte_code=True))

    assert str(refusal.value).startswith(
        f"byte_code needs the function's Python on this machine, CPython {OTHER}: run 'uv python install {OTHER}', "
        f"or leave byte_code out, got none that uv finds: No interpreter found for CPython {OTHER}"
    )


def test_python_that_was_taken_away_is_asked_for_with_a_warm_cache_too(
    make_package: PackageMaker, monkeypatch: pytest.MonkeyPatch, no_python: None
) -> None:
    package, platform = HandlerPackage(path=make_package()), Platform(python=HERE, byte_code=True)
    build_asset(package, platform)
    monkeypatch.setattr(sys, "version_info", (3, 99))

    with pytest.raises(AssetError, match=rf"CPython {HERE}"):
        build_asset(package, platform)


def test_shim_that_starts_nothing_is_named(make_package: PackageMaker, no_python: None, tmp_path: Path) -> None:
    shim = tmp_path / f"python{OTHER}"
    shim.write_text("#!/bin/sh\necho pyenv: command not found >&2\nexit 127\n")
    shim.chmod(0o755)

    with pytest.raises(AssetError, match=rf"none that uv finds: .*{shim.name}.*pyenv: command not found"):
        build_asset(HandlerPackage(path=make_package()), Platform(python=OTHER, byte_code=True))


def test_another_process_compiles_as_this_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "invoices/handler.py": b"handler = 1\n",
        "invoices/template.py": b"{{ name }} = \n",  # does not compile
        "invoices/data.json": b"{}",
    }
    platform = Platform(python=HERE, byte_code=True)
    here = compiled_files(files, platform)
    _find(monkeypatch, Path(sys.executable))
    monkeypatch.setattr(byte_code, "_is_this", lambda _platform: False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "zipfile.py").write_text("raise SystemExit('a module of this machine was imported')")

    assert compiled_files(files, platform) == here
    assert [*here] == [f"invoices/__pycache__/handler.{sys.implementation.cache_tag}.pyc"]


def test_interpreter_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such library >&2\nexit 127\n")
    broken.chmod(0o755)
    _find(monkeypatch, broken)

    with pytest.raises(AssetError, match=r"must compile the files of the asset, got no such library$"):
        compiled_files({"a.py": b""}, Platform(python=OTHER, byte_code=True))


@pytest.fixture
def no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which uv finds no Python."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path))
    byte_code.python_path.cache_clear()
    yield
    byte_code.python_path.cache_clear()


def _find(monkeypatch: pytest.MonkeyPatch, python: Path) -> None:
    monkeypatch.setattr(byte_code, "python_path", lambda _version: python)
