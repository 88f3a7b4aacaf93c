"""The payments function: Lambda's event in, entries of the ledger out."""

from importlib import reload
from typing import Any, Literal

import boto3
import pytest

import lambdas.payments.handler
import lambdas.payments.wiring
from lambdas.contracts.payments import PaymentsEnvironment
from tests.tsunagu.runtime.world import QUEUE_ARN, FakeContext, record
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.items import Status
from tsunagu.runtime.idempotency.keys import item_id

PAYMENT: dict[str, Any] = {"payment_id": "p-1", "account": "a-1", "amount": 1_250, "currency": "EUR"}
ENVIRONMENT = ReceiverEnvironment(
    idempotency_table_name="items",
    idempotency_window_seconds=60,
    queue_arn=QUEUE_ARN,
    queue_url="https://sqs/queue",
    dead_letter_queue_url="https://sqs/dead",
    notification_topic_arn="arn:aws:sns:eu-central-1:111122223333:dead",
    max_attempts=1,
    function_timeout_seconds=10,
    metrics_namespace="Tsunagu",
    shared_keys="payments",
    single_writes=True,  # moto lacks parameters in BatchExecuteStatement
)


@pytest.fixture(autouse=True)
def tables(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.to_environment().items():
        monkeypatch.setenv(name, value)
    make_table("items", "id")
    make_table("payments", "account", "entry")
    lambdas.payments.wiring.ledger.cache_clear()


def receive(body: object = PAYMENT) -> list[str]:
    """Receive a payment in a process of its own, as far as its wiring goes; return the ids that come back."""
    handler = reload(lambdas.payments.handler).handler
    return [each["itemIdentifier"] for each in handler({"Records": [record(body)]}, FakeContext())["batchItemFailures"]]


def rows(table_name: str) -> list[dict[str, Any]]:
    return boto3.resource("dynamodb").Table(table_name).scan()["Items"]


def test_payment_is_recorded_once_and_added_to_the_balance_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch)

    assert [receive(), receive()] == [[], []]

    balance, payment = sorted(rows("payments"), key=lambda row: str(row["entry"]))
    assert (balance["entry"], balance["balance"], balance["payments"]) == ("BALANCE#EUR", 1_250, 1)
    assert (payment["account"], payment["entry"], payment["amount"]) == ("a-1", "PAYMENT#p-1", 1_250)


def test_payment_has_its_item_under_its_scope_and_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch)

    receive()

    (item,) = rows("items")
    assert (item["id"], item["status"]) == (item_id("payments", "p-1"), Status.COMPLETED)


def test_missing_variable_does_not_count_as_an_attempt_of_the_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert receive() == ["m-1"]

    (item,) = rows("items")
    assert (item["status"], item.get("attempts", 0)) == (Status.RELEASED, 0)

    set_environment(monkeypatch)
    assert receive() == []
    assert len(rows("payments")) == 2


def set_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PaymentsEnvironment(payments_table_name="payments").to_environment().items():
        monkeypatch.setenv(name, value)


def make_table(name: str, *keys: str) -> None:
    kinds: tuple[Literal["HASH", "RANGE"], ...] = ("HASH", "RANGE")
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds, strict=False)],
    )
