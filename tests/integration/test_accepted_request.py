"""Five lines make a worker of accepted requests, over real records and objects; mistakes in them are reported early."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from tests.tsunagu.runtime.requests.world import event_of
from tests.tsunagu.runtime.world import QUEUE_ARN, FakeContext, record
from tsunagu.contracts.environment import EnvironmentContractError, ReceiverEnvironment
from tsunagu.contracts.requests import RequestEnvironment, message_body, result_key
from tsunagu.runtime.aws.request_records import record_attributes
from tsunagu.runtime.functions.accepted_request import accepted_request
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.requests.request import Request
from tsunagu.runtime.requests.results import Result
from tsunagu.testing.requests import accepted

BUCKET = "results"


@dataclass
class Report:
    month: str
    seconds: int = 0


ENVIRONMENT = ReceiverEnvironment(
    idempotency_table_name="items",
    idempotency_window_seconds=60,
    queue_arn=QUEUE_ARN,
    queue_url="https://sqs/queue",
    dead_letter_queue_url="https://sqs/dead",
    notification_topic_arn="arn:aws:sns:eu-central-1:111122223333:dead",
    max_attempts=3,
    function_timeout_seconds=10,
    metrics_namespace="Tsunagu",
    single_writes=True,  # moto lacks parameters in BatchExecuteStatement
)


@pytest.fixture
def completions_url(monkeypatch: pytest.MonkeyPatch) -> str:
    """Deploy a table, a bucket and a topic with a queue, and return the URL of the queue."""
    boto3.client("dynamodb").create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    region: Any = boto3.session.Session().region_name
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    topic = sns.create_topic(Name="completions")["TopicArn"]
    url = sqs.create_queue(QueueName="completions")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    own = RequestEnvironment(request_scope="reports", result_bucket_name=BUCKET, completion_topic_arn=topic)
    for name, value in {**ENVIRONMENT.to_environment(), **own.to_environment()}.items():
        monkeypatch.setenv(name, value)
    return url


def accept(request: RequestRecord) -> None:
    boto3.client("dynamodb").put_item(TableName="items", Item=record_attributes(request))


def stored(key: str) -> tuple[bytes, str]:
    found = boto3.client("s3").get_object(Bucket=BUCKET, Key=key)
    return found["Body"].read(), found["ContentType"]


def item_of(request: RequestRecord) -> dict[str, Any]:
    return boto3.resource("dynamodb").Table("items").get_item(Key={"id": request.item.id})["Item"]


@pytest.mark.parametrize("is_from_a_queue", [True, False], ids=["queue", "lambda_event"])
def test_five_lines_work_on_a_request_once_and_keep_its_result(completions_url: str, is_from_a_queue: bool) -> None:
    request = accepted('{"month": "2026-10"}', caller="arn:aws:iam::1:role/a", headers={"x-id": "7"})
    event: dict[str, Any] = event_of(request, headers={"x-id": "7"})
    if is_from_a_queue:
        accept(request)
        event = {"Records": [record(message_body(request.item.id))]}
    runs = []

    @accepted_request("reports")
    def handler(report: Report, given: Request) -> Result:
        """Make a report."""
        runs.append((report.month, dict(given.headers)))
        given.progress("1 of 2")
        given.attach("chart.svg", "<svg/>", "image/svg+xml")
        return Result("a;b\n", "text/csv")

    responses = [handler(event, FakeContext()) for _ in range(2)]

    assert responses == [{"batchItemFailures": []}] * 2
    assert runs == [("2026-10", {"x-id": "7"})]
    assert handler.__doc__ == "Make a report."
    key = result_key("reports", "arn:aws:iam::1:role/a", "r-1")
    assert stored(key) == (b"a;b\n", "text/csv")
    assert stored(f"{key}/chart.svg") == (b"<svg/>", "image/svg+xml")
    item = item_of(request)
    assert (item["status"], item["fence"], item["progress"], item["body"]) == ("COMPLETED", 1, "1 of 2", request.body)
    assert json.loads(item["result"]).keys() == {"", "chart.svg"}
    messages = boto3.client("sqs").receive_message(QueueUrl=completions_url, MessageAttributeNames=["All"])["Messages"]
    (completion,) = messages
    assert json.loads(completion["Body"])["status"] == "SUCCEEDED"
    assert completion["MessageAttributes"]["tsunagu_request_status"]["StringValue"] == "SUCCEEDED"


def test_webhook_is_given_the_text_that_was_signed(completions_url: str) -> None:
    request = accepted(' {"amount": 1.10}', content_type="text/plain", headers={"x-signature": "s"})
    accept(request)
    taken: list[str] = []

    @accepted_request("reports")
    def handler(body: str, given: Request) -> None:
        taken.extend([body, given.headers["x-signature"]])

    assert handler({"Records": [record(message_body(request.item.id))]}, FakeContext()) == {"batchItemFailures": []}
    assert taken == [' {"amount": 1.10}', "s"]
    assert item_of(request)["status"] == "COMPLETED"


def test_missing_bucket_is_a_configuration_fault_and_costs_no_attempt(
    completions_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESULT_BUCKET_NAME", "nowhere")
    request = accepted('{"month": "2026-10"}')
    accept(request)

    @accepted_request("reports")
    def handler(_report: Report, _request: Request) -> str:
        return "x"

    response = handler({"Records": [record(message_body(request.item.id))]}, FakeContext())

    assert response == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert (item_of(request)["status"], item_of(request).get("attempts", 0)) == ("RELEASED", 0)
    assert '"ConfigurationFaults":1' in capsys.readouterr().out


@pytest.mark.parametrize("scope", [None, "others"])
def test_start_without_its_scope_is_refused_and_counted(
    completions_url: str, scope: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if scope is None:
        monkeypatch.delenv("REQUEST_SCOPE")
    else:
        monkeypatch.setenv("REQUEST_SCOPE", scope)

    @accepted_request("reports")
    def handler(_report: Report, _request: Request) -> None: ...

    with pytest.raises(EnvironmentContractError, match="REQUEST_SCOPE must be"):
        handler({"Records": [record("{}")]}, FakeContext())
    assert '"ConfigurationFaults":1' in capsys.readouterr().out


def takes_a_message(report: Report, message: Message) -> None: ...
def takes_one(report: Report) -> None: ...
def has_no_model(report, request: Request) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
async def is_a_coroutine(report: Report, request: Request) -> None: ...


@pytest.mark.parametrize("function", [takes_a_message, takes_one, has_no_model, is_a_coroutine])
def test_function_of_another_form_is_refused_at_import(function: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match="must"):
        accepted_request("reports")(function)


def test_strict_text_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match="strict must be left out for text"):

        @accepted_request("reports", strict=True)
        def handler(body: str, request: Request) -> None: ...


@pytest.mark.parametrize("scope", ["", "a:b", "a" * 65])
def test_scope_of_another_form_is_refused_at_import(scope: str) -> None:
    with pytest.raises(ValueError, match="scope must be 1 to 64"):
        accepted_request(scope)


@pytest.mark.parametrize("concurrency", [0, 101])
def test_concurrency_out_of_range_is_refused_at_import(concurrency: int) -> None:
    with pytest.raises(ValueError, match="concurrency must be between 1 and 100"):
        accepted_request("reports", concurrency=concurrency)


def test_strict_request_with_an_unknown_field_fails(completions_url: str) -> None:
    request = accepted('{"month": "2026-10", "extra": 1}')
    accept(request)

    @accepted_request("reports", strict=True)
    def handler(_report: Report, _request: Request) -> None: ...

    url = boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    environment = replace(ENVIRONMENT, dead_letter_queue_url=url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEAD_LETTER_QUEUE_URL", environment.dead_letter_queue_url)
        handler({"Records": [record(message_body(request.item.id))]}, FakeContext())

    assert item_of(request)["status"] == "DEAD"
    assert "extra" in item_of(request)["reason"]
