"""A proxy between handlers and the embedded cloud that throttles, fails, loses answers, and kills who calls."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from tests.correctness.callers import process_at_port
from tests.correctness.faults import Fate, Fault, Kill

HOST = "127.0.0.1"
UPSTREAM_SECONDS = 30.0
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})
_ERRORS = {
    Fault.THROTTLED: (400, "ThrottlingException"),
    Fault.FAILED: (500, "InternalServerError"),
}

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
    """One connection of a handler's client, and one to the cloud behind it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    proxy: ClassVar[FaultProxy]
    upstream: ClassVar[tuple[str, int]]

    def setup(self) -> None:
        """Open the way to the cloud."""
        super().setup()
        self._cloud = HTTPConnection(*self.upstream, timeout=UPSTREAM_SECONDS)

    def finish(self) -> None:
        """Close the way to the cloud."""
        self._cloud.close()
        with suppress(OSError):  # what is left to write has no reader
            super().finish()

    def log_message(self, *_parts: Any) -> None:
        """Say nothing: the counts say it."""

    def do_POST(self) -> None:
        """Pass a call on, as fate has it."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        plan = self.proxy.fate.draw(is_store=self.headers.get("X-Amz-Target", "").startswith("DynamoDB"))
        if plan.kill is Kill.BEFORE:
            self._kill(plan.kill)
            return
        answer = self._error(plan.fault) if plan.fault in _ERRORS else self._pass_on(body)
        if plan.kill is Kill.APPLIED:
            self._kill(plan.kill)
            return
        if plan.fault is not None:
            self.proxy.fate.count(plan.fault)
        if plan.fault is Fault.ANSWER_LOST:
            self.close_connection = True
            return
        with suppress(OSError):  # who called may have been killed by another of its calls
            self._answer(answer)
        if plan.kill is Kill.ANSWERED:
            self._kill(plan.kill)

    def _kill(self, kill: Kill) -> None:
        self.proxy.kill_caller(self.client_address[1], kill)
        self.close_connection = True

    def _pass_on(self, body: bytes) -> Answer:
        self._cloud.request("POST", self.path, body, dict(self.headers.items()))
        response = self._cloud.getresponse()
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
        return response.status, headers, response.read()

    @staticmethod
    def _error(fault: Fault) -> Answer:
        status, code = _ERRORS[fault]
        body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": f"{fault} by the fault proxy"}
        return status, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(body).encode()

    def _answer(self, answer: Answer) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
