"""What tens of thousands of schedules need: silence, and one core."""

import logging
import os
import re
import sys
from collections.abc import Iterator

import pytest


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
def one_core() -> Iterator[None]:
    """Keep fibers on one core: only one of them runs, and a change of fibers costs half as much within a core.

    Each worker of pytest-xdist takes a core of its own while there are enough.
    """
    if sys.platform != "linux":
        yield
        return
    cores = os.sched_getaffinity(0)
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
    os.sched_setaffinity(0, {sorted(cores)[worker % len(cores)]})
    yield
    os.sched_setaffinity(0, cores)
