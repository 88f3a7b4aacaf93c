"""Two sandboxes that are restored from one snapshot (SnapStart) share no token, no jitter and no connection."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_message_handler import ENVIRONMENT
from tests.tsunagu.runtime.world import record
from tsunagu.contracts.web import WebEnvironment
from tsunagu.testing.events.http import http_api_event

SNAPSHOTS = Path(__file__).parent / "snapshots"
PROJECT = Path(__file__).parents[2]
MESSAGES = 10
BATCH = {
    "Records": [
        record({"order_id": f"o-{each}"}, f"m-{each}", attributes={"type": "order.placed"}) for each in range(MESSAGES)
    ]
}
WEB = WebEnvironment(
    idempotency_table_name="items",
    idempotency_window_seconds=60,
    function_timeout_seconds=10,
    metrics_namespace="Tsunagu",
    single_writes=True,
)


@dataclass
class Sandbox:
    """What AWS saw of one sandbox, and what it printed.

    Attributes:
        connections: Connections that it opened or used, by the port at its end.
        keys: Access keys that it signed with.
        bodies: Bodies of its calls, by operation.
        printed: What it printed.
    """

    connections: set[int] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    bodies: dict[str, list[Any]] = field(default_factory=dict)
    printed: dict[str, Any] = field(default_factory=dict)

    @property
    def owners(self) -> set[str]:
        """Tokens by which it owns messages."""
        return {body["Item"]["owner"]["S"] for body in self.bodies["PutItem"]}

    @property
    def pauses(self) -> list[int]:
        """Seconds until the messages are delivered again, which have full jitter."""
        [body] = self.bodies["ChangeMessageVisibilityBatch"]
        return [entry["VisibilityTimeout"] for entry in body["Entries"]]


class Aws:
    """Credentials of the sandbox, DynamoDB and SQS behind one address, with the calls of each sandbox apart."""

    def __init__(self) -> None:
        self.snapshot = Sandbox()
        self.sandboxes: list[Sandbox] = []
        self._credentials = 0
        aws = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections stay open

            def do_GET(self) -> None:
                if self.path.startswith("/sandbox"):
                    aws.sandboxes.append(Sandbox())
                    self._answer({})
                else:
                    assert self.headers["Authorization"] == "of the sandbox"
                    self._answer(aws.new_credentials())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                seen = aws.sandboxes[-1] if aws.sandboxes else aws.snapshot
                seen.connections.add(self.client_address[1])
                seen.keys |= {*re.findall(r"Credential=(\w+)/", self.headers["Authorization"])}
                seen.bodies.setdefault(operation, []).append(body)
                entries = [{"Id": each["Id"]} for each in body.get("Entries", ())]
                self._answer({"Successful": entries, "Failed": []} if entries else {})

            def _answer(self, content: Any) -> None:
                text = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def new_credentials(self) -> dict[str, str]:
        """Return credentials of six hours for the snapshot, and longer ones for a sandbox, whose clock is ahead."""
        self._credentials += 1
        hours = 60 if self.sandboxes else 6
        key, ends = f"KEY{self._credentials}", datetime.now(UTC) + timedelta(hours=hours)
        return {"AccessKeyId": key, "SecretAccessKey": "secret", "Token": "token", "Expiration": ends.isoformat()}


@contextmanager
def aws_endpoint() -> Iterator[Aws]:
    made = Aws()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


@dataclass(frozen=True)
class Restored:
    """A snapshot, and two sandboxes of it."""

    snapshot: Sandbox
    one: Sandbox
    other: Sandbox


def restore_twice(module: str, *events: Any) -> Restored:
    """Take a snapshot of a function, restore it twice, and invoke both sandboxes with the same events."""
    with aws_endpoint() as aws:
        environment = {
            **replace(ENVIRONMENT, queue_url=f"{aws.url}/queue").to_environment(),
            **WEB.to_environment(),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{aws.url}/credentials",  # as Lambda gives them with SnapStart
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "of the sandbox",
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PYTHONPATH": os.pathsep.join(map(str, (PROJECT, SNAPSHOTS))),
            "PATH": os.environ["PATH"],
        }
        command = [sys.executable, str(SNAPSHOTS / "sandbox.py"), module, json.dumps(events), aws.url]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"random"')]
    for sandbox, each in zip(aws.sandboxes, printed, strict=True):
        sandbox.printed = each
    return Restored(aws.snapshot, *aws.sandboxes)


@pytest.fixture(scope="module")
def restored() -> Restored:
    return restore_twice("orders", BATCH)


def test_two_restored_sandboxes_have_other_owners_and_other_jitter(restored: Restored) -> None:
    one, other = restored.one, restored.other

    assert len(one.printed["answers"][0]["batchItemFailures"]) == MESSAGES
    assert len(one.owners) == len(other.owners) == 1
    assert one.owners != other.owners
    assert one.pauses != other.pauses
    assert one.printed["random"] != other.printed["random"]  # the SDK's own pauses, and the code of others


def test_a_restored_sandbox_uses_no_connection_of_the_snapshot(restored: Restored) -> None:
    snapshot, one, other = restored.snapshot, restored.one, restored.other

    assert snapshot.bodies.keys() == {"GetItem"}  # that of the handler's module
    assert snapshot.connections
    assert one.connections.isdisjoint(other.connections | snapshot.connections)
    assert other.connections.isdisjoint(snapshot.connections)


def test_a_restored_sandbox_gets_new_credentials_when_those_of_the_snapshot_have_ended(restored: Restored) -> None:
    assert (restored.snapshot.keys, restored.one.keys, restored.other.keys) == ({"KEY1"}, {"KEY2"}, {"KEY3"})


def test_a_restored_sandbox_imports_nothing_that_the_snapshot_could_have(restored: Restored) -> None:
    assert {*restored.one.printed["imported"]} <= {"tsunagu.runtime.receiving.failures"}


def test_a_batch_leaves_nothing_that_lambda_keeps_for_snapshots(restored: Restored) -> None:
    assert restored.one.printed["hooks"] == 0


def test_an_application_starts_in_each_restored_sandbox_and_not_before() -> None:
    restored = restore_twice("shop", BATCH, http_api_event("GET", "/starts"))

    one, other = restored.one, restored.other
    starts = [json.loads(each.printed["answers"][1]["body"]) for each in (one, other)]
    assert [len(each) for each in starts] == [1, 1]
    assert starts[0] != starts[1]
    assert one.owners != other.owners
    assert one.pauses != other.pauses
    assert one.connections.isdisjoint(other.connections)
