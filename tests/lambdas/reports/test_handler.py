"""The reports function: a message with the key of a record in, a result and an entry of the register out."""

import json
from importlib import reload
from typing import Any, Literal

import boto3
import pytest

import lambdas.reports.handler
import lambdas.reports.wiring
from lambdas.contracts.reports import ReportsEnvironment
from tests.lambdas.reports.expected import report_text
from tests.tsunagu.runtime.world import QUEUE_ARN, FakeContext, record
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import RequestEnvironment, message_body, result_key
from tsunagu.runtime.aws.request_records import record_attributes
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.testing.fakes import FakeClock
from tsunagu.testing.requests import accepted

BUCKET = "results"
RECEIVER = ReceiverEnvironment(
    idempotency_table_name="items",
    idempotency_window_seconds=60,
    queue_arn=QUEUE_ARN,
    queue_url="https://sqs/queue",
    dead_letter_queue_url="https://sqs/dead",
    notification_topic_arn="arn:aws:sns:eu-central-1:111122223333:dead",
    max_attempts=2,
    function_timeout_seconds=10,
    metrics_namespace="Tsunagu",
    single_writes=True,  # moto lacks parameters in BatchExecuteStatement
)
OWN = (
    RECEIVER,
    RequestEnvironment(request_scope="reports", result_bucket_name=BUCKET),
    ReportsEnvironment(reports_table_name="register"),
)


@pytest.fixture(autouse=True)
def parts(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for contract in OWN:
        for name, value in contract.to_environment().items():
            monkeypatch.setenv(name, value)
    make_table("items", "id")
    make_table("register", "month", "entry")
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    lambdas.reports.wiring.desk.cache_clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock by which reports take their time."""
    clock = FakeClock()
    monkeypatch.setattr(lambdas.reports.wiring, "SystemClock", lambda: clock)
    return clock


def accept(**fields: object) -> RequestRecord:
    """Write a record as the gateway does."""
    request = accepted(json.dumps({"month": "2026-02", **fields}))
    boto3.client("dynamodb").put_item(TableName="items", Item=record_attributes(request))
    return request


def receive(request: RequestRecord) -> list[str]:
    """Receive its message in a process of its own, as far as its wiring goes; return the ids that come back."""
    event = {"Records": [record(message_body(request.item.id))]}
    response: Any = reload(lambdas.reports.handler).handler(event, FakeContext())
    return [each["itemIdentifier"] for each in response["batchItemFailures"]]


def rows(table_name: str) -> list[dict[str, Any]]:
    return boto3.resource("dynamodb").Table(table_name).scan()["Items"]


def stored(name: str = "") -> tuple[str, str]:
    """Text and content type of the result, or of an attachment."""
    found = boto3.client("s3").get_object(Bucket=BUCKET, Key=result_key("reports", "alice", "r-1", name))
    return found["Body"].read().decode(), found["ContentType"]


@pytest.mark.parametrize("fields", [{}, {"rows": "article"}, {"rows": "region", "region": "north"}])
def test_report_is_made_with_its_chart_and_registered_once(fields: dict[str, object]) -> None:
    request = accept(**fields)

    assert [receive(request), receive(request)] == [[], []]

    assert stored() == (report_text({"month": "2026-02", **fields}), "text/csv; charset=utf-8")
    chart, content_type = stored("chart.svg")
    assert (chart[:5], content_type) == ("<svg ", "image/svg+xml")
    report, total = sorted(rows("register"), key=lambda row: str(row["entry"]))
    assert (report["month"], report["entry"], total["entry"]) == ("2026-02", "REPORT#alice#r-1", "TOTAL")
    assert total["reports"] == 1
    (item,) = rows("items")
    assert item["status"] == Status.COMPLETED


def test_slow_report_shows_its_progress_and_takes_its_time(clock: FakeClock) -> None:
    assert receive(accept(seconds=20)) == []

    (item,) = rows("items")
    assert item["progress"] == "9 of 10"
    assert sum(clock.slept_seconds) == pytest.approx(20)


def test_very_slow_report_has_a_part_at_least_each_five_seconds(clock: FakeClock) -> None:
    assert receive(accept(seconds=101)) == []

    assert len(clock.slept_seconds) == 21
    assert max(clock.slept_seconds) <= 5


def test_report_that_is_not_slow_does_not_wait(clock: FakeClock) -> None:
    assert receive(accept()) == []

    assert clock.slept_seconds == []


def test_report_that_fails_is_not_registered_and_has_no_result() -> None:
    request = accept(region="broken-1")

    assert receive(request) == ["m-1"]

    assert rows("register") == []
    (item,) = rows("items")
    assert (item["status"], item["attempts"]) == (Status.RELEASED, 1)
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET)


def make_table(name: str, *keys: str) -> None:
    kinds: tuple[Literal["HASH", "RANGE"], ...] = ("HASH", "RANGE")
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds, strict=False)],
    )
