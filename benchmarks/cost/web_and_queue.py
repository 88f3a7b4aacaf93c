"""An order that comes by HTTP and is confirmed by the queue of the same function, beside two functions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from mangum import Mangum

from benchmarks.cost.load import Load
from benchmarks.cost.meter import GB, Handler, Meter
from benchmarks.cost.plain import PlainConsumer
from benchmarks.cost.receive_once import ENVIRONMENT, ITEMS, ORDERS, business_item, orders
from benchmarks.cost.usage import Usage, times, total
from tsunagu import IdempotentRequest, Message, MessageRouter, current_request
from tsunagu.contracts.requests import DUE, OPEN
from tsunagu.contracts.web import WebEnvironment
from tsunagu.testing import http_api_event

QUEUE_URL = ENVIRONMENT.queue_url
PLACED = "order.placed"


@dataclass
class Order:
    """An order, as route and consumer read it.

    Attributes:
        order_id: Its key.
        note: Text that makes it as long as the load says.
    """

    order_id: str
    note: str = ""


def ours(load: Load) -> Usage:
    """Return what an order uses with `MessageRouter`: a request with an idempotency key, and its message."""
    meter = Meter(load, {ITEMS: [(OPEN, DUE)]})
    environment = WebEnvironment(
        idempotency_table_name=ITEMS,
        idempotency_window_seconds=ENVIRONMENT.idempotency_window_seconds,
        function_timeout_seconds=ENVIRONMENT.function_timeout_seconds,
        metrics_namespace=ENVIRONMENT.metrics_namespace,
        queue_url=QUEUE_URL,
    )
    with meter.environment(ENVIRONMENT.to_environment(), environment.to_environment()):
        handler = _router(load).handler()
        used = _order_usage(meter, handler, handler)
    return total(used, {"cloudwatch.log-gb": load.access_log_bytes / GB})


def plain(load: Load) -> Usage:
    """Return what an order uses with two functions: one puts it and sends its message, the other has a plain lock."""
    meter = Meter(load)
    consumer = PlainConsumer(meter.client("dynamodb"), locks=ITEMS, table=ORDERS, writes=load.writes)
    return _order_usage(meter, Mangum(_plain_app(meter, consumer), lifespan="off"), consumer.handle)


def _order_usage(meter: Meter, web: Handler, queue: Handler) -> Usage:
    """Return the usage of a request, and of its message."""
    load = meter.load
    records = [_typed(record) for record in orders(load)]
    requests = [_post(record["body"], number) for number, record in enumerate(records)]
    used = [meter.invoke(web, request) for request in (*requests, requests[0])]
    first, again = total(*used[:-1]), used[-1]
    received = [meter.deliver(queue, records) for _ in range(2)]
    return total(
        {"api-gateway.http-request": 1 + load.duplicates},
        times(first, 1 / load.batch),
        times(again, load.duplicates),
        times(total(received[0], times(received[1], load.duplicates)), 1 / load.batch),
    )


def _router(load: Load) -> MessageRouter:
    app = FastAPI()
    router = MessageRouter(app, scope="orders")

    @app.post("/orders", status_code=201)
    def create(order: Order, request: Annotated[IdempotentRequest, Depends(current_request)]) -> dict[str, str]:
        for number in range(load.writes):
            request.put(ORDERS, business_item(order.order_id, number))
        request.outbox.send(QUEUE_URL, _body(order), attributes={"type": PLACED})
        return {"order_id": order.order_id}

    @router.on(PLACED, key="order_id")
    def confirm(order: Order, message: Message) -> None:
        for number in range(load.writes):
            message.put(ORDERS, business_item(order.order_id, number))

    return router


def _plain_app(meter: Meter, consumer: PlainConsumer) -> FastAPI:
    app, queue = FastAPI(), meter.client("sqs")

    @app.post("/orders", status_code=201)
    def create(order: Order) -> dict[str, str]:
        consumer.write(order.order_id)
        queue.send_message(QueueUrl=QUEUE_URL, MessageBody=_body(order))
        return {"order_id": order.order_id}

    return app


def _body(order: Order) -> str:
    return json.dumps({"order_id": order.order_id, "note": order.note})


def _post(body: str, number: int) -> Any:
    headers = {"idempotency-key": f"k-{number}", "content-type": "application/json"}
    return http_api_event("POST", "/orders", body=body, headers=headers)


def _typed(record: dict[str, Any]) -> Mapping[str, Any]:
    return {**record, "messageAttributes": {"type": {"stringValue": PLACED, "dataType": "String"}}}
