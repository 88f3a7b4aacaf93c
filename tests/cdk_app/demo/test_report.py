import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from cdk_app.demo.flow import FlowReport
from cdk_app.demo.report import report_table, write_report

if TYPE_CHECKING:
    import pytest

REPORT = FlowReport(
    sent=10_500,
    effects=10_290,
    duplicates=100,
    dead_lettered=110,
    lost=0,
    doubled=0,
    killed=12,
    deferred=3,
    seconds=134.5,
    refused=7,
)


def test_each_flow_is_a_row_that_fits_into_80_columns(capsys: "pytest.CaptureFixture[str]") -> None:
    Console(width=80).print(report_table({"receive-once": REPORT, "web-and-queue": REPORT}))

    numbers = ["10500", "10290", "100", "110", "7", "0", "0", "12", "3", "134.5"]
    lines = capsys.readouterr().out.splitlines()
    assert "…" not in "".join(lines)
    assert [line.split() for line in lines[-2:]] == [
        ["receive-once", *numbers],
        ["web-and-queue", *numbers],
    ]


def test_the_file_is_an_object_keyed_by_flow(tmp_path: Path) -> None:
    path = tmp_path / ".tsunagu" / "demo.json"

    write_report(path, {"receive-once": REPORT})

    assert json.loads(path.read_text())["receive-once"] == {
        "sent": 10_500,
        "effects": 10_290,
        "duplicates": 100,
        "dead_lettered": 110,
        "lost": 0,
        "doubled": 0,
        "killed": 12,
        "deferred": 3,
        "seconds": 134.5,
        "refused": 7,
        "problems": [],
    }
