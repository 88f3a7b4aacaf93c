"""The pytest plugin. It imports almost nothing until one of its fixtures is used."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tsunagu.testing.handlers.world import HandlerWorld


@pytest.fixture
def handler_world() -> "type[HandlerWorld]":
    """Make a world for a handler: `handler_world(handler, tables={"orders": "order_id"})`; see `HandlerWorld`."""
    from tsunagu.testing.handlers.world import HandlerWorld  # noqa: PLC0415

    return HandlerWorld
