"""One function: an HTTP event goes to the application, a batch to the consumers, and nothing goes both ways."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from a2wsgi import WSGIMiddleware
from fastapi import BackgroundTasks, Depends, FastAPI, Request
from flask import Flask
from flask import request as flask_request
from hypothesis import HealthCheck, given, settings

from tests.tsunagu.runtime.aws_events import EVENTS, Event
from tests.tsunagu.runtime.receiving.test_event_kinds import VALUES
from tests.tsunagu.runtime.web.web_world import WebWorld, typed
from tests.tsunagu.runtime.world import record
from tsunagu.runtime.errors import UnroutableEventError
from tsunagu.runtime.receiving.events import HTTP_KINDS, EventKind
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.web.background import BackgroundTaskError
from tsunagu.runtime.web.current import current_outbox
from tsunagu.runtime.web.lifespan import ApplicationStartError
from tsunagu.testing.events.http import function_url_event as function_url
from tsunagu.testing.events.http import http_api_1_event as http_api_1
from tsunagu.testing.events.http import http_api_event as http_api
from tsunagu.testing.events.http import load_balancer_event as load_balancer
from tsunagu.testing.events.http import rest_api_event as rest_api

QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/1/next"


@dataclass
class Placed:
    order_id: str


@dataclass
class Seen:
    requests: list[str]
    messages: list[str]


@pytest.fixture
def seen(world: WebWorld) -> Seen:
    """Give the world an application and a consumer that note what they get."""
    noted = Seen([], [])
    world.app = app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def anything(request: Request, path: str) -> dict[str, Any]:
        noted.requests.append(path)
        return {"body": (await request.body()).decode(), "path": path}

    @world.on("order.placed")
    def place(order: Placed) -> None:
        noted.messages.append(order.order_id)

    return noted


@pytest.mark.parametrize(("kind", "event"), EVENTS.values(), ids=EVENTS)
def test_each_event_of_aws_goes_its_own_way(world: WebWorld, seen: Seen, kind: EventKind, event: Event) -> None:
    if kind in HTTP_KINDS:
        assert world.handle(event)["statusCode"] == 200
        assert (len(seen.requests), seen.messages) == (1, [])
    elif kind is EventKind.SQS:
        assert world.handle(event) == {"batchItemFailures": []}
        assert seen.requests == []
        assert len(world.dead_letter_queue.sent) == len(event["Records"])  # none of them has a type
    else:
        expected = "must be invoked by HTTP or its queue, got "
        with pytest.raises(
            UnroutableEventError, match=expected + ("an event from " + kind if kind.value != EventKind.UNKNOWN else "")
        ):
            world.handle(event)
        assert (seen.requests, seen.messages, world.store.items) == ([], [], {})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_nothing_made_up_is_silently_accepted(event: object) -> None:
    world = WebWorld()
    world.app = FastAPI()
    world.on("order.placed")(lambda_free)

    with pytest.raises(UnroutableEventError):
        world.handle(event)


def lambda_free(order: Placed) -> None: ...


@pytest.mark.parametrize("make", [http_api, http_api_1, function_url, rest_api, load_balancer])
def test_records_in_a_body_are_a_body(world: WebWorld, seen: Seen, make: Any) -> None:
    body = json.dumps({"Records": [typed("order.placed")]})

    answer = world.handle(make("POST", "/orders", body=body))

    assert json.loads(answer["body"]) == {"body": body, "path": "orders"}
    assert (seen.messages, world.store.items) == ([], {})


def test_http_event_in_a_message_is_a_message(world: WebWorld, seen: Seen) -> None:
    hidden = record({**http_api("POST", "/orders"), "order_id": "o-1"}, attributes={"type": "order.placed"})

    assert world.receive_typed(hidden) == []
    assert (seen.requests, seen.messages) == ([], ["o-1"])


def test_message_of_another_queue_is_refused(world: WebWorld, seen: Seen) -> None:
    stranger = {**typed("order.placed"), "eventSourceARN": "arn:aws:sqs:eu-central-1:1:other"}

    with pytest.raises(UnroutableEventError, match="got one from another queue"):
        world.receive_typed(stranger)
    assert seen.messages == []


def test_function_without_consumers_refuses_messages() -> None:
    world = WebWorld()
    world.app = FastAPI()

    with pytest.raises(UnroutableEventError, match="must be invoked by HTTP, got an event from SQS"):
        world.receive_typed(typed("order.placed"))


def test_function_without_an_application_refuses_requests(world: WebWorld) -> None:
    world.on("order.placed")(lambda_free)

    with pytest.raises(UnroutableEventError, match="must be invoked by its queue, got an event from an HTTP API"):
        world.handle(http_api())


def test_lifespan_and_loop_are_those_of_the_sandbox_and_not_of_an_invocation(world: WebWorld) -> None:
    events: list[str] = []
    loops: set[object] = set()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        events.append("started")
        app.state.client = "client"
        loops.add(asyncio.get_running_loop())
        yield {"name": "state"}
        events.append("stopped")

    world.app = app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def read(request: Request) -> str:
        loops.add(asyncio.get_running_loop())
        return f"{request.app.state.client} {request.state.name}"

    @world.on("order.placed")
    async def place(_order: Placed) -> None:
        loops.add(asyncio.get_running_loop())
        events.append(app.state.client)

    world.receive_typed(typed("order.placed"))
    answers = [world.request("GET", "/")[1] for _ in range(3)]
    world.receive_typed(typed("order.placed", "o-2", "m-2"))

    assert answers == ["client state"] * 3
    assert events == ["started", "client", "client"]
    assert len(loops) == 1
    world.close()
    assert events[-1] == "stopped"


def test_request_cannot_change_the_state_of_the_next_one(world: WebWorld) -> None:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, int]]:
        yield {"number": 0}

    world.app = app = FastAPI(lifespan=lifespan)

    @app.get("/")
    def read(request: Request) -> int:
        request.state.number += 1
        number: int = request.state.number
        return number

    assert [world.request("GET", "/")[1] for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("is_queue", [True, False])
def test_failed_start_fails_the_invocation_and_the_next_one_starts_anew(world: WebWorld, is_queue: bool) -> None:
    failures = [ValueError("secret-4711")]
    consumed: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if failures:
            raise failures.pop()
        yield

    world.app = FastAPI(lifespan=lifespan)

    @world.on("order.placed")
    def place(order: Placed) -> None:
        consumed.append(order.order_id)

    event = {"Records": [typed("order.placed")]} if is_queue else http_api("GET", "/docs")
    with pytest.raises(ApplicationStartError, match=r"^the application must start, got ValueError$"):
        world.handle(event)
    assert (consumed, world.store.items) == ([], {})

    assert world.handle(event)
    assert consumed == (["o-1"] if is_queue else [])


@pytest.mark.parametrize("ends", ["raises", "returns"])
def test_application_that_knows_no_lifespan_needs_no_start(world: WebWorld, ends: str) -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            if ends == "raises":
                raise NotImplementedError
            return
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    world.app = app

    assert world.handle(http_api())["statusCode"] == 204
    world.close()


def test_background_tasks_raise_in_lambda_with_the_reason(world: WebWorld) -> None:
    caught: list[BaseException] = []
    world.app = app = FastAPI()

    @app.exception_handler(BackgroundTaskError)
    async def note(_request: Request, error: Exception) -> Any:
        caught.append(error)
        raise error

    @app.post("/")
    def create(tasks: BackgroundTasks) -> str:
        tasks.add_task(print, "never")
        return "created"

    @app.post("/unused")
    def create_without(_tasks: BackgroundTasks) -> str:
        return "created"

    assert world.request("POST", "/")[0] == 500
    assert world.request("POST", "/unused")[0] == 200
    assert "send a message by the outbox instead" in str(caught[0])
    BackgroundTasks().add_task(print)  # elsewhere they work as before


def test_problem_is_text_and_no_base64(world: WebWorld) -> None:
    world.app = app = FastAPI()

    @app.post("/")
    def create(_outbox: Annotated[Outbox, Depends(current_outbox)]) -> str:
        return "created"

    answer = world.handle(rest_api("POST", "/"))
    assert answer["isBase64Encoded"] is False
    assert json.loads(answer["body"])["status"] == 400


def test_base_path_of_a_custom_domain_is_left_out(world: WebWorld, seen: Seen) -> None:
    world.base_path = "/shop"

    assert world.request("GET", "/shop/orders")[0] == 200
    assert seen.requests == ["orders"]


@pytest.mark.parametrize("make", [http_api, http_api_1, function_url, rest_api, load_balancer])
def test_length_of_a_body_is_known_where_the_event_does_not_say_it(world: WebWorld, make: Any) -> None:
    world.app = app = FastAPI()

    @app.post("/")
    async def create(request: Request) -> list[object]:
        return [request.headers.get("content-length"), len(await request.body())]

    assert json.loads(world.handle(make("POST", "/", body="äöü"))["body"]) == ["6", 6]


def test_wsgi_application_works_through_a2wsgi(world: WebWorld) -> None:
    flask = Flask("orders")
    world.app = WSGIMiddleware(flask)  # type: ignore[arg-type]

    @flask.post("/orders")
    def create() -> tuple[dict[str, object], int]:
        order = flask_request.get_json()
        current_outbox().send(QUEUE_URL, order["order_id"])
        return order, 201

    @world.on("order.placed")
    def place(order: Placed, message: Message) -> None:
        message.put("orders", {"order_id": order.order_id})

    first = world.request("POST", "/orders", {"order_id": "o-1"}, key="k-1")
    again = world.request("POST", "/orders", {"order_id": "o-1"}, key="k-1")
    without = world.request("POST", "/orders", {"order_id": "o-1"})

    assert [first[:2], again[:2]] == [(201, {"order_id": "o-1"})] * 2
    assert (without[0], world.bodies_sent()) == (400, ["o-1"])
    assert world.receive_typed(typed("order.placed")) == []
    assert world.effects() == ["o-1"]
