"""The pytest plugin. It imports almost nothing until one of its fixtures is used."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tsunagu.local.embedded_cloud import EmbeddedCloud
    from tsunagu.testing.cloud.account import CloudAccount
    from tsunagu.testing.handlers.world import HandlerWorld
    from tsunagu.testing.templates.snapshot import TemplateSnapshot

SNAPSHOT_FOLDER = "template_snapshots"
FIRST_ACCOUNT = 100_000_000_001  # of those that tests get; that of the cloud itself is another one


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


@pytest.fixture(scope="session")
def embedded_cloud(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[EmbeddedCloud]":
    """Start an embedded cloud for all tests of the session, with IAM enforced; it ends with the session."""
    from importlib.util import find_spec  # noqa: PLC0415

    if find_spec("uv") is None:
        pytest.fail(
            'the fixture embedded_cloud needs the package uv: run pip install "tsunagu[testing]"', pytrace=False
        )
    from tsunagu.local.embedded_cloud import EmbeddedCloud  # noqa: PLC0415

    with EmbeddedCloud.start(tmp_path_factory.mktemp("embedded-cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def new_account(
    embedded_cloud: "EmbeddedCloud", tmp_path_factory: pytest.TempPathFactory
) -> "Callable[[], CloudAccount]":
    """Make accounts of the embedded cloud, for a fixture of your own that deploys once for several tests."""
    from itertools import count  # noqa: PLC0415

    from tsunagu.testing.cloud.account import CloudAccount  # noqa: PLC0415

    numbers = count(FIRST_ACCOUNT)
    return lambda: CloudAccount(
        embedded_cloud.in_account(str(next(numbers))), tmp_path_factory.mktemp("account", numbered=True)
    )


@pytest.fixture
def cloud_account(new_account: "Callable[[], CloudAccount]") -> "CloudAccount":
    """Return an account of the embedded cloud that no other test uses."""
    return new_account()
