import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_app.demo.__main__ import chosen_flows, demo, judge
from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import FlowReport
from tsunagu.cli.command import run

HELD = FlowReport(
    sent=2, effects=1, duplicates=1, dead_lettered=0, lost=0, doubled=0, killed=1, deferred=0, seconds=1.0
)


def test_flows_that_held_are_accepted() -> None:
    judge({"receive-once": HELD}, "emulator.log")


def test_a_flow_with_problems_is_named_with_the_first_and_the_log() -> None:
    failed = replace(HELD, lost=1, problems=["payment p must have an effect, got none", "the balance is off"])

    with pytest.raises(DemoError) as raised:
        judge({"receive-once": HELD, "pipeline": failed}, "emulator.log")

    assert str(raised.value) == (
        f"pipeline must end without a problem, got 2 (all in {Path('.tsunagu/demo.json')}): "
        "payment p must have an effect, got none"
    )
    assert raised.value.log_path == "emulator.log"


def test_one_flow_can_be_chosen_by_its_name() -> None:
    assert [flow.name for flow in chosen_flows("pipeline")] == ["pipeline"]
    assert len(chosen_flows(None)) > 1
    with pytest.raises(DemoError, match=r"^--flow must be one of receive-once, .*, got payments$"):
        chosen_flows("payments")


def test_a_folder_without_an_app_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["demo"])

    with pytest.raises(SystemExit) as leaving:
        run(demo)

    assert leaving.value.code == 1
    assert capsys.readouterr().err == (
        f"error: the current folder must have a cdk.json with app, or an app.py, got neither in {tmp_path}\n"
    )
