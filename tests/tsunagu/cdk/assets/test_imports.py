import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.cdk.assets.conftest import PackageMaker
from tsunagu.cdk.assets import HandlerPackage, Platform, build_asset
from tsunagu.cdk.assets.imports import missing_imports
from tsunagu.cdk.assets.modules import standard_library
from tsunagu.errors import AssetError

FUNCTION = "\ndef handler(event, context): ...\n"


def missing(source: str, *others: str, python: tuple[int, int] = (3, 13)) -> list[str]:
    """What of a handler of this source the asset lacks, if it also holds these files."""
    own = {"acme/invoices/handler.py": source.encode()}
    files = dict.fromkeys(others, b"")
    return [f"{each.line} {each.module}" for each in missing_imports(own, {**files, **own}, python)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import shared", ["1 shared"]),
        ("import json\nfrom shared.orders import Order", ["2 shared.orders"]),
        ("def handler(event, context):\n    import shared", ["2 shared"]),
        ("from .service import work", ["1 acme.invoices.service"]),
        ("from ..common import work", ["1 acme.common"]),
        ("from . import service", ["1 acme.invoices.service"]),
        ("import json, shared, boto3", ["1 shared"]),
        ("if __name__ == '__main__':\n    import shared", ["2 shared"]),
        ("try:\n    import fast\nexcept ImportError:\n    import slow", ["4 slow"]),
        ("try:\n    import shared\nexcept ValueError:\n    pass", ["2 shared"]),
        ("if TYPE_CHECKING:\n    import fast\nelse:\n    import slow", ["4 slow"]),
        ("class Reader:\n    from shared import read", ["2 shared"]),
        ("with open('x'):\n    import shared", ["2 shared"]),
        ("if not TYPE_CHECKING:\n    import shared", ["2 shared"]),
        ("if typing.TYPE_CHECKING or debug():\n    import shared", []),
        ("if debug():\n    import shared\nelse:\n    import others", ["2 shared", "4 others"]),
        ("import sys\nif sys.version_info >= (3, 12):\n    import shared", ["3 shared"]),
        ("import sys\nif sys.platform == 'linux':\n    import shared", ["3 shared"]),
        ("from shared import (\n    orders,\n    rates,\n)", ["1 shared"]),
        ("from acme import (\n    invoices,\n    rates,\n)", ["3 acme.rates"]),
        ("from ... import shared", ["1 ..."]),
        ("from ...shared import orders", ["1 ...shared"]),
        ("from ....json import loads", ["1 ....json"]),
        ("try:\n    import fast\nexcept ImportError:\n    import json\nelse:\n    import more", []),
        ("try:\n    import json\nexcept ImportError:\n    import slow\nelse:\n    import more", ["6 more"]),
        ("try:\n    import fast\nexcept ImportError:\n    fast = None\nfinally:\n    import last", ["6 last"]),
        ("try:\n    import fast\n    fast.run()\nexcept Exception:\n    pass", ["2 fast"]),
        ("try:\n    import fast\nexcept Exception:\n    raise", ["2 fast"]),
        ("try:\n    work()\nexcept Exception:\n    import report", ["4 report"]),
    ],
)
def test_an_import_that_the_asset_does_not_hold_is_found_with_its_line(source: str, found: list[str]) -> None:
    assert missing(source) == found


@pytest.mark.parametrize(
    "source",
    [
        "import json, boto3, botocore.config, dateutil, urllib3",
        "from __future__ import annotations",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mypy_boto3_sqs import SQSClient",
        "import typing\nif typing.TYPE_CHECKING:\n    import shared",
        "try:\n    import orjson as json\nexcept ModuleNotFoundError:\n    import json",
        "try:\n    import orjson\nexcept (ImportError, ValueError):\n    orjson = None",
        "try:\n    import orjson\nexcept:\n    pass",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import orjson",
        "import sys\nif sys.version_info < (3, 11):\n    import tomli",
        "import sys\nif sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli",
        "import sys\nif sys.version_info[:2] < (3, 11):\n    import tomli",
        "import sys\nif sys.version_info[0] == 2 or sys.version_info.minor < 11:\n    import tomli",
        "import sys\nif sys.hexversion < 0x30B0000:\n    import tomli\nelse:\n    import tomllib, others",
        "import sys\nif sys.platform == 'win32':\n    import winreg, pywin32",
        "import sys\nif sys.platform.startswith('win') or sys.platform in {'cygwin'}:\n    import pywin32",
        "import os\nif os.name == 'nt':\n    import pywin32",
        "if False:\n    import shared",
        "try:\n    import tomllib\nexcept ModuleNotFoundError:\n    import tomli as tomllib",
        "try:\n    import tomllib\nexcept (ImportError, AttributeError):\n    import tomli as tomllib",
        "from snapshot_restore_py import register_before_snapshot",
        "this is not Python, and Python says so better",
    ],
)
def test_what_lambda_has_or_the_code_can_do_without_is_let_through(source: str) -> None:
    assert missing(source) == []


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("import rates", "rates/__init__.py"),
        ("import rates", "rates.py"),
        ("import rates", "rates.cpython-313-aarch64-linux-gnu.so"),
        ("from rates import fast", "rates/fast.abi3.so"),
        ("from rates import anything", "rates/__init__.cpython-313-aarch64-linux-gnu.so"),
        ("import rates.fast", "rates.abi3.so"),
        ("import rates", "rates.pyc"),
        ("import rates.daily", "rates/daily/table.py"),
        ("from rates import daily", "rates/daily.py"),
        ("from rates import *", "rates/__init__.py"),
        ("from . import service", "acme/invoices/service.py"),
        ("from .service import anything", "acme/invoices/service.py"),
    ],
)
def test_every_form_of_a_module_is_recognised(source: str, file: str) -> None:
    assert missing(source) != []
    assert missing(source, file) == []


@pytest.mark.parametrize("file", ["rates.libs/libgomp.so", "rates-1.0.dist-info/METADATA", "other/rates.py"])
def test_files_that_are_no_module_of_that_name_do_not_count(file: str) -> None:
    assert missing("import rates", file) == ["1 rates"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("sys.modules['rates.packages.vat'] = vat", []),
        ("sys.meta_path.append(Finder())", []),
        ("vat = 19", ["rates.packages.vat"]),
    ],
)
def test_a_module_that_a_dependency_makes_when_it_is_imported_is_there(source: str, found: list[str]) -> None:
    own = {"handler.py": b"import rates.packages.vat"}
    asset = {**own, "rates/__init__.py": b"", "rates/packages.py": source.encode()}

    assert [each.module for each in missing_imports(own, asset, (3, 13))] == found


def test_hooks_of_snap_start_are_in_the_image_from_python_3_12() -> None:
    assert missing("import snapshot_restore_py", python=(3, 12)) == []
    assert missing("import snapshot_restore_py", python=(3, 11)) == ["1 snapshot_restore_py"]


def test_a_file_of_a_newer_python_is_left_out_and_the_others_are_looked_at() -> None:
    own = {"a.py": b"import shared\nnewer syntax", "b.py": b"import shared"}

    assert [each.file for each in missing_imports(own, own, (3, 14))] == ["b.py"]


NAMES = st.sampled_from(["shared", "rates", "json", "boto3", "acme"])


@given(imported=st.lists(NAMES, min_size=1, unique=True), held=st.sets(NAMES))
def test_an_import_is_missing_unless_the_asset_or_lambda_has_it(imported: list[str], held: set[str]) -> None:
    source = "".join(f"import {name}\n" for name in imported)
    there = held | {"json", "boto3", "acme"}

    found = missing(source, *(f"{name}.py" for name in held))

    assert found == [f"{line} {name}" for line, name in enumerate(imported, start=1) if name not in there]


@pytest.mark.parametrize(
    ("init", "is_missing"),
    [
        ("", True),
        ("names = ()", True),
        ("orders = 1", False),
        ("def orders(): ...", False),
        ("from x import y as orders", False),
        ("from x import *", False),
        ("def __getattr__(name): ...", False),
        ("__all__ = ['orders']\nglobals().update(x)", False),
    ],
)
def test_a_name_that_a_package_neither_binds_nor_holds_is_missing(init: str, is_missing: bool) -> None:
    own = {"handler.py": b"from shared import orders", "shared/__init__.py": init.encode()}

    found = [each.module for each in missing_imports({"handler.py": own["handler.py"]}, own, (3, 13))]

    assert found == (["shared.orders"] if is_missing else [])


@pytest.mark.parametrize(
    ("module", "version", "is_there"),
    [
        ("distutils", (3, 11), True),
        ("distutils", (3, 12), False),
        ("cgi", (3, 12), True),
        ("cgi", (3, 13), False),
        ("annotationlib", (3, 13), False),
        ("annotationlib", (3, 14), True),
        ("json", (3, 14), True),
    ],
)
def test_standard_library_is_that_of_the_functions_python(
    module: str, version: tuple[int, int], is_there: bool
) -> None:
    assert (module in standard_library(version)) is is_there
    assert (missing(f"import {module}", python=version) == []) is is_there


def test_standard_library_of_this_python_is_its_own() -> None:
    assert standard_library(sys.version_info[:2]) == sys.stdlib_module_names


@given(st.text(alphabet="import from as.,()*:\n abcTYPE_CHECKINGtry excptIE", max_size=80))
def test_no_text_makes_the_search_fail(source: str) -> None:
    missing(source)


def refusal_of(package: HandlerPackage) -> str:
    with pytest.raises(AssetError) as refusal:
        build_asset(package, Platform())
    return str(refusal.value)


def test_a_missing_import_is_refused_with_file_and_line(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler.py": f"import os\nimport shared{FUNCTION}"})

    assert refusal_of(HandlerPackage(path=folder)) == (
        "each module that the handler package invoices imports must be in its folder, in include=[...], or installed "
        f"by its requirements.txt, got {folder}/handler.py:2 imports shared"
    )


def test_every_file_of_the_package_is_looked_at_and_a_long_list_is_bounded(make_package: PackageMaker) -> None:
    imports = "".join(f"import missing_{number}\n" for number in range(7))
    folder = make_package(files={"deep/service.py": imports})

    refusal = refusal_of(HandlerPackage(path=folder))

    assert refusal.count("deep/service.py:") == 5
    assert refusal.endswith("and 2 more")


@pytest.mark.parametrize("module", ["tsunagu.cdk", "tsunagu.operations.trace"])
@pytest.mark.parametrize("form", ["import {}", "from {} import name"])
def test_a_part_of_the_library_that_no_function_carries_is_refused_as_such(
    make_package: PackageMaker, module: str, form: str
) -> None:
    folder = make_package(files={"handler.py": form.format(module) + FUNCTION})

    assert refusal_of(HandlerPackage(path=folder)).endswith(
        f"handler.py:1 imports {module} (of tsunagu, a zip holds only tsunagu itself, tsunagu.runtime and "
        "tsunagu.contracts)"
    )


def test_a_part_of_the_library_asked_of_its_front_door_is_refused_too(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler.py": f"from tsunagu import operations{FUNCTION}"})

    assert "handler.py:1 imports tsunagu.operations (of tsunagu" in refusal_of(HandlerPackage(path=folder))


def test_what_is_included_counts_and_its_own_imports_are_looked_at(make_package: PackageMaker) -> None:
    folder = make_package(files={"handler.py": f"from shared import orders{FUNCTION}"})
    shared = make_package("shared", {"orders.py": "import rates\n"})
    (shared / "handler.py").unlink()

    assert refusal_of(HandlerPackage(path=folder, include=[shared])).endswith(f"got {shared}/orders.py:1 imports rates")
