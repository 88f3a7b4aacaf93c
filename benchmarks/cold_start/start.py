"""Start once, and print what it cost: `python start.py payments`, with the asset on the path.

A file of its own and not a module of a package, so that the process loads nothing of this project but the asset.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Context:
    """The context of an invocation, as far as the runtime and Powertools read it."""

    function_name = "payments"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that the invocation has left, in milliseconds."""
        return 30_000


OTHER_QUEUE = {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:another"}
NOWHERE = {
    "version": "2.0",
    "rawPath": "/nowhere",
    "rawQueryString": "",
    "headers": {"host": "a.execute-api.us-east-1.amazonaws.com"},
    "requestContext": {"http": {"method": "GET", "path": "/nowhere", "sourceIp": "203.0.113.7"}},
    "isBase64Encoded": False,
}


def payments() -> object:
    """Import the payments handler, and build its receiver with its client.

    The first invocation builds the receiver. This one brings an event without records, which is refused after that.
    """
    from lambdas.payments.handler import handler  # noqa: PLC0415 - what is measured
    from tsunagu.runtime.errors import UnroutableEventError  # noqa: PLC0415

    with contextlib.suppress(UnroutableEventError):
        handler({}, Context())
    return handler


def payments_message() -> object:
    """Import the payments handler, and process the first message."""
    from lambdas.payments.handler import handler  # noqa: PLC0415 - what is measured

    return _processed(handler)


def powertools_message() -> object:
    """Import a handler with Powertools' batch and idempotency, and process the first message."""
    from powertools_handler import handler  # type: ignore[import-not-found] # noqa: PLC0415 - what is measured

    return _processed(handler)


def _processed(handler: Callable[[object, Context], Any]) -> object:
    answer = handler(json.loads(os.environ["EVENT"]), Context())
    assert answer == {"batchItemFailures": []}, answer  # noqa: S101
    return handler


def order_api() -> object:
    """Import the handler of the orders with its application, and answer the first request, which has no route.

    The first request starts the application, and builds the client.
    """
    from lambdas.order_api.handler import handler  # noqa: PLC0415 - what is measured

    assert handler(NOWHERE, Context())["statusCode"] == 404  # noqa: S101, PLR2004
    return handler


def order_queue() -> object:
    """Import the handler of the orders, and build the receiver of its queue with its client.

    The first batch builds the receiver. This one is of another queue, which is refused after that.
    """
    from lambdas.order_api.handler import handler  # noqa: PLC0415 - what is measured
    from tsunagu.runtime.errors import UnroutableEventError  # noqa: PLC0415

    with contextlib.suppress(UnroutableEventError):
        handler({"Records": [OTHER_QUEUE]}, Context())
    assert not {"fastapi", "mangum", "asyncio"} & sys.modules.keys()  # noqa: S101 - the queue path needs none of them
    return handler


def bare_web() -> object:
    """Import FastAPI and Mangum, and build a client."""
    import boto3  # noqa: PLC0415 - what is measured
    import fastapi  # noqa: PLC0415
    import mangum  # noqa: PLC0415

    return boto3.client("dynamodb"), fastapi, mangum


def bare() -> object:
    """Import boto3, and build a client."""
    import boto3  # noqa: PLC0415 - what is measured

    return boto3.client("dynamodb")


def resident_kib() -> int:
    """Return the memory that this process holds, in KiB; getrusage would tell of the parent's before the exec."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0])


if __name__ == "__main__":
    wall, cpu = time.perf_counter(), time.process_time()
    programs = (payments, payments_message, powertools_message, order_api, order_queue, bare_web, bare)
    kept = {each.__name__: each for each in programs}[sys.argv[1]]()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"wall": wall, "cpu": cpu, "resident_kib": resident_kib()}))  # noqa: T201 - how the parent learns
