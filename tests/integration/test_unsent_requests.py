"""HTTP requests whose messages were not sent, against moto: their items, their index, and the sweeper's function."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import boto3
import pytest
from fastapi import Depends, FastAPI

from tests.integration.test_message_router import WEB, deploy
from tests.integration.test_request_sweeper import TABLE, dynamodb
from tests.tsunagu.runtime.world import FakeContext
from tsunagu import MessageRouter, Outbox, current_outbox
from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.request_sweeper import RequestSweeperEnvironment
from tsunagu.contracts.web import unsent_partition_of
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.unsent_requests import DynamoDbUnsentRequests
from tsunagu.runtime.functions import request_sweeper
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.testing.events.http import http_api_event as http_api

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["dynamodb"]

PLACE = "111122223333:eu-west-1:orders:App"
SWEEPER = RequestSweeperEnvironment(
    request_scope="web",
    idempotency_table_name=TABLE,
    idempotency_window_seconds=60,
    function_timeout_seconds=50,
    metrics_namespace="Tsunagu",
    sends_outboxes=True,
    web_place=PLACE,
)


class SweeperContext:
    def get_remaining_time_in_millis(self) -> int:
        return 50_000


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Build the sweeper of the function anew for each test."""
    request_sweeper._cached_sweeper.cache_clear()  # noqa: SLF001
    yield
    request_sweeper._cached_sweeper.cache_clear()  # noqa: SLF001


def read(client: "DynamoDBClient") -> dict[str, Any]:
    (item,) = client.scan(TableName=TABLE)["Items"]
    return item


def make_due(client: "DynamoDBClient") -> None:
    """Let the lease end, and the item be due."""
    client.update_item(
        TableName=TABLE,
        Key={items.ID: read(client)[items.ID]},
        UpdateExpression="SET #lease = :free, #due = :free",
        ExpressionAttributeNames={"#lease": items.LEASE, "#due": requests.DUE},
        ExpressionAttributeValues={":free": {"N": "0"}},
    )


def test_message_that_the_function_could_not_send_is_sent_by_the_sweeper(
    monkeypatch: pytest.MonkeyPatch, dynamodb: "DynamoDBClient"
) -> None:
    app, sqs = FastAPI(), boto3.client("sqs")
    url = sqs.create_queue(QueueName="next")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    router = MessageRouter(app, scope="orders")

    @app.post("/orders")
    def create(outbox: Annotated[Outbox, Depends(current_outbox)]) -> str:
        outbox.send(url, "placed")
        return "yes"

    deploy(monkeypatch, replace(WEB, idempotency_table_name=TABLE, web_place=PLACE))
    answer = router.handler()(http_api("POST", "/orders", headers={"idempotency-key": "k-1"}), FakeContext())
    committed = read(dynamodb)
    for name, value in SWEEPER.to_environment().items():
        monkeypatch.setenv(name, value)
    sqs.create_queue(QueueName="next")
    make_due(dynamodb)

    counts = request_sweeper.request_sweeper_handler({}, SweeperContext())
    router.close()

    item_id = committed[items.ID]["S"]
    assert (answer["statusCode"], committed[items.STATUS]["S"]) == (200, Status.COMMITTED)
    assert committed[requests.OPEN]["S"] == unsent_partition_of(PLACE, item_id)
    assert counts == {"looked_at": 1, "failed": 0, "resent": 1, "closed": 0}
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sent = read(dynamodb)
    assert (message["Body"], sent[items.STATUS]["S"]) == ("placed", Status.COMPLETED)
    assert not {requests.OPEN, requests.DUE, requests.RESENDS} & sent.keys()


def put(client: "DynamoDBClient", **attributes: Any) -> None:
    values = {
        items.ID: {"S": "i-1"},
        items.STATUS: {"S": Status.COMMITTED},
        items.OWNER: {"S": "me"},
        items.FENCE: {"N": "1"},
        items.LEASE: {"N": "0"},
        **attributes,
    }
    client.put_item(TableName=TABLE, Item=values)


def test_item_is_read_with_what_is_to_be_sent_and_how_often_it_was_tried(dynamodb: "DynamoDBClient") -> None:
    put(
        dynamodb,
        outbox={"S": json.dumps([])},
        result={"S": "r"},
        resends={"N": "3"},
        open={"S": "p"},
        due={"N": "7"},
    )
    unsent = DynamoDbUnsentRequests(dynamodb, TABLE)

    found, absent = unsent.read(["i-1", "i-2"])

    assert absent is None
    assert not isinstance(found, Verdict)
    assert found is not None
    assert (found.item.outbox, found.item.result, found.sweeps, found.is_indexed) == ("[]", "r", 3, True)
    assert list(unsent.find_due("p", 7).item_ids) == ["i-1"]
    assert list(unsent.find_due("p", 6).item_ids) == []


def test_item_of_another_form_is_no_item(dynamodb: "DynamoDBClient") -> None:
    put(dynamodb, resends={"S": "three"})

    (found,) = DynamoDbUnsentRequests(dynamodb, TABLE).read(["i-1"])

    assert isinstance(found, Verdict)
    assert found.outcome is Outcome.UNREADABLE


def test_change_that_removes_attributes_is_applied_where_its_condition_holds(dynamodb: "DynamoDBClient") -> None:
    put(dynamodb, open={"S": "p"}, due={"N": "7"})
    store = DynamoDbItemStore(dynamodb, TABLE)
    change = Change(item_id="i-1", values={items.REASON: "r"}, where={items.FENCE: 2}, removed=("open", "due"))

    (refused,) = store.update([change])
    (applied,) = store.update([Change(item_id="i-1", values={}, where={items.FENCE: 1}, removed=("open", "due"))])

    assert refused.outcome is Outcome.REFUSED
    assert refused.found is not None
    assert applied.outcome is Outcome.APPLIED
    assert read(dynamodb).keys() == {items.ID, items.STATUS, items.OWNER, items.FENCE, items.LEASE}
