"""Apps with the order API alone: in each mode, behind each kind of API, as a zip file and as an image."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdk_app.handler_packages import handler_package, image_package
from cdk_app.settings import EMBEDDED_STAGE, load_settings
from cdk_app.stacks.order_api import OrderApiStack
from tests.apps import new_app

PROJECT = Path(__file__).parents[2]

# Each mode, kind of API and package is in two of these at least, or in the stack of the app.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "shared-http-zip": {},
    "split-http-image": {"mode": "split", "package": image_package("order_api")},
    "shared-rest-image": {"api_kind": "rest", "package": image_package("order_api")},
    "split-rest-zip": {"mode": "split", "api_kind": "rest", "package": handler_package("order_api")},
}


def stack_name(variant: str) -> str:
    """Return the name of the stack of a variant."""
    return f"tsunagu-{EMBEDDED_STAGE}-order-api-{variant}"


def synthesize_order_api(variant: str, assembly: Path) -> Path:
    """Write the cloud assembly of a variant into a folder, and return the folder."""
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = new_app(context=context, outdir=str(assembly), analytics_reporting=False)
    settings = load_settings(context["tsunagu"], EMBEDDED_STAGE)
    OrderApiStack(app, "OrderApi", settings=settings, stack_name=stack_name(variant), **VARIANTS[variant])
    app.synth()
    return assembly
