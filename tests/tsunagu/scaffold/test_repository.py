"""What a new repository holds, without running it; tests/packaging/test_init.py runs it."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest

from tsunagu.cdk import PYTHONS
from tsunagu.errors import CommandError, InvalidInputError
from tsunagu.scaffold import FLOWS, FlowName, Repository, project_name
from tsunagu.scaffold import PYTHONS as OFFERED
from tsunagu.scaffold.settings import CDK_CLI, CDK_CLI_INTEGRITY, VERSIONS

PROJECT = Path(__file__).parents[3]


def repository(flow: FlowName = "receive-once") -> Repository:
    return Repository(flow=flow, name="desk", python="3.13")


def locked(lock: Path) -> dict[str, str]:
    """Version of each package of a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def below(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


@pytest.mark.parametrize("flow", FLOWS)
def test_no_placeholder_is_left(flow: FlowName) -> None:
    files = repository(flow).files()

    assert [path for path, text in files.items() if re.search("@[A-Z_]+@", text)] == []
    assert {"app.py", "cdk.json", "package.json", ".gitignore", ".github/workflows/ci.yml", "README.md"} <= set(files)


def test_written_files_are_those_of_the_flow_and_nothing_else(tmp_path: Path) -> None:
    written = repository().write(tmp_path / "desk")

    assert {*below(tmp_path / "desk")} == {path.relative_to(tmp_path / "desk").as_posix() for path in written}
    assert json.loads((tmp_path / "desk" / "cdk.json").read_text())["context"]["project"] == "desk"


def test_each_flow_that_is_offered_is_described() -> None:
    assert get_args(FlowName) == tuple(FLOWS)


def test_tools_are_those_that_this_checkout_was_tested_with() -> None:
    development = locked(PROJECT / "requirements-dev.txt")
    installed = json.loads((PROJECT / "package-lock.json").read_text())["packages"]["node_modules/aws-cdk"]

    assert {name: development[name] for name in VERSIONS} == VERSIONS
    assert (installed["version"], installed["integrity"]) == (CDK_CLI, CDK_CLI_INTEGRITY)
    assert OFFERED == PYTHONS


def test_feature_flags_and_app_are_those_of_this_checkout() -> None:
    own = json.loads((PROJECT / "cdk.json").read_text())
    made = json.loads(repository().files()["cdk.json"])

    assert made["app"] == own["app"]
    assert flags(made["context"]) == flags(own["context"])


def flags(context: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in context.items() if name.startswith("@")}


def test_lock_of_the_web_function_is_that_of_the_sample() -> None:
    made = repository("web-and-queue").files()["bookings/requirements.txt"]
    own = (PROJECT / "lambdas" / "order_api" / "requirements.txt").read_text()

    assert made == "".join(line for line in own.splitlines(keepends=True) if not line.startswith("#"))


def test_python_is_in_every_place_that_names_one() -> None:
    files = Repository(flow="receive-once", name="desk", python="3.12").files()
    tools = tomllib.loads(files["pyproject.toml"])["tool"]

    assert (tools["ruff"]["target-version"], tools["mypy"]["python_version"]) == ("py312", "3.12")
    assert 'Platform(python="3.12")' in files["infra/settings.py"]
    assert 'python-version: "3.12"' in files[".github/workflows/ci.yml"]
    assert f"tsunagu[cdk]=={version('tsunagu')}\n" in files["requirements.txt"]


@pytest.mark.parametrize(
    ("name", "folder", "made"),
    [(None, "My Desk_2", "my-desk-2"), (None, "desk", "desk"), ("booking-desk", "x", "booking-desk")],
)
def test_name_is_the_given_one_or_made_of_that_of_the_folder(name: str | None, folder: str, made: str) -> None:
    assert project_name(name, folder) == made


@pytest.mark.parametrize("name", ["", "Desk", "1desk", "desk-", "a--b", "d" * 41, "desk_1", "désk", "desk\n"])
def test_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="--name must be 1 to 40 lower-case letters") as refusal:
        project_name(name, "desk")
    assert str(refusal.value).endswith(f"got {name!r}")


@pytest.mark.parametrize("folder", ["", "42", "日本"])
def test_folder_whose_name_gives_none_is_refused_with_what_to_do(folder: str) -> None:
    with pytest.raises(InvalidInputError, match="give another one with --name"):
        project_name(None, folder)


def test_nothing_is_written_where_files_are_in_the_way_and_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "infra").write_text("a file where a folder must be")
    (tmp_path / "app.py").symlink_to("nowhere")
    (tmp_path / ".git").mkdir()

    with pytest.raises(CommandError) as refusal:
        repository().write(tmp_path)

    assert str(refusal.value) == (
        f"no file may be in the way in {tmp_path}, got README.md, app.py, infra: move them, or take an empty folder"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "README.md", "app.py", "infra"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_second_time_is_refused_and_names_ten_of_the_files(tmp_path: Path) -> None:
    count = len(repository().write(tmp_path))

    with pytest.raises(CommandError, match=f" and {count - 10} more: move them"):
        repository().write(tmp_path)


def test_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to("/proc/self")  # a folder in which nobody may make a file

    with pytest.raises(CommandError, match=f"the folder {tmp_path} must be writable, got: "):
        repository().write(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["tests"]


def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "desk").write_text("mine")

    with pytest.raises(CommandError, match="desk must be a folder, got a file"):
        repository().write(tmp_path / "desk")
