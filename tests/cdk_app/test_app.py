import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack

from cdk_app.app import build_app
from cdk_app.settings import load_settings
from tests.synthesis import WITHOUT_VALIDATION
from tsunagu.errors import SettingsError

PROJECT = Path(__file__).resolve().parents[2]
NODE = shutil.which("node") or "node"

# Loaded into the processes that synthesize: a clock of another year, and no network.
HOSTILE_PYTHON = """
import socket, time
def refuse(*arguments): raise OSError("synth must not need the network")
socket.socket.connect = socket.getaddrinfo = refuse
time.time = lambda: 1_000_000_000.0
"""
HOSTILE_NODE = """
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) { given.length ? super(...given) : super(1e12); }
  static now() { return 1e12; }
};
require("net").Socket.prototype.connect = () => { throw new Error("synth must not need the network"); };
"""


def run_app(
    context: Mapping[str, Any], output: Path, *, project: Path = PROJECT, cwd: Path = PROJECT, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run app.py as the CDK CLI does."""
    given = {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(output), **WITHOUT_VALIDATION}
    return subprocess.run(
        [sys.executable, str(project / "app.py")],
        cwd=cwd,
        env={**os.environ, **given, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def assembly(output: Path) -> dict[str, bytes]:
    """Templates, lists of assets, and the assets themselves."""
    wanted = ("*.template.json", "*.assets.json", "asset.*")
    return {path.name: path.read_bytes() for pattern in wanted for path in output.glob(pattern)}


@pytest.mark.parametrize("stage", ["dev", "stg", "prod", "embedded"])
def test_stacks_of_a_stage_are_named_after_it(app_context: dict[str, Any], stage: str, tmp_path: Path) -> None:
    settings = load_settings(app_context["tsunagu"], stage)

    app = build_app(settings, context=app_context, outdir=str(tmp_path))

    names = {child.stack_name for child in app.node.children if isinstance(child, Stack)}
    stacks = ("payments", "order-pipeline", "reports", "supplier-sync", "order-api")
    assert names == {f"tsunagu-{stage}-{stack}" for stack in stacks}


def test_stage_is_the_one_that_the_context_names(app_context: dict[str, Any], tmp_path: Path) -> None:
    app = build_app(context={**app_context, "stage": "prod"}, outdir=str(tmp_path))

    assert Stack.of(app.node.find_child("Payments")).stack_name == "tsunagu-prod-payments"


def test_stage_is_dev_when_the_context_names_none(app_context: dict[str, Any], tmp_path: Path) -> None:
    app = build_app(context=app_context, outdir=str(tmp_path))

    assert Stack.of(app.node.find_child("Payments")).stack_name == "tsunagu-dev-payments"


def test_fails_when_the_context_has_no_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"must have an object tsunagu\.stages"):
        build_app(outdir=str(tmp_path))


def test_templates_and_assets_are_the_same_elsewhere_at_another_time_without_network_git_and_account(
    app_context: dict[str, Any], tmp_path: Path
) -> None:
    elsewhere, bare, hostile = (tmp_path / name for name in ("another/checkout", "bin", "hostile"))
    for package in ("cdk_app", "lambdas"):
        shutil.copytree(PROJECT / package, elsewhere / package, copy_function=shutil.copy)
    shutil.copy(PROJECT / "app.py", elsewhere)
    bare.mkdir()
    (bare / "node").symlink_to(NODE)
    hostile.mkdir()
    (hostile / "sitecustomize.py").write_text(HOSTILE_PYTHON)
    (hostile / "hostile.js").write_text(HOSTILE_NODE)

    here = run_app(app_context, tmp_path / "here")
    there = run_app(
        app_context,
        tmp_path / "there",
        project=elsewhere,
        cwd=tmp_path,
        NODE_OPTIONS=f"--require {hostile / 'hostile.js'}",
        PATH=str(bare),
        PYTHONHASHSEED="7",
        PYTHONPATH=os.pathsep.join([str(hostile), str(elsewhere)]),
        TSUNAGU_CACHE_DIR=str(tmp_path / "cache"),
        TZ="Asia/Tokyo",
    )

    assert (here.returncode, there.returncode) == (0, 0), here.stderr + there.stderr
    assert assembly(tmp_path / "here").keys() >= {
        f"{stack}.{kind}.json"
        for stack in ("Payments", "OrderPipeline", "SupplierSync", "OrderApi")
        for kind in ("template", "assets")
    }
    assert assembly(tmp_path / "there") == assembly(tmp_path / "here")


def test_a_mistake_in_the_settings_is_one_sentence_and_no_traceback(
    app_context: dict[str, Any], tmp_path: Path
) -> None:
    done = run_app({**app_context, "stage": "porod"}, tmp_path)

    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if not line.startswith("b'!!")] == [
        "error: stage must be one of dev, embedded, prod, stg, got 'porod': did you mean 'prod'?"
    ]


def test_the_cdk_command_finds_the_app_without_an_active_environment(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | WITHOUT_VALIDATION

    listed = subprocess.run(
        [PROJECT / "node_modules/.bin/cdk", "list", "-c", "stage=prod", "--output", tmp_path],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert listed.stdout.split("\n")[:-1] == [
        "Payments (tsunagu-prod-payments)",
        "OrderPipeline (tsunagu-prod-order-pipeline)",
        "Reports (tsunagu-prod-reports)",
        "SupplierSync (tsunagu-prod-supplier-sync)",
        "OrderApi (tsunagu-prod-order-api)",
    ]
