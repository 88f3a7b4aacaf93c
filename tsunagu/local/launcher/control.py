"""Answers two paths that only the tools of this project call.

* `GET /_tsunagu/emulator`: the process id of the emulator.
* `GET /_tsunagu/handlers/<function name>`: the live handler processes of a function, and which of them are busy.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from .ministack_modules import app, lambda_runtime
from .settings import EMULATOR_PATH, HANDLERS_PATH

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def install() -> None:
    """Answer these paths, and pass all others to ministack."""
    serve = app.app

    async def serve_control_first(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if path == EMULATOR_PATH:
            await _answer({"pid": os.getpid()}, send)
        elif path.startswith(HANDLERS_PATH):
            await _answer(_handlers_of(path.removeprefix(HANDLERS_PATH)), send)
        else:
            await serve(scope, receive, send)

    app.app = serve_control_first


async def _answer(content: Any, send: Send) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _handlers_of(function_name: str) -> list[dict[str, Any]]:
    """Return the process id of each live sandbox, and whether it works on an invocation."""
    with lambda_runtime._lock:
        workers = [
            worker
            for key, pool in lambda_runtime._workers.items()
            if key.split(":")[2] == function_name
            for worker in pool
        ]
    processes = [(worker._proc, bool(worker.in_use)) for worker in workers]
    return [
        {"pid": process.pid, "busy": busy}
        for process, busy in processes
        if process is not None and process.poll() is None
    ]
