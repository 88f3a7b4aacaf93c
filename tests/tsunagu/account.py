"""A server that answers as CloudFormation and Lambda do: moto's CloudFormation needs its larger extras."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    import pytest

REQUEST_ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071"
RUN_ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6072"
NO_STACK = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
    "<Message>Stack does not exist</Message></Error></ErrorResponse>"
)


@dataclass
class Account:
    """An account with some stacks, and a function `preprocessor`.

    Attributes:
        stacks: Outputs of each stack, by its name.
        answer: What the preprocessor answers.
        fails: Whether the answer is an error.
        commands: What the preprocessor was asked.
        json_answers: What services with a JSON protocol answer, by operation, such as `GetItem`; a status, and a body.
        asked: What they were asked: operations and bodies.
    """

    stacks: dict[str, Mapping[str, str]] = field(default_factory=dict)
    answer: dict[str, Any] = field(
        default_factory=lambda: {"request_id": REQUEST_ID, "run_id": RUN_ID, "status": "accepted"}
    )
    fails: bool = False
    commands: list[dict[str, Any]] = field(default_factory=list)
    json_answers: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @contextmanager
    def served(self, monkeypatch: "pytest.MonkeyPatch") -> Iterator[None]:
        """Let boto3 reach this account until the end of the block."""
        with ThreadingHTTPServer(("127.0.0.1", 0), self._handler()) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for name, value in {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                "AWS_DEFAULT_REGION": "eu-central-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            }.items():
                monkeypatch.setenv(name, value)
            yield
            server.shutdown()

    def _handler(account) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the server's handler below
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/preprocessor/invocations"):
                    account.commands.append(json.loads(body))
                    self._send(200, json.dumps(account.answer), fails=account.fails)
                    return
                if operation := self.headers.get("X-Amz-Target", "").rpartition(".")[2]:
                    account.asked.append((operation, json.loads(body)))
                    status, answer = account.json_answers[operation]
                    self._send(status, json.dumps(answer))
                    return
                (asked,) = parse_qs(body.decode()).get("StackName", [None])
                names = [name for name in account.stacks if asked in {None, name}]
                self._send(200, describe(account.stacks, names)) if names or not asked else self._send(400, NO_STACK)

            def _send(self, status: int, text: str, *, fails: bool = False) -> None:
                self.send_response(status)
                if fails:
                    self.send_header("X-Amz-Function-Error", "Unhandled")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Stay silent."""

        return Handler


def describe(stacks: Mapping[str, Mapping[str, str]], names: list[str]) -> str:
    members = [
        f"<member><StackName>{name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>"
        f"<CreationTime>2024-01-01T00:00:00Z</CreationTime><Outputs>{outputs(stacks[name])}</Outputs></member>"
        for name in names
    ]
    result = f"<DescribeStacksResult><Stacks>{''.join(members)}</Stacks></DescribeStacksResult>"
    return f"<DescribeStacksResponse>{result}</DescribeStacksResponse>"


def outputs(values: Mapping[str, str]) -> str:
    return "".join(
        f"<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"
        for name, value in values.items()
    )
