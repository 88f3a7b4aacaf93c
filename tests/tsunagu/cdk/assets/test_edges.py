"""Files, locks and handlers as they are in the packages of other teams."""

import re
import stat
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.tsunagu.cdk.assets.conftest import HANDLER, PackageMaker
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
from tsunagu.cdk.assets.archive import read_archive, write_archive
from tsunagu.cdk.assets.dependencies import LEAST_SDK
from tsunagu.cdk.assets.files import Executable
from tsunagu.errors import AssetError

HERE = Platform(python=f"{sys.version_info[0]}.{sys.version_info[1]}")
NEWER = Platform(python="3.14")
HASH = f"--hash=sha256:{'0' * 64}"


def refusal_of(folder: Path, platform: Platform | None = None, **settings: str) -> str:
    with pytest.raises(AssetError) as refusal:
        build_asset(HandlerPackage(path=folder, **settings), platform or Platform())
    return str(refusal.value)


def modes(path: Path) -> dict[str, int]:
    with zipfile.ZipFile(path) as archive:
        return {each.filename: stat.S_IMODE(each.external_attr >> 16) for each in archive.infolist()}


def test_a_program_can_be_executed_in_lambda_and_other_files_cannot(make_package: PackageMaker) -> None:
    folder = make_package(files={"bin/convert": "#!/bin/sh\n", "bin/data": "a"})
    (folder / "bin" / "convert").chmod(0o750)
    (folder / "bin" / "data").chmod(0o600)

    found = modes(build_asset(HandlerPackage(path=folder), Platform()).path)

    assert (found["invoices/bin/convert"], found["invoices/bin/data"]) == (0o755, 0o644)


def test_the_right_to_execute_is_part_of_the_hash(make_package: PackageMaker) -> None:
    folder = make_package(files={"bin/convert": "#!/bin/sh\n"})
    before = build_asset(HandlerPackage(path=folder), Platform())
    (folder / "bin" / "convert").chmod(0o755)
    after = build_asset(HandlerPackage(path=folder), Platform())

    assert before.hash != after.hash


def test_the_cache_of_dependencies_keeps_the_right_to_execute(tmp_path: Path) -> None:
    write_archive(tmp_path / "a.zip", {"bin/a": Executable(b"a"), "b": b"b"})
    files = read_archive(tmp_path / "a.zip")

    assert files == {"bin/a": b"a", "b": b"b"}
    assert {name: isinstance(content, Executable) for name, content in files.items()} == {"bin/a": True, "b": False}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_lock_that_is_no_utf_8_is_named(make_package: PackageMaker, encoding: str) -> None:
    folder = make_package()
    (folder / "requirements.txt").write_bytes(f"# é\nrates==1.0 {HASH}\n".encode(encoding))

    assert re.fullmatch(
        rf"{folder}/requirements.txt must be .*UTF-8.*|{folder}/requirements.txt line 1 .*", refusal_of(folder)
    )


def test_a_link_to_nothing_is_named(make_package: PackageMaker) -> None:
    folder = make_package()
    (folder / "data.json").symlink_to(folder / "gone.json")

    assert refusal_of(folder) == (
        f"a file of an asset must be a file, got {folder}/data.json, which is a link to nothing"
    )


@pytest.mark.parametrize(
    "source",
    [
        "from .impl import *\n",
        "from invoices.impl import *\n",
        "globals()['handler'] = print\n",
        "def __getattr__(name): ...\n",
    ],
)
def test_a_handler_that_only_executing_could_find_is_accepted(make_package: PackageMaker, source: str) -> None:
    folder = make_package(files={"handler.py": source, "impl.py": HANDLER})

    assert build_asset(HandlerPackage(path=folder), Platform()).handler == "invoices.handler.handler"


def test_a_handler_may_be_a_package(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler/__init__.py": HANDLER})
    (folder / "handler.py").unlink()

    assert build_asset(HandlerPackage(path=folder), Platform()).handler == "invoices.handler.handler"


def test_a_package_hides_a_module_of_the_same_name_as_in_python(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler/__init__.py": "other = 1\n"})

    assert "got no such name" in refusal_of(folder)


@pytest.mark.parametrize("line", [f"boto3==1.39.17 {HASH}", f"botocore == 1.4 {HASH}", f"Boto3[crt]==1.28.0 {HASH}"])
def test_an_sdk_that_is_older_than_the_runtime_needs_is_refused(make_package: PackageMaker, line: str) -> None:
    folder = make_package(files={"requirements.txt": f"{line}\n"})

    needed = r"(boto3|Boto3|botocore) 1\.40 or later, which the runtime needs, got 1\."
    assert re.match(rf"{folder}/requirements.txt line 1 must have {needed}", refusal_of(folder))


def test_the_least_sdk_is_that_of_the_library() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[4] / "pyproject.toml").read_text())

    assert f"boto3>={'.'.join(map(str, LEAST_SDK))}" in project["project"]["dependencies"]


@pytest.mark.parametrize(
    "source", ["def handler(e, c)\n    pass\n", "  x = 1\n", "x = (1\n", "x = 1)\n", "x = (1]\n", "if x\n    pass\n"]
)
@pytest.mark.parametrize("platform", [HERE, NEWER], ids=["same", "newer"])
def test_what_no_python_accepts_is_seen_whichever_python_the_function_has(
    make_package: PackageMaker, source: str, platform: Platform
) -> None:
    folder = make_package(files={"handler.py": HANDLER + source})

    assert f"{folder}/handler.py must be valid Python {platform.python}, got " in refusal_of(folder, platform)


@pytest.mark.parametrize(
    "source",
    [
        "class A[T]: ...\n",
        "def first[T](x: T) -> T: ...\n",
        "type X = int\n",
        'x = f"{"a"}"\n',
        'x = f"{a["("]}"\n',
        "x = f'{a['b']}'\n",
        'x = t"a"\n',
        "try: ...\nexcept A, B: ...\n",
    ],
)
def test_what_a_newer_python_accepts_is_left_to_it(
    make_package: PackageMaker, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11, 0, "final", 0))
    folder = make_package(files={"handler.py": HANDLER + source})

    assert build_asset(HandlerPackage(path=folder), NEWER).hash


@pytest.mark.parametrize("source", [b"x = '\0'\n", b"# coding: latin-1\nx = '\xe9'\n"])
def test_bytes_that_are_no_python_are_named_and_declared_encodings_are_read(
    make_package: PackageMaker, source: bytes
) -> None:
    folder = make_package()
    (folder / "handler.py").write_bytes(source + HANDLER.encode())

    if b"\0" in source:
        assert f"{folder}/handler.py must be valid Python" in refusal_of(folder, HERE)
    else:
        assert build_asset(HandlerPackage(path=folder), HERE).hash
