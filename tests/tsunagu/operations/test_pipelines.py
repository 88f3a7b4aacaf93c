"""Start and replay against a server that answers as CloudFormation and Lambda do."""

import json
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tsunagu.cli import main

REQUEST_ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071"
RUN_ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6072"
NO_STACK = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
    "<Message>Stack does not exist</Message></Error></ErrorResponse>"
)
STACK = (
    "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>"
    "<StackName>{}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>"
    "<CreationTime>2024-01-01T00:00:00Z</CreationTime><Outputs><member>"
    "<OutputKey>PreprocessorFunctionName</OutputKey><OutputValue>preprocessor</OutputValue>"
    "</member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
)


@dataclass
class Account:
    """A stack `tsunagu-dev-order-pipeline` whose preprocessor answers as it is told.

    Attributes:
        answer: What the preprocessor answers.
        fails: Whether that is an error.
        questions: What it was asked.
    """

    answer: dict[str, Any] = field(
        default_factory=lambda: {"request_id": REQUEST_ID, "run_id": RUN_ID, "status": "accepted"}
    )
    fails: bool = False
    questions: list[dict[str, Any]] = field(default_factory=list)

    def handler(account) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the server's handler below
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/preprocessor/invocations"):
                    account.questions.append(json.loads(body))
                    self._send(200, json.dumps(account.answer), fails=account.fails)
                elif b"StackName=tsunagu-dev-order-pipeline" in body:
                    self._send(200, STACK.format("tsunagu-dev-order-pipeline"))
                else:
                    self._send(400, NO_STACK)

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


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    told = Account()
    with HTTPServer(("127.0.0.1", 0), told.handler()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }.items():
            monkeypatch.setenv(name, value)
        yield told
        server.shutdown()


@pytest.fixture
def order(tmp_path: Path) -> str:
    path = tmp_path / "order.json"
    path.write_text('{"order_id": "o-1", "注文": "繋ぐ"}', encoding="utf-8")
    return str(path)


@dataclass(frozen=True)
class Result:
    code: int | str | None
    out: str
    err: str


@pytest.fixture
def tsunagu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["tsunagu", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        printed = capsys.readouterr()
        return Result(leaving.value.code, printed.out, printed.err)

    return run


def test_start_sends_the_document_and_prints_the_request_id(account: Account, order: str, tsunagu: Any) -> None:
    result = tsunagu("start", "orders", "--file", order, "--key", "k-1", "--from", "ship")

    assert (result.code, result.out) == (0, f"{REQUEST_ID}\n")
    assert result.err == f"run {RUN_ID} started\n"
    payload = {"order_id": "o-1", "注文": "繋ぐ"}
    assert account.questions == [{"action": "start", "payload": payload, "idempotency_key": "k-1", "from_step": "ship"}]


def test_start_without_a_key_has_one_of_its_own_so_that_a_repeated_call_starts_nothing_twice(
    account: Account, order: str, tsunagu: Any
) -> None:
    tsunagu("start", "orders", "--file", order)
    tsunagu("start", "orders", "--file", order)

    keys = {question["idempotency_key"] for question in account.questions}
    assert len(keys) == 2
    assert {UUID(key).version for key in keys} == {7}


def test_start_says_that_a_key_was_used_before(account: Account, order: str, tsunagu: Any) -> None:
    account.answer["status"] = "duplicate"

    result = tsunagu("start", "orders", "--file", order, "--key", "k-1")

    assert (result.out, result.err) == (f"{REQUEST_ID}\n", f"run {RUN_ID} was started before\n")


def test_replay_asks_for_the_step_and_prints_the_new_run(account: Account, order: str, tsunagu: Any) -> None:
    result = tsunagu("replay", REQUEST_ID, "--from", "reserve", "--only", "billing", "--payload", order)

    assert (result.code, result.out) == (0, f"{RUN_ID}\n")
    (question,) = account.questions
    assert UUID(question.pop("idempotency_key")).version == 7
    assert question == {
        "action": "replay",
        "request_id": REQUEST_ID,
        "from_step": "reserve",
        "only": "billing",
        "payload": {"order_id": "o-1", "注文": "繋ぐ"},
    }


def test_what_the_preprocessor_refuses_is_one_sentence(account: Account, tsunagu: Any) -> None:
    account.fails = True
    account.answer = {"errorType": "UnknownStepError", "errorMessage": "the step must be reserve or ship, got pack"}

    result = tsunagu("replay", REQUEST_ID, "--from", "pack")

    assert (result.code, result.out) == (1, "")
    assert result.err == ("error: the preprocessor must accept it, got: the step must be reserve or ship, got pack\n")


@pytest.mark.parametrize("error_type", ["RequestInProgressError", "NotPublishedError", "Sandbox.Timedout"])
def test_what_may_be_asked_again_is_told_with_its_key(
    account: Account, order: str, tsunagu: Any, error_type: str
) -> None:
    account.fails = True
    account.answer = {"errorType": error_type, "errorMessage": "ask again with the same key"}

    result = tsunagu("start", "orders", "--file", order)

    key = account.questions[0]["idempotency_key"]
    assert result.err == (
        f"error: the preprocessor must accept it, got: ask again with the same key; the key is {key}\n"
    )


@pytest.mark.parametrize("request_id", ["../x", "x", REQUEST_ID.upper(), f"{REQUEST_ID}/x"])
def test_what_is_no_request_id_is_refused_before_anything_is_called(
    account: Account, tsunagu: Any, request_id: str
) -> None:
    result = tsunagu("replay", request_id, "--from", "ship")

    assert (result.code, result.out) == (1, "")
    assert re.match("error: the request id must be a UUID of version 7 in lower case, got ", result.err)
    assert account.questions == []


def test_a_pipeline_that_is_not_deployed_is_named(account: Account, order: str, tsunagu: Any) -> None:
    result = tsunagu("start", "orders", "--file", order, "--stage", "prod")

    assert result.code == 1
    assert result.err.startswith("error: the stack tsunagu-prod-order-pipeline must be deployed, got none of this name")


def test_a_document_too_large_to_invoke_with_is_refused(account: Account, tmp_path: Path, tsunagu: Any) -> None:
    path = tmp_path / "order.json"
    path.write_text(json.dumps({"note": "x" * 6_291_456}))

    result = tsunagu("start", "orders", "--file", str(path))

    assert result.code == 1
    assert result.err.startswith("error: the payload must fit into an invocation of 6,291,456 bytes, got 6,291,")
    assert account.questions == []


def test_half_a_surrogate_pair_is_refused(account: Account, tmp_path: Path, tsunagu: Any) -> None:
    path = tmp_path / "order.json"
    path.write_text('{"note": "\\ud800"}')

    result = tsunagu("start", "orders", "--file", str(path))

    assert (result.code, result.err) == (
        1,
        "error: the payload must be Unicode text, got half a surrogate pair\n",
    )
