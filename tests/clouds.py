"""The embedded clouds that tests of one worker share. Each ends with the last test of its group."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tsunagu.local.embedded_cloud import EmbeddedCloud

_running: list[EmbeddedCloud] = []


@contextmanager
def shared_cloud(directory: Path) -> Iterator[EmbeddedCloud]:
    """Start a cloud for the tests of a group."""
    with EmbeddedCloud.start(directory) as cloud:
        _running.append(cloud)
        yield cloud


def stop_shared_clouds() -> None:
    """Stop the clouds of the group that has ended. One that runs on polls its queues, for a tenth of a core."""
    while _running:
        _running.pop().stop()
