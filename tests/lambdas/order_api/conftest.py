"""An order service in memory for each test."""

from collections.abc import Iterator

import pytest

from lambdas.order_api import wiring
from tests.lambdas.order_api.order_world import OrderWorld


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[OrderWorld]:
    made = OrderWorld()
    monkeypatch.setattr(wiring, "orders", lambda: made.orders)
    yield made
    made.end()
