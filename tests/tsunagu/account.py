"""A server that answers as CloudFormation and Lambda do: moto's CloudFormation needs its larger extras."""

import json
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

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
            An operation without an answer finds no resource.
        asked: What those with an answer were asked: operations and bodies.
        templates: Template of each stack, by its name; an empty one for others.
        physical_ids: Physical ids of their resources, by logical id.
        rest_answers: What Lambda answers to a GET, by the end of the path.
        protected: Stacks with termination protection.
        lines: Log lines that were written, as JSON.
        denied_groups: Log groups to which the caller may not write.
        groups: Log groups of the streams that were made.
    """

    stacks: dict[str, Mapping[str, str]] = field(default_factory=dict)
    answer: dict[str, Any] = field(
        default_factory=lambda: {"request_id": REQUEST_ID, "run_id": RUN_ID, "status": "accepted"}
    )
    fails: bool = False
    commands: list[dict[str, Any]] = field(default_factory=list)
    json_answers: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    templates: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    physical_ids: dict[str, str] = field(default_factory=dict)
    rest_answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    lines: list[dict[str, Any]] = field(default_factory=list)
    denied_groups: set[str] = field(default_factory=set)
    groups: list[str] = field(default_factory=list)

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

    def answer_json(self, operation: str, body: dict[str, Any]) -> tuple[int, str]:
        if body.get("logGroupName") in self.denied_groups:
            return 400, json.dumps({"__type": "AccessDeniedException"})
        if operation == "CreateLogStream":
            self.groups.append(body["logGroupName"])
        if operation == "PutLogEvents":
            self.lines += [json.loads(event["message"]) for event in body["logEvents"]]
        if operation not in self.json_answers:
            known = operation in {"CreateLogGroup", "CreateLogStream", "PutLogEvents"}
            return (200, "{}") if known else (400, json.dumps({"__type": "ResourceNotFoundException"}))
        self.asked.append((operation, body))
        status, answer = self.json_answers[operation]
        return status, json.dumps(answer)

    def answer_query(self, asked: Mapping[str, str]) -> tuple[int, str]:
        action, name = asked["Action"], asked.get("StackName")
        if action == "GetCallerIdentity":
            return 200, result(action, "<Arn>arn:aws:iam::111122223333:user/operator</Arn>")
        if name is not None and name not in self.stacks:
            return 400, NO_STACK
        if action == "GetTemplate":
            return 200, result(action, f"<TemplateBody>{escape(json.dumps(self.template(str(name))))}</TemplateBody>")
        if action == "ListStackResources":
            return 200, result(action, self._resources(str(name)))
        return 200, describe(self.stacks, [each for each in self.stacks if name in {None, each}], self.protected)

    def template(self, stack: str) -> Mapping[str, Any]:
        return self.templates.get(stack, {"Resources": {}})

    def _resources(self, stack: str) -> str:
        members = "".join(
            f"<member><LogicalResourceId>{name}</LogicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus>"
            f"<PhysicalResourceId>{self.physical_ids.get(name, name)}</PhysicalResourceId>"
            f"<LastUpdatedTimestamp>2024-01-01T00:00:00Z</LastUpdatedTimestamp>"
            f"<ResourceType>{resource['Type']}</ResourceType></member>"
            for name, resource in self.template(stack)["Resources"].items()
        )
        return f"<StackResourceSummaries>{members}</StackResourceSummaries>"

    def _handler(account) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the server's handler below
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                answer = next((each for end, each in account.rest_answers.items() if path.endswith(end)), None)
                error = "" if answer else "ResourceNotFoundException"
                self._send(200 if answer else 404, json.dumps(answer or {}), error=error)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/preprocessor/invocations"):
                    account.commands.append(json.loads(body))
                    self._send(200, json.dumps(account.answer), fails=account.fails)
                    return
                if operation := self.headers.get("X-Amz-Target", "").rpartition(".")[2]:
                    self._send(*account.answer_json(operation, json.loads(body)))
                    return
                self._send(*account.answer_query({name: each[0] for name, each in parse_qs(body.decode()).items()}))

            def _send(self, status: int, text: str, *, fails: bool = False, error: str = "") -> None:
                self.send_response(status)
                self.send_header("X-Amzn-ErrorType", error)
                if fails:
                    self.send_header("X-Amz-Function-Error", "Unhandled")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Stay silent."""

        return Handler


def result(action: str, content: str) -> str:
    return f"<{action}Response><{action}Result>{content}</{action}Result></{action}Response>"


def describe(stacks: Mapping[str, Mapping[str, str]], names: list[str], protected: Collection[str] = ()) -> str:
    members = [
        f"<member><StackName>{name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>"
        f"<EnableTerminationProtection>{str(name in protected).lower()}</EnableTerminationProtection>"
        f"<CreationTime>2024-01-01T00:00:00Z</CreationTime><Outputs>{outputs(stacks[name])}</Outputs></member>"
        for name in names
    ]
    return result("DescribeStacks", f"<Stacks>{''.join(members)}</Stacks>")


def outputs(values: Mapping[str, str]) -> str:
    return "".join(
        f"<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"
        for name, value in values.items()
    )
