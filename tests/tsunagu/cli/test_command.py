import subprocess
import sys
from pathlib import Path

import pytest

from tsunagu.cli import main


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


def test_aws_out_of_reach_is_one_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = "http://127.0.0.1:1"
    for name, value in {
        "AWS_ENDPOINT_URL": closed,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    (project / "invoices.jsonl").write_text("{}")

    error = fail(monkeypatch, capsys, "send", "invoices", "--file", "invoices.jsonl", "--queue", "standard")

    assert error.startswith("error: AWS must answer the command's calls, got: ")
    assert closed in error
    assert error.count("\n") == 1
