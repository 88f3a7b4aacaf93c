"""What `tsunagu` exports to handlers, and that it imports nothing before it is asked."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tsunagu
from tsunagu.runtime import errors

SOURCE = Path(tsunagu.__file__)
ENVIRONMENT_NAMES = ["EnvironmentContract", "EnvironmentContractError"]


def child(program: str) -> list[str]:
    """Run `program` in a process of its own; return the words that it prints."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


def names_for_type_checkers() -> dict[str, str]:
    """Return what the block for type checkers imports: the module of each name."""
    (block,) = [node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If) and not node.orelse][:1]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


@pytest.mark.parametrize("name", tsunagu.__all__)
def test_every_exported_name_can_be_imported(name: str) -> None:
    assert child(f"from tsunagu import {name}; print('imported')") == ["imported"]


@pytest.mark.parametrize("name", tsunagu.__all__)
def test_an_exported_name_is_the_one_that_type_checkers_see(name: str) -> None:
    assert getattr(tsunagu, name) is getattr(import_module(names_for_type_checkers()[name]), name)


def test_type_checkers_see_no_other_names() -> None:
    assert sorted(names_for_type_checkers()) == sorted(tsunagu.__all__)


def test_a_star_import_brings_every_exported_name() -> None:
    printed = child("names = {}; exec('from tsunagu import *', names); print(*names)")

    assert set(tsunagu.__all__) <= set(printed)


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import tsunagu; print(*set(sys.modules) - before)"

    assert child(program) == ["tsunagu"]


def test_an_environment_record_loads_no_client_of_aws() -> None:
    program = f"import sys; from tsunagu import {', '.join(ENVIRONMENT_NAMES)}; print(*sys.modules)"

    loaded = child(program)
    assert "boto3" not in loaded
    ours = [name for name in loaded if name.startswith("tsunagu.runtime.")]
    assert ours == ["tsunagu.runtime.restore", "tsunagu.runtime.startup"]


def test_an_error_loads_no_client_of_aws() -> None:
    assert "boto3" not in child("import sys; from tsunagu import RetryableError; print(*sys.modules)")


@pytest.mark.parametrize(
    "name", ["accepted_request", "message_handler", "pipeline_service", "preprocessor_handler", "Message", "Work"]
)
def test_collector_rests_while_a_name_is_imported(name: str) -> None:
    program = (
        f"import gc; from tsunagu import {name}; print(sum(each['collections'] for each in gc.get_stats()));"
        "print(gc.isenabled(), gc.get_freeze_count() > 1_000)"
    )

    collections, is_enabled, is_frozen = child(program)
    assert int(collections) < 40  # those before the pause; without it some hundred
    assert (is_enabled, is_frozen) == ("True", "True")


def test_a_name_is_looked_up_once() -> None:
    program = "import tsunagu; tsunagu.RetryableError; print('RetryableError' in vars(tsunagu))"

    assert child(program) == ["True"]


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(AttributeError, match=r"^module 'tsunagu' has no attribute 'Handler'; it exports Clock, Cond"):
        tsunagu.Handler  # type: ignore[attr-defined]  # noqa: B018

    with pytest.raises(ImportError, match="cannot import name 'Handler' from 'tsunagu'"):
        from tsunagu import Handler  # type: ignore[attr-defined]  # noqa: F401, PLC0415


def test_modules_of_the_package_can_still_be_imported_from_it() -> None:
    assert child("from tsunagu import contracts; print(contracts.__name__)") == ["tsunagu.contracts"]


def test_exported_names_are_listed_before_they_are_used() -> None:
    printed = child("import tsunagu; print(*dir(tsunagu))")

    assert set(tsunagu.__all__) <= set(printed)
    assert printed == sorted(printed)


def test_every_error_that_decides_is_exported() -> None:
    deciding = {
        name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.MessageError)
    }

    assert deciding <= set(tsunagu.__all__)
