"""A small application that consumes a queue too, and tells what its task root holds."""

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from tsunagu import Message, MessageRouter

from .environment import ShopEnvironment

TASK_ROOT = Path(__file__).parents[1]

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer every request with the files of the task root."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return
    files = sorted(path.relative_to(TASK_ROOT).as_posix() for path in TASK_ROOT.rglob("*") if path.is_file())
    answer = {"path": scope["path"], "files": files, "mangum": metadata.version("mangum")}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


queue = MessageRouter(app, scope="shop")


@dataclass
class Order:
    """An order."""

    order_id: str


@queue.on("order.placed", key="order_id")
def place(order: Order, message: Message) -> None:
    """Count the order."""
    table = ShopEnvironment.from_environment(os.environ).orders_table_name
    message.update(table, {"id": order.order_id}, "ADD placed :one", values={":one": 1})


handler = queue.handler()
