"""The example of another team's repository, whose folders are called as ours, with the installed wheel."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.conftest import PROJECT, Environment
from tests.synthesis import WITHOUT_VALIDATION

EXAMPLE = PROJECT / "examples" / "warehouse"
NOT_THEIRS = (".venv", ".tsunagu", "cdk.out", "__pycache__", ".*_cache", "node_modules")


def test_warehouse_passes_the_checks_and_its_zips_hold_its_own_code(
    full_environment: Environment, tmp_path: Path
) -> None:
    project = tmp_path / "warehouse"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(*NOT_THEIRS))
    context = json.loads((project / "cdk.json").read_text())["context"]
    variables = {
        "CDK_CONTEXT_JSON": json.dumps({**context, "stage": "embedded"}),
        "CDK_OUTDIR": str(tmp_path / "out"),
        **WITHOUT_VALIDATION,
    }

    full_environment.run("python", "app.py", cwd=project, variables=variables)

    resources = json.loads((tmp_path / "out" / "Warehouse.template.json").read_text())["Resources"].values()
    handlers = {each["Properties"].get("Handler") for each in resources if each["Type"] == "AWS::Lambda::Function"}
    assert {
        "lambdas.receipts.handler.handler",
        "lambdas.shipments.ship.handler",
        "lambdas.stocktake.handler.handler",
    } <= handlers


@pytest.mark.slow  # an environment, types of aws_cdk, and an embedded cloud
def test_make_example_runs_to_its_end() -> None:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTEST_", "COV_"))}

    done = subprocess.run(
        ["make", "--old-file=setup", "example"], cwd=PROJECT, env=outer, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "pieces of the stock-take: " in done.stdout
