"""The plugin: what it loads, and what it says where something is missing."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tsunagu.testing as front_door

PROJECT = Path(__file__).resolve().parents[3]
RUN = ("-p", "tsunagu.testing.plugin", "-p", "no:xdist", "-p", "no:syrupy", "-p", "no:cacheprovider")


def test_the_plugin_loads_nothing_of_the_library_before_a_fixture_is_used() -> None:
    program = (
        "import pytest, sys; before = {*sys.modules}; import tsunagu.testing.plugin; print(*{*sys.modules} - before)"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert set(printed.split()) == {"tsunagu", "tsunagu.testing", "tsunagu.testing.plugin"}


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]

    assert project["entry-points"]["pytest11"] == {"tsunagu.testing.plugin": "tsunagu.testing.plugin"}
    assert "testing" in project["optional-dependencies"]


def test_every_exported_name_exists_and_another_one_is_refused() -> None:
    assert all(hasattr(front_door, name) for name in front_door.__all__)
    assert set(front_door.__all__) <= set(dir(front_door))
    with pytest.raises(AttributeError, match="has no attribute 'World'; it exports CloudAccount, DeadLetter, Explored"):
        front_door.World  # type: ignore[attr-defined]  # noqa: B018


def test_a_cloud_without_its_extra_says_what_to_install(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util  # noqa: PLC0415

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    pytester.makepyfile("def test_cloud(cloud_account): ...")

    result = pytester.runpytest_inprocess(*RUN)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*needs the package uv: run pip install "tsunagu[[]testing]"'])


def test_a_test_of_a_team_fails_with_the_schedule(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from dataclasses import dataclass

        from tsunagu import Message, message_handler

        @dataclass
        class Order:
            order_id: str

        def test_orders(handler_world):
            @message_handler("orders", key="order_id")
            def handler(order: Order, message: Message) -> None:
                world.effect("charged", order.order_id)

            world = handler_world(handler)
            world.assert_once({"order_id": "o-1"})
        """
    )

    result = pytester.runpytest_inprocess(*RUN)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NotOnceError: charged o-1 must happen once, got it twice*"])
    result.stdout.fnmatch_lines(["*worker 1 IS KILLED *"])
