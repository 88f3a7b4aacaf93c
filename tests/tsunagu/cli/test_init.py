from pathlib import Path

import pytest

from tests.tsunagu.cli.conftest import Tsunagu


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    return tmp_path / "desk"


def test_repository_is_made_in_the_current_folder_and_three_commands_follow(tsunagu: Tsunagu, folder: Path) -> None:
    result = tsunagu("init")

    first, *lines = result.out.splitlines()
    assert (result.code, result.err) == (0, "")
    assert first.startswith(f"made desk in {folder}: ")
    assert first.endswith(" files, with the flow receive-once")
    assert [line.split()[:2] for line in lines] == [["next:"], ["make", "setup"], ["make", "check"], ["make", "up"]]
    assert (folder / "bookings" / "handler.py").is_file()


def test_folder_is_made_and_entered_first(tsunagu: Tsunagu, folder: Path) -> None:
    result = tsunagu("init", "new/desk", "--flow", "pipeline", "--name", "rooms", "--python", "3.14")

    assert result.out.startswith(f"made rooms in {folder}/new/desk: ")
    assert "  cd new/desk\n" in result.out
    assert 'Platform(python="3.14")' in (folder / "new" / "desk" / "infra" / "settings.py").read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--name", "Desk!"), "error: --name must be 1 to 40 lower-case letters"),
        (("taken",), "error: the folder "),
    ],
)
def test_what_cannot_be_made_is_one_sentence(
    options: tuple[str, ...], sentence: str, tsunagu: Tsunagu, folder: Path
) -> None:
    (folder / "taken").write_text("")

    result = tsunagu("init", *options)

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(sentence)
    assert result.err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["taken"]


@pytest.mark.parametrize("options", [("--flow", "both"), ("--python", "3.9")])
def test_value_that_is_not_offered_is_refused_with_those_that_are(options: tuple[str, ...], tsunagu: Tsunagu) -> None:
    result = tsunagu("init", *options)

    assert (result.code, result.out) == (2, "")
    assert ("receive-once" if options[0] == "--flow" else "3.11") in result.err


def test_env_without_a_cloud_is_one_sentence(tsunagu: Tsunagu) -> None:
    assert tsunagu("env").err == "error: an embedded cloud must run in .tsunagu/cloud, got none\n"
