"""Serve until standard input ends: `python -m benchmarks.dynamodb 5` adds 5 ms to each call; the port is printed."""

import asyncio
import json
import sys
from typing import Any, cast

from benchmarks.dynamodb.tables import CallError, Tables

_HEAD_END = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One kept-alive HTTP connection.

    Args:
        tables: The items.
        delay_seconds: Time between the application of a call and its answer.
    """

    def __init__(self, tables: Tables, delay_seconds: float) -> None:
        self._tables = tables
        self._delay_seconds = delay_seconds
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer a request once it is whole."""
        self._received += data
        head, found, body = self._received.partition(_HEAD_END)
        headers = _headers(head)
        if found and len(body) >= int(headers.get("content-length", 0)):
            self._received = b""
            self._answer(headers.get("x-amz-target", ""), body)

    def _answer(self, target: str, body: bytes) -> None:
        if not target:  # not a call of DynamoDB's: what was called, and what is kept
            self._write(200, {"calls": self._tables.calls, "states": self._tables.states()})
            return
        status = 200
        try:
            answer: Any = self._tables.answer(target.partition(".")[2], json.loads(body))
        except CallError as error:
            status, answer = 400, error.answer
        asyncio.get_running_loop().call_later(self._delay_seconds, self._write, status, answer)

    def _write(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines}


async def serve(delay_ms: float) -> None:
    """Serve on a port of 127.0.0.1 until standard input ends."""
    loop, tables = asyncio.get_running_loop(), Tables()
    server = await loop.create_server(lambda: Connection(tables, delay_ms / 1_000), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - how the parent learns it
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
