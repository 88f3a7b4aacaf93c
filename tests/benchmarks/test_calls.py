"""The calls that a batch of ten costs in each pattern, as docs/performance.md says."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import botocore.session
import pytest

from benchmarks.dynamodb.process import Server, running_server
from benchmarks.receiver_environment import receiver_environment
from tests.tsunagu.runtime.pipeline.test_envelope import PLAIN
from tests.tsunagu.runtime.world import FakeContext, order
from tests.tsunagu.runtime.world import record as sqs_record
from tsunagu import Message, Work, message_handler, pipeline_service
from tsunagu.contracts.messages import REQUEST_ID_ATTRIBUTE
from tsunagu.contracts.pipeline import ServiceEnvironment
from tsunagu.runtime.aws import clients
from tsunagu.runtime.functions.wiring import LambdaHandler
from tsunagu.runtime.json_text import JsonObject

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
SERVICES = {"dynamodb": "DynamoDB", "sqs": "SQS", "sns": "SNS"}
QUEUE_ARN = receiver_environment("").queue_arn
NEXT_QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/000000000000/next"
NEXT_TOPIC_ARN = "arn:aws:sns:us-east-1:000000000000:next"


@dataclass(frozen=True)
class Order:
    order_id: str


def nothing(_order: Order, _message: Message) -> None:
    pass


def write(placed: Order, message: Message) -> None:
    message.put("orders", {"account": placed.order_id, "entry": "ORDER"})


def send_on(placed: Order, message: Message) -> None:
    write(placed, message)
    message.outbox.send(NEXT_QUEUE_URL, placed.order_id)


def publish_on(placed: Order, message: Message) -> None:
    write(placed, message)
    message.outbox.publish(NEXT_TOPIC_ARN, placed.order_id)


def fail(_order: Order, _message: Message) -> None:
    raise ValueError


def ship(placed: Order, work: Work) -> JsonObject:
    work.put("orders", {"account": work.run_id, "entry": placed.order_id})
    return {"shipped": placed.order_id}


Process = Callable[[Order, Message], None]


def handler(process: Process, **options: Any) -> LambdaHandler:
    made: LambdaHandler = message_handler("payments", key="order_id", **options)(process)
    return made


def orders(groups: int = 0, body: str | None = None) -> list[dict[str, Any]]:
    group = [f"g{number % groups}" if groups else None for number in range(10)]
    return [sqs_record(body or order(f"o-{number}"), f"m-{number}", group=group[number]) for number in range(10)]


def envelopes() -> list[dict[str, Any]]:
    runs = [str(UUID(int=UUID(PLAIN.run_id).int + number)) for number in range(10)]
    attributes = {REQUEST_ID_ATTRIBUTE: PLAIN.request_id}
    bodies = [replace(PLAIN, run_id=run).encode() for run in runs]
    return [sqs_record(body, f"m-{number}", attributes=attributes) for number, body in enumerate(bodies)]


@dataclass(frozen=True)
class Batch:
    make: Callable[[], LambdaHandler]
    records: Sequence[dict[str, Any]]
    times: int = 1


BATCHES = {
    "messages that write nothing": Batch(lambda: handler(nothing), orders()),
    "messages that write": Batch(lambda: handler(write), orders()),
    "messages that write, with `group_commit=False`": Batch(lambda: handler(write, group_commit=False), orders()),
    "messages that write and send on to one queue": Batch(lambda: handler(send_on), orders()),
    "messages that write and publish to one topic": Batch(lambda: handler(publish_on), orders()),
    "FIFO, ten groups, messages that write": Batch(lambda: handler(write), orders(10)),
    "FIFO, five groups of two, messages that write": Batch(lambda: handler(write), orders(5)),
    "FIFO, one group, messages that write": Batch(lambda: handler(write), orders(1)),
    "duplicates": Batch(lambda: handler(write), orders(), times=2),
    "messages whose attempt fails": Batch(lambda: handler(fail), orders()),
    "messages that cannot be read": Batch(lambda: handler(nothing), orders(body="no json")),
    "messages of a pipeline's service that writes": Batch(lambda: pipeline_service(ship), envelopes()),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server(delay_ms=0) as server:
        yield server


@pytest.fixture
def calls(server: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Counter[str]:
    """Counts the calls of the runtime's clients. SQS and SNS are answered here, DynamoDB by that of the benchmarks."""
    calls: Counter[str] = Counter()
    session = botocore.session.Session()
    session.set_credentials("a", "b")

    def count(**given: Any) -> Any:
        model, params = given["model"], given["params"]
        service = model.service_model.service_name
        calls[SERVICES[service]] += 1
        return None if service == "dynamodb" else (_Http(), _answer(model.name, params))

    session.register("before-call", count)
    monkeypatch.setattr(clients, "session", lambda: session)
    environment = receiver_environment(f"items of {request.node.name}").to_environment()
    place = ServiceEnvironment(
        pipeline=PLAIN.pipeline,
        step=PLAIN.step,
        service="shipping",
        siblings="shipping",
        next_step="",
        next_topic_arn=NEXT_TOPIC_ARN,
        claim_bucket_name="claims",
    )
    environment |= place.to_environment()
    environment |= {"AWS_ENDPOINT_URL_DYNAMODB": server.endpoint_url, "AWS_DEFAULT_REGION": "us-east-1"}
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    return calls


@dataclass
class _Http:
    status_code: int = 200


def _answer(operation: str, params: Any) -> dict[str, Any]:
    body = params["body"]
    text = body.decode() if isinstance(body, bytes) else str(body)
    if operation in {"SendMessageBatch", "PublishBatch", "ChangeMessageVisibilityBatch"}:
        ids = {*re.findall(r'"Id": ?"(\d+)"', text), *re.findall(r"'[\w.]+\.Id': '(\d+)'", text)}
        assert ids, text
        return {"Successful": [{"Id": each, "MessageId": f"sent-{each}"} for each in ids], "Failed": []}
    return {"MessageId": "published"}


@pytest.mark.parametrize("name", BATCHES)
def test_batch_of_ten_makes_the_calls_of_the_page(name: str, calls: Counter[str]) -> None:
    batch = BATCHES[name]
    handle = batch.make()
    event = {"Records": [{**each, "eventSourceARN": QUEUE_ARN} for each in batch.records]}
    for _ in range(batch.times):
        calls.clear()
        handle(event, FakeContext(remaining_ms=60_000))

    rows = dict(re.findall(r"^\| (.+?) \| (\d+ \| \d+ \| \d+ \| \d+) \|$", PAGE.read_text(), re.MULTILINE))
    assert rows.keys() == BATCHES.keys()
    counted = [calls[service] for service in SERVICES.values()]
    assert " | ".join(map(str, [*counted, sum(counted)])) == rows[name]
