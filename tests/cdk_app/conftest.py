"""What the tests of the infrastructure share."""

import json
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def app_context() -> dict[str, Any]:
    """The context of cdk.json: feature flags and stages, as the CDK CLI would hand them over."""
    context: dict[str, Any] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    return context
