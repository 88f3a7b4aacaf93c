"""A proxy between handlers and the embedded cloud that throttles, fails, loses answers, and kills who calls."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from tsunagu.testing.cloud.callers import process_at_port
from tsunagu.testing.cloud.faults import Fate, Fault, Kill

HOST = "127.0.0.1"
UPSTREAM_SECONDS = 30.0
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})
_ERRORS = {
    Fault.THROTTLED: (400, "ThrottlingException"),
    Fault.FAILED: (500, "InternalServerError"),
}
_BATCH = "DynamoDB_20120810.BatchExecuteStatement"
_STATEMENT_THROTTLED = {"Error": {"Code": "ThrottlingError", "Message": "throttled by the fault proxy"}}

Answer = tuple[int, list[tuple[str, str]], bytes]


class FaultProxy:
    """Serves on a port of 127.0.0.1 of its own, until the end of a `with` block.

    Args:
        upstream_url: Address of the embedded cloud.
        fate: What happens to which call.
        handler_processes: Gives the ids of the processes that may be killed.

    Attributes:
        url: Address that handlers are told instead of the cloud's.
        fate: What happens to which call, and what happened.
    """

    def __init__(self, upstream_url: str, fate: Fate, handler_processes: Callable[[], Iterable[int]]) -> None:
        self.fate = fate
        self._handler_processes = handler_processes
        address = urlsplit(upstream_url)
        settings = {"proxy": self, "upstream": (address.hostname, address.port)}
        self._server = ThreadingHTTPServer((HOST, 0), type("BoundConnection", (_Connection,), settings))
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def kill_caller(self, port: int, kill: Kill) -> None:
        """Kill the handler process that holds the connection from `port`, with SIGKILL."""
        process_id = process_at_port(port, self._handler_processes())
        if process_id is not None:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
                self.fate.count(kill)


class _Connection(BaseHTTPRequestHandler):
    """One connection of a handler's client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    proxy: ClassVar[FaultProxy]
    upstream: ClassVar[tuple[str, int]]

    def finish(self) -> None:
        """Close the connection."""
        with suppress(OSError):  # what is left to write has no reader
            super().finish()

    def log_message(self, *_parts: Any) -> None:
        """Say nothing: the counts say it."""

    def do_POST(self) -> None:
        """Pass a call on, as fate has it."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        plan = self.proxy.fate.draw(is_store=target.startswith("DynamoDB"), is_batch=target == _BATCH)
        if plan.kill is Kill.BEFORE:
            self._kill(plan.kill)
            return
        answer = self._answer_to(body, plan.fault)
        if plan.kill is Kill.APPLIED:
            self._kill(plan.kill)
            return
        if plan.fault is not None:
            self.proxy.fate.count(plan.fault)
        if plan.fault is Fault.ANSWER_LOST:
            self.close_connection = True
            return
        with suppress(OSError):  # who called may have been killed by another of its calls
            self._write(answer)
        if plan.kill is Kill.ANSWERED:
            self._kill(plan.kill)

    def _kill(self, kill: Kill) -> None:
        self.proxy.kill_caller(self.client_address[1], kill)
        self.close_connection = True

    def _answer_to(self, body: bytes, fault: Fault | None) -> Answer:
        if fault in _ERRORS:
            return self._error(fault)
        return self._pass_on_partly(body) if fault is Fault.PARTLY_THROTTLED else self._pass_on(body)

    def _pass_on(self, body: bytes) -> Answer:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        with closing(HTTPConnection(*self.upstream, timeout=UPSTREAM_SECONDS)) as cloud:
            cloud.request("POST", self.path, body, headers)
            response = cloud.getresponse()
            kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
            return response.status, kept, response.read()

    def _pass_on_partly(self, body: bytes) -> Answer:
        """Pass on all but the last statement of a batch, and answer that one here."""
        call = json.loads(body)
        *rest, _ = call["Statements"]
        answers = []
        if rest:
            status, headers, content = self._pass_on(json.dumps({**call, "Statements": rest}).encode())
            if status != HTTPStatus.OK:
                return status, headers, content
            answers = json.loads(content)["Responses"]
        return _json_answer(HTTPStatus.OK, {"Responses": [*answers, _STATEMENT_THROTTLED]})

    @staticmethod
    def _error(fault: Fault) -> Answer:
        status, code = _ERRORS[fault]
        body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": f"{fault} by the fault proxy"}
        return _json_answer(status, body)

    def _write(self, answer: Answer) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _json_answer(status: int, body: object) -> Answer:
    return status, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(body).encode()
