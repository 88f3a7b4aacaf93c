"""The commands that start clouds of their own, each in a project folder of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cdk_app.demo.__main__ import example_lines
from cdk_app.demo.flows import FLOWS
from cdk_app.demo.pipeline import ORDER
from cdk_app.demo.receive_once import PAYMENT
from tests.e2e.command import TSUNAGU
from tests.synthesis import WITHOUT_VALIDATION
from tsunagu.cli.usage import GROUP_FIELD, MESSAGES_FILE, REQUEST_FILE

PROJECT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "cdk_app.demo"]
PATIENCE_SECONDS = 600  # a minute is usual, on two cores that do nothing else
ENVIRONMENT = os.environ | WITHOUT_VALIDATION


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("app.py", "cdk.json"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(PROJECT / "node_modules")
    return tmp_path


def processes_that_name(text: str) -> list[str]:
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if text in line]


def tsunagu(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TSUNAGU, *arguments],
        cwd=project,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


# One flow for every change; all of them, which take minutes, in `make test-long`.
@pytest.mark.parametrize(
    "chosen", [["receive-once"], pytest.param([flow.name for flow in FLOWS], marks=pytest.mark.slow)], ids=len
)
def test_the_demonstration_holds_and_leaves_no_process(project: Path, chosen: list[str]) -> None:
    result = subprocess.run(
        DEMO if len(chosen) > 1 else [*DEMO, "--flow", *chosen],
        cwd=project,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    reports = json.loads((project / ".tsunagu" / "demo.json").read_text())
    assert list(reports) == chosen
    for name, report in reports.items():
        assert name in result.stdout
        assert (report["lost"], report["doubled"], report["problems"]) == (0, 0, [])
        ended = report["effects"] + report["duplicates"] + report["dead_lettered"] + report["refused"]
        assert report["sent"] == ended
        assert report["killed"] >= 1
    assert processes_that_name(str(project)) == []


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_demonstration_leaves_no_process(project: Path, number: signal.Signals) -> None:
    with subprocess.Popen(DEMO, cwd=project, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert any(line.startswith("Deploy") for line in demo.stdout)
        assert processes_that_name(str(project)) != []
        demo.send_signal(number)
        demo.wait(60)

    assert demo.returncode != 0
    assert processes_that_name(str(project)) == []


@pytest.mark.slow  # it deploys the app once more, and runs nine commands
def test_a_cloud_that_is_up_can_be_used_and_stopped_as_it_says(project: Path) -> None:
    up = tsunagu(project, "up")
    assert up.returncode == 0, up.stderr
    export, *examples, status, _, down = [line.strip() for line in up.stdout.splitlines() if line.startswith("  ")]
    path = f"export PATH={Path(TSUNAGU).parent}:$PATH"
    # The placeholders of the lines become the files and the field of this app.
    (project / MESSAGES_FILE).write_text(PAYMENT.replace("p-1", "p-2"))
    (project / REQUEST_FILE).write_text(ORDER.replace("o-1", "o-2"))
    filled = [line.replace(GROUP_FIELD, "account") for line in examples]

    assert status.split()[1] == "status"

    used = subprocess.run(  # noqa: S602 - lines for a shell are tried in a shell
        " && ".join([path, export, *filled, *example_lines()]),
        shell=True,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    stopped = subprocess.run(down, shell=True, cwd=project, timeout=PATIENCE_SECONDS, check=False)  # noqa: S602

    assert [line.split()[1:3] for line in examples] == [
        ["send", "order-api"],
        ["start", "orders"],
        ["send", "payments"],
        ["send", "payments"],
        ["run", "supplier-sync"],
    ]
    assert used.returncode == 0, used.stderr
    assert used.stderr.count("sent 1 of 1 message to") == 4
    assert used.stderr.count("started\n") == 2
    assert stopped.returncode == 0
    assert processes_that_name(str(project)) == []
