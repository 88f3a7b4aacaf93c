import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer

from tests.tsunagu.account import REQUEST_ID
from tsunagu.cli import main
from tsunagu.cli.command import app
from tsunagu.cli.global_options import hoisted
from tsunagu.cli.reports import debug, reporting


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command, which must fail, and return its standard error."""
    monkeypatch.setattr(sys, "argv", ["tsunagu", *arguments])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == 1
    return capsys.readouterr().err


def test_importing_the_command_does_not_import_the_cdk() -> None:
    check = "import sys, tsunagu.cli; sys.exit('aws_cdk' in sys.modules or 'jsii' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_down_without_a_cloud_is_one_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(monkeypatch, capsys, "down") == "error: an embedded cloud must run in .tsunagu/cloud, got none\n"


def test_a_folder_without_an_app_is_one_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(monkeypatch, capsys, "up") == (
        f"error: the current folder must have a cdk.json with app, or an app.py, got neither in {project}\n"
    )


def test_a_failing_step_names_its_log(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "app.py").write_text("raise SystemExit('the reason')")

    error = fail(monkeypatch, capsys, "up")

    log = project / ".tsunagu" / "synthesis.log"
    assert error == f"error: the app must synthesize, got exit code 1: see {log}\n"
    assert "the reason" in log.read_text()


def test_a_cloud_that_does_not_run_is_one_sentence_with_what_to_do(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys(monkeypatch)

    error = fail(monkeypatch, capsys, "trace", REQUEST_ID, "--endpoint-url", "http://127.0.0.1:1", "--region", "eu-x-1")

    assert error.startswith("error: the embedded cloud must run at http://127.0.0.1:1, got no answer: start it with")
    assert error.count("\n") == 1


def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give dummy credentials, and let the test undo what global options set."""
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def test_without_a_region_the_error_says_how_to_give_one(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys(monkeypatch)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    error = fail(monkeypatch, capsys, "lease", "list")

    assert error.startswith("error: a region must be given, got none: set AWS_REGION or --region")


@pytest.mark.parametrize("before", [None, "us-x-9"])
def test_the_variable_aws_region_decides_as_in_other_tools(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], before: str | None
) -> None:
    keys(monkeypatch)
    monkeypatch.setenv("AWS_REGION", "eu-x-1")
    if before:
        monkeypatch.setenv("AWS_DEFAULT_REGION", before)

    error = fail(monkeypatch, capsys, "lease", "list", "--endpoint-url", "http://127.0.0.1:1")

    assert error.startswith("error: the embedded cloud must run at")
    assert boto3.client("sqs").meta.region_name == "eu-x-1"


def test_without_credentials_the_error_says_how_to_give_some(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys(monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    error = fail(monkeypatch, capsys, "--region", "eu-central-1", "lease", "list")

    assert error.startswith("error: credentials must be given, got none or half of them: set AWS_PROFILE or --profile")


def test_an_unknown_profile_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys(monkeypatch)

    assert "got nobody" in fail(monkeypatch, capsys, "lease", "list", "--profile", "nobody")


def test_debug_prints_the_traceback_before_the_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = fail(monkeypatch, capsys, "down", "--debug")

    assert error.startswith("Traceback (most recent call last):")
    assert error.endswith("error: an embedded cloud must run in .tsunagu/cloud, got none\n")


def test_version_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tsunagu", "--version"])

    with pytest.raises(SystemExit) as leaving:
        main()

    assert leaving.value.code == 0
    assert capsys.readouterr().out.startswith("tsunagu 0.")


@pytest.mark.parametrize(
    ("line", "hoisted_line"),
    [
        ("status --region eu-west-1 shop", "--region eu-west-1 status shop"),
        ("status --endpoint-url=http://x --debug", "--endpoint-url=http://x --debug status"),
        ("why -- --debug", "why -- --debug"),
        ("status --region", "status --region"),
    ],
)
def test_global_options_may_stand_anywhere(line: str, hoisted_line: str) -> None:
    assert hoisted(line.split()) == hoisted_line.split()


def test_a_wrong_command_line_has_exit_code_2_and_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tsunagu", "traec"])

    with pytest.raises(SystemExit) as leaving:
        main()

    assert leaving.value.code == 2
    assert "trace" in capsys.readouterr().err


def test_ctrl_c_is_one_sentence_and_the_exit_code_of_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    debug.set(False)

    @reporting
    def verb() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as leaving:
        verb()

    assert leaving.value.code == 130
    assert capsys.readouterr().err.startswith("error: interrupted; what was under way may be half done")


def test_every_verb_has_an_example_in_its_help() -> None:
    verbs = [*walk(typer.main.get_command(app))]

    assert [name for name, text in verbs if not re.search(rf"Examples?:\s.*\btsunagu {name}\b", text)] == []
    assert len(verbs) > 7


def test_a_terminal_wraps_each_paragraph_of_a_help_by_itself() -> None:
    texts = [text for _, text in walk(typer.main.get_command(app))]

    assert [text for text in texts if re.search(r"[^\n]\n[^\n]", text)] == []


def walk(command: Any, name: str = "") -> Iterator[tuple[str, str]]:
    for own, each in command.commands.items():
        if hasattr(each, "commands"):
            yield from walk(each, f"{own} ")
        else:
            yield f"{name}{own}", each.help or ""
