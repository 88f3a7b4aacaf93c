"""The commands that start clouds of their own, each in a project folder of its own."""

import json
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TSUNAGU = str(Path(sys.executable).with_name("tsunagu"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("app.py", "cdk.json"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(PROJECT / "node_modules")
    return tmp_path


def processes_that_name(text: str) -> list[str]:
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607
    return [line for line in listing.stdout.splitlines() if text in line]


def tsunagu(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [TSUNAGU, *arguments], cwd=project, capture_output=True, text=True, timeout=240, check=False
    )


def test_the_demonstration_holds_and_leaves_no_process(project: Path) -> None:
    result = tsunagu(project, "demo")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "receive-once" in result.stdout
    report = json.loads((project / ".tsunagu" / "demo.json").read_text())["receive-once"]
    assert (report["lost"], report["doubled"], report["problems"]) == (0, 0, [])
    assert report["sent"] == report["effects"] + report["duplicates"] + report["dead_lettered"]
    assert report["killed"] >= 1
    assert processes_that_name(str(project)) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demonstration_leaves_no_process(project: Path, number: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: S603
        [TSUNAGU, "demo"], cwd=project, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert any(line.startswith("Deploy") for line in demo.stdout)
        assert processes_that_name(str(project)) != []
        demo.send_signal(number)
        demo.wait(30)

    assert demo.returncode != 0
    assert processes_that_name(str(project)) == []


def test_a_cloud_that_is_up_serves_other_shells_until_it_is_taken_down(project: Path) -> None:
    up = tsunagu(project, "up")
    assert up.returncode == 0, up.stderr
    endpoint = next(word for word in up.stdout.split() if word.startswith("AWS_ENDPOINT_URL=")).split("=")[1]

    with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=10) as answer:  # noqa: S310
        assert answer.status == 200

    down = tsunagu(project, "down")
    assert (down.returncode, down.stdout) == (0, f"stopped the embedded cloud at {endpoint}\n")
    assert processes_that_name(str(project)) == []
