"""The order desk on moto: preprocessor, topics that fan out to queues, services, completion topic, journal."""

import functools
import json
from collections.abc import Callable
from importlib import reload
from typing import Any

import boto3
import pytest

from lambdas.billing.service import price
from lambdas.contracts.orders import OrdersEnvironment
from lambdas.preprocessor.handler import handler as handler_of_preprocessor
from lambdas.shipping.service import shipment_id
from tests.tsunagu.runtime.world import FakeContext
from tsunagu.contracts import items, requests
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.items import Status
from tsunagu.contracts.pipeline import PreprocessorEnvironment, RunSweeperEnvironment, ServiceEnvironment
from tsunagu.errors import OperationError
from tsunagu.operations.trace import trace
from tsunagu.operations.unfinished_runs import Cause, UnfinishedRun, dismiss_runs, unfinished_runs
from tsunagu.runtime.aws.journal import DynamoDbJournalIndex, deployed_journal
from tsunagu.runtime.errors import UnavailableError, UnroutableEventError
from tsunagu.runtime.functions.preprocessor import QUEUE_VARIABLE, preprocessor
from tsunagu.runtime.functions.run_sweeper import run_sweeper
from tsunagu.runtime.pipeline.errors import ForeignKeyError, MalformedRequestError

STEPS = {"reserve": ("inventory", "billing"), "ship": ("shipping",)}
SERVICES = [(step, service) for step, services in STEPS.items() for service in services]
ORDER = {
    "order_id": "o-1",
    "customer": "c-1",
    "lines": [{"sku": "tea", "quantity": 2}, {"sku": "cup", "quantity": 1}, {"sku": "tea", "quantity": 1}],
    "currency": "EUR",
}
AMOUNT = 3 * price("tea") + price("cup")


class Desk:
    """The order pipeline, its resources made by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.place = "shop/Orders"
        self._sns, self._sqs = boto3.client("sns"), boto3.client("sqs")
        boto3.client("s3").create_bucket(
            Bucket="claims", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        boto3.client("s3").put_bucket_versioning(Bucket="claims", VersioningConfiguration={"Status": "Enabled"})
        _make_tables()
        names = [*STEPS, "end", "dead"]
        self.topics = {name: self._sns.create_topic(Name=name)["TopicArn"] for name in names}
        self.queues = {service: self._queue(service, self.topics[step]) for step, service in SERVICES}
        self.queues["end"] = self._queue("end", self.topics["end"])
        self.queues["entry"] = self._sqs.create_queue(QueueName="entry")["QueueUrl"]
        self.queues["letters"] = self._sqs.create_queue(QueueName="letters")["QueueUrl"]

    def _queue(self, name: str, topic_arn: str) -> str:
        url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        policy = {"tsunagu_service": [{"exists": False}, name]}
        self._sns.subscribe(
            TopicArn=topic_arn,
            Protocol="sqs",
            Endpoint=self.arn_of(url),
            Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps(policy)},
        )
        return url

    def arn_of(self, url: str) -> str:
        return self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    @property
    def environment(self) -> PreprocessorEnvironment:
        steps = [
            {"name": name, "topic_arn": self.topics[name], "services": services} for name, services in STEPS.items()
        ]
        return PreprocessorEnvironment(
            pipeline="orders",
            steps=json.dumps(steps),
            claim_bucket_name="claims",
            idempotency_table_name="items",
            idempotency_window_seconds=3_600,
            function_timeout_seconds=10,
            metrics_namespace="Tsunagu",
            inline_bytes=300,
            single_writes=True,
            pipeline_place=self.place,
            marks_runs=True,
        )

    @property
    def sweeper_environment(self) -> RunSweeperEnvironment:
        return RunSweeperEnvironment(
            pipeline="orders",
            steps=self.environment.steps,
            idempotency_table_name="items",
            function_timeout_seconds=280,
            metrics_namespace="Tsunagu",
            longest_run_seconds=0,
        )

    def sweep(self) -> dict[str, int]:
        """Invoke the sweeper of runs as a new process would."""
        self._set(self.sweeper_environment)
        return run_sweeper().run(FakeContext(remaining_ms=280_000))

    def unfinished(self) -> list[UnfinishedRun]:
        """List the unfinished runs as an operator does."""
        return unfinished_runs(self, boto3.client("dynamodb"), "preprocessor")  # type: ignore[arg-type]

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - as Lambda's client has it
        """Answer as Lambda does."""
        assert FunctionName == "preprocessor"
        return {"Environment": {"Variables": self.environment.to_environment()}}

    def ask(self, event: object) -> dict[str, Any]:
        self._set(self.environment)
        self._monkeypatch.delenv(QUEUE_VARIABLE, raising=False)
        return self._preprocess(event)

    def enter(self) -> dict[str, Any]:
        """Let the preprocessor receive its entry queue."""
        self._set(self.environment, self._receiver("entry"))
        return self._preprocess({"Records": self.receive("entry")})

    def _preprocess(self, event: object) -> dict[str, Any]:
        """Call the handler of the preprocessor as a new process would, which builds its objects again."""
        cached = "tsunagu.runtime.functions.preprocessor._cached_preprocessor"
        self._monkeypatch.setattr(cached, functools.cache(preprocessor))
        return handler_of_preprocessor(event, FakeContext())

    def deliver(self, step: str, service: str) -> int:
        """Hand a service what waits in its queue; return how many messages that was."""
        records_of_queue = self.receive(service)
        if records_of_queue:
            behind = [*STEPS, ""][[*STEPS].index(step) + 1]
            place = ServiceEnvironment(
                pipeline="orders",
                step=step,
                service=service,
                siblings=",".join(STEPS[step]),
                next_step=behind,
                next_topic_arn=self.topics[behind or "end"],
                claim_bucket_name="claims",
                inline_bytes=300,
            )
            self._set(self._receiver(service), place, OrdersEnvironment(orders_table_name="orders"))
            response = _handler(service)({"Records": records_of_queue}, FakeContext())
            assert response == {"batchItemFailures": []}
        return len(records_of_queue)

    def settle(self) -> None:
        while sum(self.deliver(step, service) for step, service in SERVICES):
            pass

    def receive(self, queue: str) -> list[dict[str, Any]]:
        url = self.queues[queue]
        received = self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
        for message in received:
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [_record(message, self.arn_of(url)) for message in received]

    def send(self, queue: str, body: str) -> None:
        self._sqs.send_message(QueueUrl=self.queues[queue], MessageBody=body)

    def _receiver(self, queue: str) -> ReceiverEnvironment:
        return ReceiverEnvironment(
            idempotency_table_name="items",
            idempotency_window_seconds=3_600,
            queue_arn=self.arn_of(self.queues[queue]),
            queue_url=self.queues[queue],
            dead_letter_queue_url=self.queues["letters"],
            notification_topic_arn=self.topics["dead"],
            max_attempts=3,
            function_timeout_seconds=10,
            metrics_namespace="Tsunagu",
            single_writes=True,  # moto lacks parameters in BatchExecuteStatement
        )

    def _set(self, *environments: Any) -> None:
        for environment in environments:
            for name, value in environment.to_environment().items():
                self._monkeypatch.setenv(name, value)

    def notifications(self) -> list[dict[str, Any]]:
        return [json.loads(each["body"]) for each in self.receive("end")]

    def row(self, key: str, sort: str) -> dict[str, Any]:
        table = boto3.resource("dynamodb").Table("orders")
        return table.get_item(Key={"pk": key, "sk": sort}).get("Item", {})


def _handler(service: str) -> Callable[[object, FakeContext], Any]:
    """The handler of a service in a process of its own, as far as its wiring goes."""
    import lambdas.billing.handler  # noqa: PLC0415
    import lambdas.inventory.handler  # noqa: PLC0415
    import lambdas.shipping.handler  # noqa: PLC0415

    modules = {
        "inventory": lambdas.inventory.handler,
        "billing": lambdas.billing.handler,
        "shipping": lambdas.shipping.handler,
    }
    handler: Callable[[object, FakeContext], Any] = reload(modules[service]).handler
    return handler


def _make_tables() -> None:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": items.ID, "AttributeType": "S"},
            {"AttributeName": items.REQUEST_ID, "AttributeType": "S"},
            {"AttributeName": requests.OPEN, "AttributeType": "S"},
            {"AttributeName": requests.DUE, "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": items.ID, "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": items.REQUEST_INDEX,
                "KeySchema": [{"AttributeName": items.REQUEST_ID, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": requests.OPEN_INDEX,
                "KeySchema": [
                    {"AttributeName": requests.OPEN, "KeyType": "HASH"},
                    {"AttributeName": requests.DUE, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    )
    client.create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


def _record(message: Any, arn: str) -> dict[str, Any]:
    attributes = message.get("MessageAttributes", {})
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for name, value in attributes.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
    }


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def start(**order: object) -> dict[str, Any]:
    return {"action": "start", "payload": {**ORDER, **order}, "idempotency_key": "k-1"}


def test_order_is_reserved_charged_shipped_and_told(desk: Desk) -> None:
    answer = desk.ask(start())
    assert desk.ask(start()) == {**answer, "status": "duplicate"}
    desk.settle()

    assert desk.row("STOCK#tea", "STOCK")["reserved"] == 3
    assert desk.row("CUSTOMER#c-1", "BALANCE#EUR")["charged"] == AMOUNT
    assert desk.row("CUSTOMER#c-1", "SHIPMENTS")["shipped"] == 1
    for kind in ("RESERVATION", "CHARGE", "SHIPMENT"):
        assert desk.row("ORDER#o-1", f"{kind}#{answer['run_id']}")["request_id"] == answer["request_id"]
    (notification,) = desk.notifications()
    result = {"shipment_id": shipment_id("o-1"), "amount": AMOUNT}
    assert notification["results"] == {"shipping": {"inline": result}}


def test_large_order_goes_by_way_of_the_bucket(desk: Desk) -> None:
    answer = desk.ask(start(note="n" * 100_000))
    desk.settle()

    keys = [each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket="claims")["Contents"]]
    assert keys == [f"orders/{answer['request_id']}/{answer['run_id']}/request.json"]
    assert len(desk.notifications()) == 1


def test_declined_order_dies_in_billing_alone(desk: Desk) -> None:
    answer = desk.ask(start(customer="declined-7"))
    desk.settle()

    (letter,) = desk.receive("letters")
    assert "got declined" in letter["messageAttributes"]["tsunagu_dead_letter_reason"]["stringValue"]
    (run,) = trace(deployed_journal(desk.environment, boto3.client("dynamodb")), answer["request_id"])
    assert [each.status for each in run.services] == [Status.COMPLETED, Status.DEAD, None]


def test_replay_of_one_service_reaches_it_alone(desk: Desk) -> None:
    answer = desk.ask(start())
    desk.settle()
    replay = {"action": "replay", "request_id": answer["request_id"], "from_step": "reserve", "only": "billing"}
    again = desk.ask(replay)
    assert desk.deliver("reserve", "inventory") == 0
    desk.settle()

    assert desk.row("STOCK#tea", "STOCK")["reserved"] == 3
    assert desk.row("CUSTOMER#c-1", "BALANCE#EUR")["charged"] == 2 * AMOUNT
    assert [each["run_id"] for each in desk.notifications()] == [answer["run_id"], again["run_id"]]
    runs = trace(deployed_journal(desk.environment, boto3.client("dynamodb")), answer["request_id"])
    assert [run.run_id for run in runs] == [answer["run_id"], again["run_id"]]


def test_entry_queue_starts_orders(desk: Desk) -> None:
    desk.send("entry", json.dumps(start()))
    assert desk.enter() == {"batchItemFailures": []}
    desk.settle()

    (notification,) = desk.notifications()
    assert desk.ask(start())["request_id"] == notification["request_id"]


def test_start_of_another_pipeline_of_the_same_name_is_no_duplicate(desk: Desk) -> None:
    desk.ask(start())
    desk.place = "another-shop/Orders"
    desk.send("entry", json.dumps(start()))

    with pytest.raises(ForeignKeyError):
        desk.ask(start())
    assert len(desk.enter()["batchItemFailures"]) == 1


def test_start_through_the_entry_queue_of_another_pipeline_of_the_same_name_is_no_duplicate(desk: Desk) -> None:
    desk.send("entry", json.dumps(start()))
    desk.enter()
    desk.place = "another-shop/Orders"

    with pytest.raises(ForeignKeyError):
        desk.ask(start())


def test_preprocessor_without_an_entry_queue_refuses_records(desk: Desk) -> None:
    with pytest.raises(UnroutableEventError, match="must be invoked directly"):
        desk.ask({"Records": [{"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:1:entry"}]})
    with pytest.raises(MalformedRequestError):
        desk.ask({"Records": []})
    with pytest.raises(MalformedRequestError):
        desk.ask({"order_id": "o-1"})


def test_hundreds_of_records_of_a_request_are_found(desk: Desk) -> None:
    client = boto3.client("dynamodb")
    for number in range(50):
        item = {"id": {"S": f"i-{number:03}"}, "request_id": {"S": "r-1"}, "result": {"S": "x" * 30_000}}
        client.put_item(TableName="items", Item=item)

    assert sorted(DynamoDbJournalIndex(client, "items").item_ids("r-1")) == [f"i-{number:03}" for number in range(50)]
    assert DynamoDbJournalIndex(client, "items").item_ids("r-2") == []


def test_table_without_the_index_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="the index of requests did not answer"):
        DynamoDbJournalIndex(boto3.client("dynamodb"), "nowhere").item_ids("r-1")


def test_run_whose_message_was_purged_is_listed_and_counted_until_it_is_replayed(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = desk.ask(start())
    desk.send("entry", json.dumps({**start(), "idempotency_key": "k-2"}))
    desk.enter()
    for service in ("inventory", "billing"):
        desk.deliver("reserve", service)
    assert len(desk.receive("shipping")) == 2  # received and deleted, as by a purge
    capsys.readouterr()

    assert desk.sweep() == {"looked_at": 2, "closed": 0, "unfinished": 2}

    assert '"RunsUnfinished":2' in capsys.readouterr().out
    found = desk.unfinished()
    assert found[0].request_id == answer["request_id"]
    assert [(wait.service, wait.cause) for run in found for wait in run.waits] == [
        ("shipping", Cause.NOT_RECEIVED),
        ("shipping", Cause.NOT_RECEIVED),
    ]
    desk.ask({"action": "replay", "request_id": answer["request_id"], "from_step": "ship"})
    desk.settle()
    assert desk.sweep() == {"looked_at": 3, "closed": 2, "unfinished": 1}
    assert [run.request_id for run in desk.unfinished()] == [found[1].request_id]


def test_unfinished_run_that_is_dismissed_is_not_listed_any_more(desk: Desk) -> None:
    answer = desk.ask(start())

    assert dismiss_runs(desk, boto3.client("dynamodb"), "preprocessor", answer["request_id"]) == 1  # type: ignore[arg-type]

    assert (desk.unfinished(), desk.sweep()["looked_at"]) == ([], 0)
    desk.settle()
    assert len(desk.notifications()) == 1


def test_runs_without_the_index_are_an_error_of_the_sweeper(desk: Desk) -> None:
    index_update = [{"Delete": {"IndexName": requests.OPEN_INDEX}}]
    boto3.client("dynamodb").update_table(TableName="items", GlobalSecondaryIndexUpdates=index_update)  # type: ignore[arg-type]

    with pytest.raises(UnavailableError, match="the sweep is incomplete"):
        desk.sweep()
    with pytest.raises(OperationError, match="the index of open requests did not answer"):
        desk.unfinished()
