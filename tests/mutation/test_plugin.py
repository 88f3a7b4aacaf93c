"""The plugin of pytest: what is called at import has tests, and what makes an import fail is caught."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mutmut.state import state

from tests.mutation.plugin import pytest_collection_modifyitems, share_tests

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow  # it starts pytest again and again; `make test-long` runs the mutants, too


def test_function_that_is_called_at_import_has_all_tests_of_its_module() -> None:
    tests_of = {"rooms.hall.open": {"test_a"}, "rooms.hall.close": {"test_b"}, "rooms.attic.open": {"test_c"}}

    share_tests(["rooms.hall.open", "rooms.hall.build", "rooms.cellar.dig"], tests_of)

    assert tests_of == {
        "rooms.hall.open": {"test_a", "test_b"},
        "rooms.hall.build": {"test_a", "test_b"},
        "rooms.hall.close": {"test_b"},
        "rooms.attic.open": {"test_c"},
        "rooms.cellar.dig": set(),
    }


def test_shortest_tests_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Item:
        def __init__(self, nodeid: str) -> None:
            self.nodeid = nodeid

    monkeypatch.setattr(state(), "duration_by_test", {"long": 2.0, "short": 0.1})
    items: list[Any] = [Item("long"), Item("short"), Item("new")]

    pytest_collection_modifyitems(items)

    assert [item.nodeid for item in items] == ["new", "short", "long"]


@pytest.mark.parametrize(("text", "code"), [("assert False", 1), ("", 0)])
def test_module_that_cannot_be_imported_is_a_failed_test(tmp_path: Path, text: str, code: int) -> None:
    assert exit_code(tmp_path, f"{text}\ndef test_a(): ...\n") == code


@pytest.mark.parametrize(("mutant", "loop", "code"), [(True, "True", 1), (True, "False", 0), (False, "False", 0)])
def test_endless_test_is_a_failed_one_under_a_mutant(tmp_path: Path, *, mutant: bool, loop: str, code: int) -> None:
    limit = "from tests.mutation import plugin\nplugin.LEAST_CPU_SECONDS = 0.2\n"
    text = f"{limit}def test_a():\n    while {loop}:\n        pass\n"

    assert exit_code(tmp_path, text, MUTANT_UNDER_TEST="rooms.x_open__mutmut_1" if mutant else "") == code


def exit_code(folder: Path, text: str, **variables: str) -> int:
    """Run the test `test_a` of a module with the plugin; return the exit code of pytest."""
    module = folder / "test_rooms.py"
    module.write_text(text)
    options = ["-q", "-p", "tests.mutation.plugin", "-p", "no:cacheprovider", f"--rootdir={folder}"]
    command = [sys.executable, "-m", "pytest", *options, f"{module}::test_a"]
    done = subprocess.run(command, cwd=PROJECT, env={**os.environ, **variables}, capture_output=True, check=False)
    return done.returncode
