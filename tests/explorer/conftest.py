"""What tens of thousands of schedules need: silence, and one core."""

import logging
from collections.abc import Iterator

import pytest

from tsunagu.testing.explorer.cores import one_core


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Keep what the explored code logs out of the report."""
    logger = logging.getLogger("tsunagu")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(level)


@pytest.fixture(autouse=True)
def untraced(no_cover: None) -> None:
    """Explore without measuring coverage, which doubles the time: other tests cover the same lines."""


@pytest.fixture(autouse=True, scope="module")
def on_one_core() -> Iterator[None]:
    """Keep fibers on one core."""
    with one_core():
        yield
