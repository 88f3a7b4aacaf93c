"""`make bench-web`: requests a second of a shared handler beside plain Mangum, in turn in one process.

All three serve one FastAPI application, one request each in turn. The CPU time of each request is measured, because the
machine may do other work. A request has no `Idempotency-Key`, so that no call to AWS is part of it.
"""

# ruff: noqa: T201 - a report is printed

import argparse
import json
import logging
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from mangum import Mangum

from benchmarks.figures import Ratio, print_ratios
from benchmarks.paths import child_environment
from benchmarks.receiver_environment import receiver_environment
from tests.tsunagu.runtime.world import FakeContext
from tsunagu import MessageRouter
from tsunagu.contracts.web import WebEnvironment
from tsunagu.testing import http_api_event

Handler = Callable[[Any, Any], Mapping[str, Any]]

REQUESTS = 3_000
WARM_UPS = 100
ANSWERS = (200, 201)
OURS, MANGUM, BARE = "MessageRouter(app)", "Mangum(app)", 'Mangum(app, lifespan="off")'


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=REQUESTS, help="requests of each shape to each handler")
    count = arguments.parse_args().requests
    os.environ.update(_environment())
    logging.getLogger("mangum").setLevel(logging.WARNING)
    handlers = _handlers()
    ratios = []
    for shape, event in _events().items():
        medians = _measured(handlers, event, count)
        print(f"{shape}: medians of {count:,} requests to each.\n")
        for name, nanoseconds in medians.items():
            print(f"{name:<30}{1e9 / nanoseconds:>10,.0f} requests a second of CPU")
        print()
        suffix = "" if shape == "GET" else f".{shape.lower()}"
        for other, name in ((MANGUM, "web.requests"), (BARE, "web.requests_without_lifespan")):
            ratios.append(Ratio(name + suffix, medians[other] / medians[OURS], ">= 0.95" if other is MANGUM else ""))
    print_ratios(ratios)


def _application() -> FastAPI:
    app = FastAPI()

    async def tenant() -> str:
        return "t-1"

    @app.get("/orders/{order_id}")
    async def read(order_id: str, tenant: Annotated[str, Depends(tenant)]) -> dict[str, str]:
        return {"order_id": order_id, "tenant": tenant}

    @app.post("/orders", status_code=201)
    async def create(order: dict[str, str]) -> dict[str, str]:
        return order

    return app


def _handlers() -> dict[str, Handler]:
    app = _application()
    router = MessageRouter(app, scope="orders")
    router.on("order.placed", key="order_id")(_consume)
    return {OURS: router.handler(), MANGUM: Mangum(app), BARE: Mangum(app, lifespan="off")}


@dataclass
class _Order:
    order_id: str


def _consume(order: _Order) -> None:
    """Consume nothing: the benchmark sends no message."""


def _events() -> dict[str, Any]:
    body = json.dumps({"order_id": "o-1", "item": "x" * 200})
    headers = {"content-length": str(len(body))}
    return {
        "GET": http_api_event("GET", "/orders/o-1"),
        "POST": http_api_event("POST", "/orders", body=body, headers=headers),
    }


def _environment() -> dict[str, str]:
    web = WebEnvironment(
        idempotency_table_name="items",
        idempotency_window_seconds=86_400,
        function_timeout_seconds=20,
        metrics_namespace="Benchmarks",
    )
    return {**child_environment(), **receiver_environment("items").to_environment(), **web.to_environment()}


def _measured(handlers: Mapping[str, Handler], event: Any, count: int) -> dict[str, float]:
    """Return the median CPU time of a request to each handler, in nanoseconds. Each handler is first as often."""
    names, context = [*handlers], FakeContext()
    taken: dict[str, list[int]] = {name: [] for name in names}
    for number in range(WARM_UPS + count):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = time.thread_time_ns()
            answer = handlers[name](event, context)
            taken[name].append(time.thread_time_ns() - start)
            if answer["statusCode"] not in ANSWERS:  # an answer that is none would be quick
                msg = f"the application must answer, got {answer['statusCode']}"
                raise RuntimeError(msg)
    return {name: statistics.median(each[WARM_UPS:]) for name, each in taken.items()}


if __name__ == "__main__":
    main()
