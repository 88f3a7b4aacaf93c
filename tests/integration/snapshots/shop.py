"""A web application with a queue. Its start, which opens what belongs to one sandbox, is counted."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from tsunagu import Message, MessageRouter, RetryableError

starts: list[str] = []


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    starts.append(secrets.token_hex())
    yield


app = FastAPI(lifespan=lifespan)
router = MessageRouter(app, scope="orders")


@dataclass
class Order:
    order_id: str


@router.on("order.placed", key="order_id")
async def place(order: Order, message: Message) -> None:
    msg = f"{order.order_id} must wait"
    raise RetryableError(msg)


@app.get("/starts")
def show() -> list[str]:
    return starts


handler = router.handler()
