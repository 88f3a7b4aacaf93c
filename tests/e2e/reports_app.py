"""An app with the reports stack alone, so that its tests deploy nothing else."""

import json
from pathlib import Path
from typing import Any

from cdk_app.settings import EMBEDDED_STAGE, load_settings
from cdk_app.stacks.reports import ReportsStack
from tests.apps import new_app

PROJECT = Path(__file__).parents[2]
STACK_NAME = f"tsunagu-{EMBEDDED_STAGE}-reports"


def synthesize_reports(assembly: Path, **props: Any) -> Path:
    """Write the cloud assembly into a folder, and return the folder.

    Args:
        assembly: The folder.
        props: Props of the stack besides its settings.
    """
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = new_app(context=context, outdir=str(assembly), analytics_reporting=False)
    settings = load_settings(context["tsunagu"], EMBEDDED_STAGE)
    ReportsStack(app, "Reports", settings=settings, **{"stack_name": STACK_NAME, **props})
    app.synth()
    return assembly
