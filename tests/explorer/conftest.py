"""What tens of thousands of schedules need: silence, and one core."""

import logging
import os
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Keep what the explored code logs out of the report."""
    logger = logging.getLogger("lambdas")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(level)


@pytest.fixture(autouse=True, scope="module")
def one_core() -> Iterator[None]:
    """Keep fibers on one core: only one of them runs, and its turn costs half as much where it crosses none."""
    if sys.platform != "linux":
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)
