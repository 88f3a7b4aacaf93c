"""`make dev`: the application answers, and its queue is fed by its own requests and from a file."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120
ORDER = {"customer": "c-1", "lines": [{"sku": "tea", "quantity": 1, "price": 250}], "currency": "EUR"}


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    return tmp_path / "messages.jsonl"


@pytest.fixture
def url(tmp_path: Path, messages: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "cdk_app.dev", "--port", "0", "--messages", str(messages)]
    with subprocess.Popen(
        [*command, "--state", str(tmp_path / "cloud")], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            found = next(
                found
                for line in process.stdout
                if (found := re.search(rb"application is at (http://127.0.0.1:\d+)", line))
            )
            yield found[1].decode()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_SECONDS)


def ask(url: str, body: object = None, **headers: str) -> Any:
    """Return the answer; ask again while the application starts, or has no such order yet."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json", **headers})  # noqa: S310 - of this machine
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def status_of(url: str, wanted: str) -> str:
    """Return the status of an order, when it is the wanted one, or when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (status := str(ask(url)["status"])) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return status


def test_orders_of_the_api_and_of_a_file_are_confirmed(url: str, messages: Path) -> None:
    created = ask(f"{url}/orders", ORDER, **{"Idempotency-Key": "k-1"})
    again = ask(f"{url}/orders", ORDER, **{"Idempotency-Key": "k-1"})
    messages.write_text(json.dumps({"type": "order.placed", "order_id": "o-1", **ORDER}) + "\nno JSON\n")

    assert again == created
    assert status_of(f"{url}/orders/{created['order_id']}", "confirmed") == "confirmed"
    assert status_of(f"{url}/orders/o-1", "confirmed") == "confirmed"
