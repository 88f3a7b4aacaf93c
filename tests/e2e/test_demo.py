"""The demonstration as `make demo` runs it, in a project folder of its own."""

import json
import shutil
import subprocess
import sys
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
    listing = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607
    return [line for line in listing.stdout.splitlines() if text in line]


def test_the_demonstration_holds_and_leaves_no_process(project: Path) -> None:
    result = subprocess.run(  # noqa: S603
        [TSUNAGU, "demo"], cwd=project, capture_output=True, text=True, timeout=240, check=False
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "receive-once" in result.stdout
    report = json.loads((project / ".tsunagu" / "demo.json").read_text())["receive-once"]
    assert (report["lost"], report["doubled"], report["problems"]) == (0, 0, [])
    assert report["sent"] == report["effects"] + report["duplicates"] + report["dead_lettered"]
    assert report["killed"] >= 1
    assert processes_that_name(str(project)) == []
