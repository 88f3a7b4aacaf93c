"""A world that is closed after each test."""

from collections.abc import Iterator

import pytest

from tests.tsunagu.runtime.web.web_world import WebWorld


@pytest.fixture
def world() -> Iterator[WebWorld]:
    made = WebWorld()
    yield made
    made.close()
    made.loop.close()
