"""The pytest plugin. It imports almost nothing until one of its fixtures is used."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tsunagu.testing.handlers.world import HandlerWorld
    from tsunagu.testing.templates.snapshot import TemplateSnapshot

SNAPSHOT_FOLDER = "template_snapshots"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin."""
    group = parser.getgroup("tsunagu")
    group.addoption("--update-templates", action="store_true", help="write the snapshots of template_snapshot")


@pytest.fixture
def handler_world() -> "type[HandlerWorld]":
    """Make a world for a handler: `handler_world(handler, tables={"orders": "order_id"})`; see `HandlerWorld`."""
    from tsunagu.testing.handlers.world import HandlerWorld  # noqa: PLC0415

    return HandlerWorld


@pytest.fixture
def template_snapshot(request: pytest.FixtureRequest) -> "TemplateSnapshot":
    """Compare templates with their snapshots, in `template_snapshots/<module>/<test>` beside the test's module."""
    from tsunagu.testing.templates.snapshot import TemplateSnapshot  # noqa: PLC0415

    module = Path(str(request.path))
    test = re.sub(r"[^\w.-]+", "_", request.node.name).strip("_")
    folder = module.parent / SNAPSHOT_FOLDER / module.stem / test
    return TemplateSnapshot(folder, is_updated=request.config.getoption("--update-templates"))
