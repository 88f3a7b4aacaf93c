import base64
import hashlib
import os
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from tests.packaging.conftest import PROJECT


def test_commands_run_the_app_in_the_projects_own_environment_whichever_is_active(tmp_path: Path) -> None:
    cdk = tmp_path / "cdk"
    cdk.write_text('#!/bin/sh\necho "$VIRTUAL_ENV"\n')
    cdk.chmod(0o700)
    active = {**os.environ, "VIRTUAL_ENV": str(tmp_path / "elsewhere")}
    outer = {name: value for name, value in active.items() if not name.startswith("MAKE")}

    done = subprocess.run(
        ["make", "--silent", "--old-file=setup", "synth", f"CDK={cdk}"],
        cwd=PROJECT,
        env=outer,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == [str(PROJECT / ".venv")]


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Stand-ins of the tools that `make test` runs: each passes, and says its name."""
    for name in ("ruff", "hadolint", "mypy", "pytest"):
        write_tool(tmp_path / name, exit_code=0)
    return tmp_path


def write_tool(path: Path, *, exit_code: int) -> None:
    path.write_text(f"#!/bin/sh\necho {path.name} was run\nexit {exit_code}\n")
    path.chmod(0o700)


def make_test(tools: Path) -> "subprocess.CompletedProcess[str]":
    outer = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    options = ["--old-file=setup", f"BIN={tools}", f"TYPES_LOG={tools / 'types.log'}"]
    return subprocess.run(
        ["make", "--silent", "test", *options], cwd=PROJECT, env=outer, capture_output=True, text=True, check=False
    )


def test_make_test_passes_when_all_of_its_parts_pass(tools: Path) -> None:
    done = make_test(tools)

    assert done.returncode == 0, done.stderr
    assert {f"{name} was run" for name in ("ruff", "hadolint", "mypy", "pytest")} <= set(done.stdout.splitlines())


@pytest.mark.parametrize("name", ["ruff", "hadolint", "mypy", "pytest"])
def test_make_test_fails_when_one_of_its_parts_fails(tools: Path, name: str) -> None:
    write_tool(tools / name, exit_code=1)

    assert make_test(tools).returncode != 0


@pytest.mark.parametrize(("failing", "other"), [("mypy", "pytest"), ("pytest", "mypy")])
def test_tests_are_run_to_their_end_whatever_the_types_say_and_the_other_way_round(
    tools: Path, failing: str, other: str
) -> None:
    write_tool(tools / failing, exit_code=1)

    assert f"{other} was run" in make_test(tools).stdout.splitlines()


def test_file_that_two_packages_bring_is_that_of_aws_cdk_lib() -> None:
    """With the other one, jsii does not know the types of what a stack says at synth."""
    files = metadata.distribution("aws-cdk-lib").files or []
    (shared,) = [file for file in files if str(file) == "aws_cdk/cloud_assembly_schema/__init__.py"]

    digest = base64.urlsafe_b64encode(hashlib.sha256(Path(shared.locate()).read_bytes()).digest()).decode()
    assert shared.hash is not None
    assert digest.rstrip("=") == shared.hash.value
