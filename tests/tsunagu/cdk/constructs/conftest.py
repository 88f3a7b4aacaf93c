"""Fixtures: an empty stack, and a handler package."""

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack

from tests.apps import new_app
from tsunagu.cdk.assets import HandlerPackage


@pytest.fixture
def stack(app_context: dict[str, Any]) -> Stack:
    """An empty stack in an app with the feature flags of cdk.json."""
    app = new_app(context=app_context, analytics_reporting=False)
    return Stack(app, "Stack")


@pytest.fixture
def package(tmp_path: Path) -> HandlerPackage:
    """A handler package."""
    folder = tmp_path / "invoices"
    folder.mkdir()
    (folder / "handler.py").write_text("def handler(event, context):\n    return {'batchItemFailures': []}\n")
    return HandlerPackage(path=folder)
