"""`MessageRouter` with its clients of AWS: one function answers HTTP and consumes its queue."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import boto3
import pytest
from fastapi import Depends, FastAPI

from tests.integration.test_message_handler import ENVIRONMENT, create_table
from tests.tsunagu.runtime.world import FakeContext, record
from tsunagu import IdempotentRequest, Message, MessageRouter, Outbox, current_outbox, current_request
from tsunagu.contracts.environment import EnvironmentContractError, ReceiverEnvironment
from tsunagu.contracts.web import WebEnvironment
from tsunagu.runtime.errors import UnroutableEventError
from tsunagu.testing.events.http import http_api_event as http_api

PROJECT = Path(__file__).parents[2]
WEB = WebEnvironment(
    idempotency_table_name=ENVIRONMENT.idempotency_table_name,
    idempotency_window_seconds=60,
    function_timeout_seconds=10,
    metrics_namespace="Tsunagu",
    single_writes=True,
)
PLACED = record({"order_id": "o-1"}, attributes={"type": "order.placed"})


def deploy(monkeypatch: pytest.MonkeyPatch, *records: WebEnvironment | ReceiverEnvironment) -> None:
    for each in records:
        for name, value in each.to_environment().items():
            monkeypatch.setenv(name, value)


@pytest.fixture
def queue_url() -> str:
    create_table()
    boto3.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return str(boto3.client("sqs").create_queue(QueueName="next")["QueueUrl"])


@pytest.fixture
def router(queue_url: str) -> Iterator[MessageRouter]:
    app = FastAPI()
    made = MessageRouter(app, scope="orders")

    @app.post("/orders", status_code=201)
    def create(
        order: dict[str, str],
        request: Annotated[IdempotentRequest, Depends(current_request)],
        outbox: Annotated[Outbox, Depends(current_outbox)],
    ) -> dict[str, str]:
        request.put("orders", order)
        outbox.send(queue_url, json.dumps(order), attributes={"type": "order.placed"})
        return order

    @made.on("order.placed", key=lambda order: order.order_id)
    async def place(order: "Placed", message: Message) -> None:
        message.update("orders", {"order_id": order.order_id}, "ADD placed :one", values={":one": 1})

    yield made
    made.close()


class Placed:
    def __init__(self, order_id: str) -> None:
        self.order_id = order_id

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "Placed":
        return cls(body["order_id"])


def orders() -> list[dict[str, Any]]:
    return boto3.client("dynamodb").scan(TableName="orders")["Items"]


def test_request_and_message_take_effect_once(
    monkeypatch: pytest.MonkeyPatch, router: MessageRouter, queue_url: str
) -> None:
    deploy(monkeypatch, ENVIRONMENT, WEB)
    handler = router.handler()
    request = http_api("POST", "/orders", body='{"order_id": "o-1"}', headers={"idempotency-key": "k-1"})

    answers = [handler(request, FakeContext()) for _ in range(2)]
    sent = boto3.client("sqs").receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    batches = [handler({"Records": [PLACED]}, FakeContext()) for _ in range(2)]

    assert [answer["statusCode"] for answer in answers] == [201, 201]
    assert answers[1]["headers"]["idempotency-replayed"] == "true"
    assert [message["MessageAttributes"]["type"]["StringValue"] for message in sent["Messages"]] == ["order.placed"]
    assert batches == [{"batchItemFailures": []}] * 2
    assert orders() == [{"order_id": {"S": "o-1"}, "placed": {"N": "1"}}]


def test_function_that_serves_its_queue_alone_refuses_http(
    monkeypatch: pytest.MonkeyPatch, router: MessageRouter
) -> None:
    deploy(monkeypatch, ENVIRONMENT, replace(WEB, serves_api=False))
    handler = router.handler()

    with pytest.raises(UnroutableEventError, match="must be invoked by its queue, got an event from an HTTP API"):
        handler(http_api(), FakeContext())
    assert handler({"Records": [PLACED]}, FakeContext()) == {"batchItemFailures": []}


def test_function_that_serves_http_alone_needs_no_environment_of_a_queue(
    monkeypatch: pytest.MonkeyPatch, router: MessageRouter
) -> None:
    deploy(monkeypatch, replace(WEB, serves_queue=False))
    handler = router.handler()

    with pytest.raises(UnroutableEventError, match="must be invoked by HTTP, got an event from SQS"):
        handler({"Records": [PLACED]}, FakeContext())
    assert handler(http_api("GET", "/docs"), FakeContext())["statusCode"] == 200


def test_missing_environment_is_loud(router: MessageRouter, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EnvironmentContractError, match="IDEMPOTENCY_TABLE_NAME must be set"):
        router.handler()(http_api(), FakeContext())
    assert '"ConfigurationFaults":1' in capsys.readouterr().out


def test_application_for_another_server_takes_requests_once(
    monkeypatch: pytest.MonkeyPatch, router: MessageRouter
) -> None:
    deploy(monkeypatch, WEB)
    app, sent = router.asgi(), []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/orders",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"idempotency-key", b"k-1")],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"order_id": "o-1"}'}

    async def send(message: Any) -> None:
        sent.append(message)

    import asyncio  # noqa: PLC0415

    for _ in range(2):
        asyncio.run(app(dict(scope), receive, send))  # type: ignore[arg-type]
    assert [message.get("status") for message in sent] == [201, None, 201, None]
    assert len(orders()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({"scope": "a b"}, "scope must be"), ({"concurrency": 0}, "concurrency must be between 1 and 100")],
)
def test_wrong_setting_is_refused_at_import(arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        MessageRouter(**arguments)


def test_place_of_an_application_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"app must be an ASGI application or 'package.module:name', got 'shop'"):
        MessageRouter("shop").handler()
    with pytest.raises(ValueError, match="must have an application to be served, got none"):
        MessageRouter().asgi()


APPLICATION = """
from fastapi import FastAPI
app = FastAPI()
"""
HANDLER = """
from dataclasses import dataclass
from tsunagu import Message, MessageRouter

queue = MessageRouter("planted_app:app", scope="orders")

@dataclass
class Placed:
    order_id: str

@queue.on("order.placed", key="order_id")
def place(order: Placed, message: Message) -> None:
    print("placed", order.order_id)

handler = queue.handler()
"""
PROGRAM = """
import sys
import planted_handler
try:
    planted_handler.handler({"Records": [{"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:r:1:q"}]}, None)
except Exception as error:
    print(type(error).__name__)
print(*sys.modules)
"""
WEB_MODULES = ("fastapi", "starlette", "mangum", "pydantic", "a2wsgi", "asyncio", "tsunagu.runtime.web.http_adapter")


@pytest.mark.parametrize(("serves_api", "is_loaded"), [(False, False), (True, True)])
def test_queue_of_a_split_function_imports_neither_fastapi_nor_asyncio(
    tmp_path: Path, serves_api: bool, is_loaded: bool
) -> None:
    (tmp_path / "planted_app.py").write_text(APPLICATION)
    (tmp_path / "planted_handler.py").write_text(HANDLER)
    environment = ENVIRONMENT.to_environment() | replace(WEB, serves_api=serves_api).to_environment()

    child = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environment, "PYTHONPATH": f"{tmp_path}:{PROJECT}", "AWS_DEFAULT_REGION": "eu-central-1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = child.stdout.split()
    assert "UnroutableEventError" in loaded  # the receiver was made, and refused the record of another queue
    assert "botocore" in loaded
    assert ("fastapi" in loaded) is is_loaded
    assert is_loaded or [name for name in loaded if name.startswith(WEB_MODULES)] == []
