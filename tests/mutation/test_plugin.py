"""The plugin of pytest: what is called at import has tests, and what makes an import fail is caught."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mutmut.state import state

from tests.mutation.plugin import pytest_collection_modifyitems, share_tests

PROJECT = Path(__file__).resolve().parents[2]


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
    module = tmp_path / "test_rooms.py"
    module.write_text(f"{text}\ndef test_a(): ...\n")
    options = ["-q", "-p", "tests.mutation.plugin", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"{module}::test_a"], cwd=PROJECT, capture_output=True, check=False
    )

    assert done.returncode == code
