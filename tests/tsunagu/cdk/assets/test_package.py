import re
import sys
from pathlib import Path

import pytest

from tests.tsunagu.cdk.assets.conftest import PackageMaker
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
from tsunagu.errors import AssetError


def refusal_of(package: HandlerPackage, platform: Platform | None = None) -> str:
    with pytest.raises(AssetError) as refusal:
        build_asset(package, platform or Platform())
    return str(refusal.value)


def test_fails_when_the_folder_does_not_exist(tmp_path: Path) -> None:
    assert refusal_of(HandlerPackage(path=tmp_path / "nothing")) == (
        f"a handler package must be a folder, got {tmp_path}/nothing, which is none"
    )


def test_fails_when_the_path_is_a_file(make_package: PackageMaker) -> None:
    assert "must be a folder" in refusal_of(HandlerPackage(path=make_package() / "handler.py"))


def test_fails_when_handler_py_is_missing(make_package: PackageMaker) -> None:
    folder = make_package()
    (folder / "handler.py").unlink()

    assert refusal_of(HandlerPackage(path=folder)) == (
        f"handler 'handler.handler' needs the module {folder}/handler.py, got no such file"
    )


def test_fails_when_the_module_has_no_such_function(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler.py": "def handle(event, context): ...\n"})

    assert refusal_of(HandlerPackage(path=folder)) == (
        f"handler 'handler.handler' needs a function 'handler' in {folder}/handler.py, got no such name there"
    )


@pytest.mark.parametrize(
    "source",
    [
        "def handler(event, context): ...",
        "handler = print",
        "handler: object = print",
        "from os import getcwd as handler",
        "class handler: ...",
        "try:\n    from os import getcwd as handler\nexcept ImportError:\n    handler = None",
    ],
)
def test_any_name_that_the_module_binds_can_be_the_handler(make_package: PackageMaker, source: str) -> None:
    folder = make_package(files={"handler.py": source})

    assert build_asset(HandlerPackage(path=folder), Platform()).handler == "invoices.handler.handler"


@pytest.mark.parametrize(
    "source", ["def other():\n    handler = 1", "class A:\n    def handler(self): ...", "print(handler)", "# handler"]
)
def test_a_name_that_is_not_the_modules_own_is_no_handler(make_package: PackageMaker, source: str) -> None:
    assert "got no such name" in refusal_of(HandlerPackage(path=make_package(files={"handler.py": source})))


def test_handler_may_be_in_another_module_or_a_folder_below(make_package: PackageMaker) -> None:
    folder = make_package(files={"web/entry.py": "def serve(event, context): ..."})

    asset = build_asset(HandlerPackage(path=folder, handler="web.entry.serve"), Platform())

    assert asset.handler == "invoices.web.entry.serve"


@pytest.mark.parametrize("handler", ["", "handler", ".handler", "handler.", "../x.handler", "handler:handler", "a b.c"])
def test_fails_when_the_handler_string_has_another_form(make_package: PackageMaker, handler: str) -> None:
    assert refusal_of(HandlerPackage(path=make_package(), handler=handler)) == (
        f"handler must be <module>.<function>, such as 'handler.handler', got {handler!r}"
    )


def test_fails_with_the_line_when_the_handler_is_not_python(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler.py": "x = 1\ndef handler(:\n"})
    platform = Platform(python=f"{sys.version_info.major}.{sys.version_info.minor}")

    message = refusal_of(HandlerPackage(path=folder), platform)

    assert re.fullmatch(rf"{folder}/handler.py must be valid Python 3\.\d+, got .* in line 2", message)


def test_syntax_newer_than_the_building_python_is_left_to_the_target(
    make_package: PackageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11, 0, "final", 0))
    folder = make_package(files={"handler.py": "def handler(:\n"})

    assert build_asset(HandlerPackage(path=folder), Platform(python="3.14")).hash


@pytest.mark.parametrize("name", ["my-handler", "lambda", "1st"])
def test_fails_when_python_cannot_import_a_folder_of_that_name(make_package: PackageMaker, name: str) -> None:
    assert refusal_of(HandlerPackage(path=make_package(name))) == (
        f"a handler package must have a name that Python can import, got {name!r}"
    )


def test_fails_when_the_folder_hides_a_module_of_the_standard_library(make_package: PackageMaker) -> None:
    folder = make_package("calendar")

    assert refusal_of(HandlerPackage(path=folder)) == (
        f"a handler package must not hide a module of the standard library, got 'calendar' at {folder}"
    )


def test_a_name_that_left_the_standard_library_before_the_functions_python_is_free(make_package: PackageMaker) -> None:
    folder = make_package("cgi")

    assert build_asset(HandlerPackage(path=folder), Platform(python="3.13")).handler == "cgi.handler.handler"
    assert "got 'cgi' at" in refusal_of(HandlerPackage(path=folder), Platform(python="3.12"))


def test_fails_when_a_folder_is_only_linked(make_package: PackageMaker, tmp_path: Path) -> None:
    folder = make_package()
    (folder / "shared").symlink_to(tmp_path)

    assert refusal_of(HandlerPackage(path=folder)) == (
        f"a package must hold its folders itself, got a link at {folder}/shared"
    )


def test_fails_when_the_requirements_file_does_not_exist(make_package: PackageMaker, tmp_path: Path) -> None:
    package = HandlerPackage(path=make_package(), requirements=tmp_path / "lock.txt")

    assert refusal_of(package) == f"requirements must be a file, got {tmp_path}/lock.txt, which is none"
