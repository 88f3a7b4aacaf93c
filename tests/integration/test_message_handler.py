"""Five lines make a handler; mistakes in them are reported at import."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from tests.tsunagu.runtime.world import QUEUE_ARN, FakeContext, record
from tsunagu.contracts.environment import EnvironmentContractError, ReceiverEnvironment
from tsunagu.contracts.pipeline import ServiceEnvironment
from tsunagu.runtime.functions.message_handler import message_handler
from tsunagu.runtime.functions.pipeline_service import pipeline_service
from tsunagu.runtime.idempotency.keys import item_id
from tsunagu.runtime.pipeline.work import Work
from tsunagu.runtime.receiving.message import Message


@dataclass
class Invoice:
    number: str
    amount: int
    tags: list[str]


ENVIRONMENT = ReceiverEnvironment(
    idempotency_table_name="items",
    idempotency_window_seconds=60,
    queue_arn=QUEUE_ARN,
    queue_url="https://sqs/queue",
    dead_letter_queue_url="https://sqs/dead",
    notification_topic_arn="arn:aws:sns:eu-central-1:111122223333:dead",
    max_attempts=5,
    function_timeout_seconds=10,
    metrics_namespace="Tsunagu",
    single_writes=True,  # moto lacks parameters in BatchExecuteStatement
)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [(ENVIRONMENT, "ValueError"), (replace(ENVIRONMENT, publish_error_text=True), "ValueError: secret")],
)
def test_text_of_an_error_is_published_where_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch, environment: ReceiverEnvironment, reason: str
) -> None:
    url = boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    topic = boto3.client("sns").create_topic(Name="dead")["TopicArn"]
    create_table()
    deployed = replace(environment, dead_letter_queue_url=url, notification_topic_arn=topic, max_attempts=1)
    for name, value in deployed.to_environment().items():
        monkeypatch.setenv(name, value)

    @message_handler("invoices", key="number")
    def handler(invoice: Invoice, message: Message) -> None:
        raise ValueError("secret")

    event = {"Records": [record({"number": "i-1", "amount": 1, "tags": []})]}

    assert handler(event, FakeContext()) == {"batchItemFailures": []}
    (letter,) = boto3.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    attributes = letter["MessageAttributes"]
    assert attributes["tsunagu_dead_letter_reason"].get("StringValue") == f"1 attempts failed, the last with {reason}"


def make_items(monkeypatch: pytest.MonkeyPatch, environment: ReceiverEnvironment = ENVIRONMENT) -> None:
    for name, value in environment.to_environment().items():
        monkeypatch.setenv(name, value)
    create_table()


def create_table() -> None:
    boto3.client("dynamodb").create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )


def test_five_lines_receive_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make_items(monkeypatch)
    effects: list[Invoice] = []

    @message_handler("invoices", key="number")
    def handler(invoice: Invoice, message: Message) -> None:
        """Record an invoice."""
        effects.append(invoice)

    event = {"Records": [record({"number": "i-1", "amount": 1, "tags": []})]}
    responses = [handler(event, FakeContext()) for _ in range(2)]

    assert responses == [{"batchItemFailures": []}] * 2
    assert effects == [Invoice("i-1", 1, [])]
    assert handler.__doc__ == "Record an invoice."


@pytest.mark.parametrize(
    ("shared_keys", "space", "receiver"), [("", "invoices@orders", QUEUE_ARN), ("billing", "billing", "billing")]
)
def test_item_says_whose_key_it_is(
    monkeypatch: pytest.MonkeyPatch, shared_keys: str, space: str, receiver: str
) -> None:
    make_items(monkeypatch, replace(ENVIRONMENT, shared_keys=shared_keys))

    @message_handler("invoices", key="number")
    def handler(invoice: Invoice, message: Message) -> None: ...

    handler({"Records": [record({"number": "i-1", "amount": 1, "tags": []})]}, FakeContext())

    (item,) = boto3.resource("dynamodb").Table("items").scan()["Items"]
    assert (item["id"], item["receiver"]) == (item_id(space, "i-1"), receiver)


def test_start_without_its_environment_is_counted_and_logged_each_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "invoices-function")

    @message_handler("invoices", key="number")
    def handler(invoice: Invoice, message: Message) -> None: ...

    for _ in range(2):
        with pytest.raises(EnvironmentContractError):
            handler({}, FakeContext())

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["ConfigurationFaults"], line["function_name"], line["service"]) for line in lines] == [
        (1, "invoices-function", "invoices")
    ] * 2
    assert [(line.message, line.exc_info) for line in caplog.records] == [("function not started", None)] * 2


def test_start_of_a_service_without_its_environment_logs_no_text_of_the_error(caplog: pytest.LogCaptureFixture) -> None:
    @pipeline_service
    def handler(invoice: Invoice, work: Work) -> None: ...

    with pytest.raises(EnvironmentContractError):
        handler({}, FakeContext())

    assert [(line.message, line.exc_info) for line in caplog.records] == [("function not started", None)]


def test_variable_that_a_business_function_lacks_is_a_configuration_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in ENVIRONMENT.to_environment().items():
        monkeypatch.setenv(name, value)
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )

    @message_handler("invoices", key="number")
    def handler(invoice: Invoice, message: Message) -> None:
        ServiceEnvironment.from_environment({})

    event = {"Records": [record({"number": "i-1", "amount": 1, "tags": []})]}

    assert handler(event, FakeContext()) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ConfigurationFaults"] == 1
    (item,) = dynamodb.scan(TableName="items")["Items"]
    assert "PIPELINE must be set" in item["reason"]["S"]
    assert "attempts" not in item or item["attempts"] == {"N": "0"}


def test_environment_is_read_at_the_first_message_and_not_at_import() -> None:
    @message_handler("invoices", key="number")
    def handler(invoice: Invoice, message: Message) -> None: ...

    with pytest.raises(EnvironmentContractError, match="IDEMPOTENCY_TABLE_NAME must be set"):
        handler({}, FakeContext())


def no_annotation(invoice, message): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
def one_parameter(invoice: Invoice) -> None: ...
def named_only(invoice: Invoice, *, message: Message) -> None: ...
def any_number(invoice: Invoice, *messages: Message) -> None: ...
def something_else(invoice: Invoice, message: int) -> None: ...
async def later(invoice: Invoice, message: Message) -> None: ...
def bit_by_bit(invoice: Invoice, message: Message) -> Iterator[Message]:
    yield message


async def bit_by_bit_later(invoice: Invoice, message: Message) -> AsyncIterator[Message]:
    yield message


def no_model(invoice: dict, message: Message) -> None: ...  # type: ignore[type-arg]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (no_annotation, "no_annotation must take a message of an annotated class and a Message"),
        (one_parameter, r"one_parameter must take .*, got the parameters \(invoice: "),
        (named_only, "named_only must take a message of an annotated class and a Message"),
        (any_number, "any_number must take a message of an annotated class and a Message"),
        (something_else, "something_else must take a message of an annotated class and a Message"),
        (later, "later must be a plain function, got a coroutine function"),
        (bit_by_bit, "bit_by_bit must be a plain function, got a generator function"),
        (bit_by_bit_later, "bit_by_bit_later must be a plain function, got an asynchronous generator function"),
        (no_model, "a message model must be a dataclass"),
    ],
)
def test_function_of_another_shape_is_refused_at_import(function: Any, sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        message_handler("invoices", key="number")(function)


def test_annotation_that_is_not_there_at_run_time_is_refused_at_import() -> None:
    def process(invoice: Invoice, message: Message) -> None: ...

    process.__annotations__["message"] = "Missing"

    with pytest.raises(TypeError, match="the annotations of process must be imported at run time too, got name 'Mis"):
        message_handler("invoices", key="number")(process)


def test_empty_key_is_refused_at_import() -> None:
    def process(invoice: Invoice, message: Message) -> None: ...

    nothing: Any = None
    with pytest.raises(TypeError, match="key must be a str or int field of Invoice"):
        message_handler("invoices", key=nothing)(process)


@pytest.mark.parametrize("key", ["nunber", "tags"])
def test_key_that_is_not_a_field_is_refused_at_import(key: str) -> None:
    def process(invoice: Invoice, message: Message) -> None: ...

    with pytest.raises(TypeError, match=f"key must be a str or int field of Invoice, or a function of it, got '{key}'"):
        message_handler("invoices", key=key)(process)


@pytest.mark.parametrize(("scope", "concurrency"), [("", 1), ("a b", 1), ("ok", 0), ("ok", 101)])
def test_numbers_and_names_out_of_range_are_refused_at_import(scope: str, concurrency: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        message_handler(scope, key="number", concurrency=concurrency)
