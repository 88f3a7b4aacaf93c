import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.conftest import Environment
from tests.synthesis import WITHOUT_VALIDATION

PROJECT = Path(__file__).resolve().parents[2]
STAGES = ("dev", "stg", "prod", "embedded")

SYNTHESIZE = """
import json, sys
sys.path.insert(0, "")
from cdk_app.app import build_app
from cdk_app.settings import load_settings
context, output, stages = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3:]
for stage in stages:
    build_app(load_settings(context["tsunagu"], stage), context=context, outdir=f"{output}/{stage}").synth()
"""


def assembly(output: Path) -> dict[str, bytes]:
    """Templates, lists of assets and the assets themselves, of every stage."""
    wanted = ("*/*.template.json", "*/*.assets.json", "*/asset.*")
    return {str(path.relative_to(output)): path.read_bytes() for pattern in wanted for path in output.glob(pattern)}


@pytest.fixture(scope="session")
def context() -> str:
    """The context of cdk.json, as text."""
    return json.dumps(json.loads((PROJECT / "cdk.json").read_text())["context"])


@pytest.mark.slow  # it synthesizes each stage twice
def test_app_gives_the_same_templates_and_assets_with_the_installed_wheel_in_every_stage(
    full_environment: Environment, context: str, tmp_path: Path
) -> None:
    app = tmp_path / "app"
    for package in ("cdk_app", "lambdas"):
        shutil.copytree(PROJECT / package, app / package, ignore=shutil.ignore_patterns("__pycache__"))
    program = [sys.executable, "-c", SYNTHESIZE, context, str(tmp_path / "checkout"), *STAGES]
    subprocess.run(program, cwd=PROJECT, env=os.environ | WITHOUT_VALIDATION, capture_output=True, check=True)

    full_environment.run(
        "python",
        "-c",
        SYNTHESIZE,
        context,
        str(tmp_path / "wheel"),
        *STAGES,
        cwd=app,
        variables={"TSUNAGU_CACHE_DIR": str(tmp_path / "cache"), **WITHOUT_VALIDATION},
    )

    assert {f"{stage}/Payments.template.json" for stage in STAGES} <= assembly(tmp_path / "checkout").keys()
    assert assembly(tmp_path / "wheel") == assembly(tmp_path / "checkout")


def test_another_project_builds_its_own_handler_with_the_installed_wheel(
    full_environment: Environment, tmp_path: Path
) -> None:
    project = tmp_path / "invoices"
    shutil.copytree(PROJECT / "examples" / "invoices", project, ignore=shutil.ignore_patterns("cdk.out", ".venv"))

    full_environment.run(
        "python", "app.py", cwd=project, variables={"CDK_OUTDIR": str(tmp_path / "out"), **WITHOUT_VALIDATION}
    )

    (function,) = _resources(tmp_path / "out" / "Invoices.template.json", "AWS::Lambda::Function")
    assert function["Handler"] == "invoices.handler.handler"
    assert {"INVOICES_TABLE_NAME", "IDEMPOTENCY_TABLE_NAME"} <= function["Environment"]["Variables"].keys()
    (asset,) = (tmp_path / "out").glob("asset.*.zip")
    with zipfile.ZipFile(asset) as archive:
        names = set(archive.namelist())
    assert {"invoices/handler.py", "stdnum/iban.py", "tsunagu/runtime/receiving/receiver.py"} <= names
    assert {name.partition("/")[0] for name in names if name.endswith(".py")} == {"invoices", "stdnum", "tsunagu"}


def test_handler_of_another_project_imports_in_its_asset_alone(base_environment: Environment, tmp_path: Path) -> None:
    """Lambda's image brings boto3, as the base install does; all else must be in the asset."""
    program = (
        "import sys; from tsunagu.cdk.assets import *; "
        "print(build_asset(HandlerPackage(path=sys.argv[1]), Platform()).path)"
    )
    command = [sys.executable, "-c", program, str(PROJECT / "examples" / "invoices" / "invoices")]
    asset = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    with zipfile.ZipFile(asset) as archive:
        archive.extractall(tmp_path)

    check = (
        "import sys; sys.path.insert(0, ''); import invoices.handler as h, tsunagu; print(tsunagu.__file__, h.handler)"
    )
    printed = base_environment.run("python", "-c", check, cwd=tmp_path)

    assert printed.startswith(f"{tmp_path}/tsunagu/__init__.py <function handler")


def _resources(template: Path, kind: str) -> list[dict[str, Any]]:
    resources = json.loads(template.read_text())["Resources"].values()
    return [resource["Properties"] for resource in resources if resource["Type"] == kind]
