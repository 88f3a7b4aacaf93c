"""The server as a child process."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.paths import PROJECT


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        endpoint_url: Its address.
    """

    endpoint_url: str

    def calls(self) -> int:
        """Return how many calls it has applied."""
        return sum(self._state()["calls"].values())

    def items(self, table_name: str) -> dict[str, int]:
        """Return how many items of a table there are of each status."""
        states: dict[str, int] = self._state()["states"].get(table_name, {})
        return states

    def _state(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.endpoint_url) as answer:  # noqa: S310 - our own, on 127.0.0.1
            state: dict[str, Any] = json.load(answer)
        return state


@contextmanager
def running_server(delay_ms: float) -> Iterator[Server]:
    """Run a server that answers `delay_ms` after each call was applied, until the end of the block."""
    command = [sys.executable, "-m", "benchmarks.dynamodb", str(delay_ms)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        try:
            yield Server(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.stdin.close()
