"""What the sweeper of accepted requests calls, and the whole sweeper as its function runs it, against moto."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from tsunagu.contracts import items, requests
from tsunagu.contracts.items import Status
from tsunagu.contracts.request_sweeper import RequestSweeperEnvironment
from tsunagu.runtime.aws.dead_letter_view import SqsDeadLetterView
from tsunagu.runtime.aws.open_requests import DynamoDbOpenRequests
from tsunagu.runtime.aws.queue_age import CloudWatchQueueAge
from tsunagu.runtime.clock import SystemClock
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.functions import request_sweeper
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.requests.open_request import OpenRequest, RecordChange
from tsunagu.testing.fakes import START_MS, FakeClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

TABLE = "items"
SCOPE = "reports"
PARTITION = requests.open_partition(SCOPE, "a")


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 50_000


@pytest.fixture
def dynamodb() -> "DynamoDBClient":
    client = boto3.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": items.ID, "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": items.ID, "AttributeType": "S"},
            {"AttributeName": requests.OPEN, "AttributeType": "S"},
            {"AttributeName": requests.DUE, "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": requests.OPEN_INDEX,
                "KeySchema": [
                    {"AttributeName": requests.OPEN, "KeyType": "HASH"},
                    {"AttributeName": requests.DUE, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def records(dynamodb: "DynamoDBClient") -> DynamoDbOpenRequests:
    return DynamoDbOpenRequests(dynamodb, TABLE)


@pytest.fixture
def sqs() -> "SQSClient":
    return boto3.client("sqs")


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Build the sweeper of the function anew for each test."""
    request_sweeper._cached_sweeper.cache_clear()  # noqa: SLF001
    yield
    request_sweeper._cached_sweeper.cache_clear()  # noqa: SLF001


def item_id_of(number: int) -> str:
    return requests.request_item_id(SCOPE, "alice", f"r-{number}")


def put(client: "DynamoDBClient", number: int = 1, *, due: int = START_MS, more: Any = None) -> str:
    item_id = item_id_of(number)
    record: dict[str, Any] = {
        items.ID: {"S": item_id},
        requests.KIND: {"S": requests.REQUEST_KIND},
        items.REQUEST_ID: {"S": f"r-{number}"},
        items.STATUS: {"S": Status.RELEASED},
        items.OWNER: {"S": ""},
        items.FENCE: {"N": "0"},
        items.LEASE: {"N": "0"},
        requests.ACCEPTED: {"N": str(due - 300_000)},
        requests.DUE: {"N": str(due)},
        requests.OPEN: {"S": PARTITION},
        requests.BODY: {"S": "b" * 100},
        **(more or {}),
    }
    client.put_item(TableName=TABLE, Item=record)
    return item_id


def get(client: "DynamoDBClient", item_id: str) -> dict[str, Any]:
    return client.get_item(TableName=TABLE, Key={items.ID: {"S": item_id}})["Item"]


def test_due_records_of_a_partition_are_found_in_pages_oldest_first(
    dynamodb: "DynamoDBClient", records: DynamoDbOpenRequests
) -> None:
    for number in range(60):
        put(dynamodb, number, due=START_MS - number)
    put(dynamodb, 60, due=START_MS + 1)
    put(dynamodb, 61, more={requests.OPEN: {"S": requests.open_partition(SCOPE, "b")}})

    first = records.find_due(PARTITION, START_MS)
    second = records.find_due(PARTITION, START_MS, first.following)

    found = [*first.item_ids, *second.item_ids]
    assert found == [item_id_of(number) for number in reversed(range(60))]
    assert (len(first.item_ids), second.following) == (50, None)


def test_records_are_read_without_what_is_large(dynamodb: "DynamoDBClient", records: DynamoDbOpenRequests) -> None:
    item_id = put(
        dynamodb,
        more={
            requests.RESENDS: {"N": "2"},
            requests.RESENT: {"N": "7"},
            requests.REOPENED: {"N": "8"},
            requests.CLOSED: {"N": "9"},
            items.TOLD: {"L": [{"S": "m-1"}]},
            items.RESULT: {"S": "r" * 100},
        },
    )
    put(dynamodb, 2, more={items.STATUS: {"S": "LATER"}})
    put(dynamodb, 3, more={requests.ACCEPTED: {"S": "yesterday"}})

    found, other, third, missing = records.read([item_id, item_id_of(2), item_id_of(3), "none"])

    assert isinstance(found, OpenRequest)
    assert (found.resends, found.resent_ms, found.reopened_ms, found.closed_ms, found.item.told) == (
        2,
        7,
        8,
        9,
        ("m-1",),
    )
    assert found.item.result == ""
    assert [each.outcome for each in (other, third) if isinstance(each, Verdict)] == [Outcome.UNREADABLE] * 2
    assert missing is None


def test_change_sets_and_removes_where_its_condition_holds(
    dynamodb: "DynamoDBClient", records: DynamoDbOpenRequests
) -> None:
    item_id = put(dynamodb)
    close = RecordChange(
        item_id=item_id,
        values={requests.CLOSED: 5},
        removed=(requests.OPEN, requests.DUE),
        where={items.STATUS: Status.RELEASED, items.FENCE: 0, requests.RESENDS: None},
    )

    verdicts = records.change([close]) + records.change(
        [RecordChange(item_id=item_id, values={items.FENCE: 9}, where={requests.CLOSED: None})]
    )

    assert [verdict.outcome for verdict in verdicts] == [Outcome.APPLIED, Outcome.REFUSED]
    record = get(dynamodb, item_id)
    assert (record[requests.CLOSED], record[items.FENCE]) == ({"N": "5"}, {"N": "0"})
    assert {requests.OPEN, requests.DUE}.isdisjoint(record)
    assert records.find_due(PARTITION, START_MS).item_ids == []


def test_record_that_does_not_exist_is_not_made_by_a_change(records: DynamoDbOpenRequests) -> None:
    change = RecordChange(item_id="gone", values={requests.CLOSED: 5}, where={items.FENCE: 0})

    assert records.change([change]) == [Verdict(Outcome.REFUSED)]


def test_failed_calls_say_what_was_called(dynamodb: "DynamoDBClient", records: DynamoDbOpenRequests) -> None:
    denied = {"http_status_code": 400, "service_error_code": "AccessDeniedException"}
    with Stubber(dynamodb) as stub:
        for operation in ("batch_get_item", "update_item", "query"):
            stub.add_client_error(operation, **denied)  # type: ignore[arg-type]

        (read,) = records.read(["a"])
        (changed,) = records.change([RecordChange(item_id="a", values={"b": 1}, where={"b": 0})])
        with pytest.raises(UnavailableError) as raised:
            records.find_due(PARTITION, 0)

    calls = [read.problem if isinstance(read, Verdict) else None, changed.problem, raised.value.call]
    assert [str(call) for call in calls] == [
        "dynamodb:BatchGetItem on items: AccessDeniedException",
        "dynamodb:UpdateItem on items: AccessDeniedException",
        "dynamodb:Query on items/index/OpenIndex: AccessDeniedException",
    ]
    assert all(call is not None and call.is_configuration_fault for call in calls)


def test_keys_that_were_not_processed_are_read_again(dynamodb: "DynamoDBClient", records: DynamoDbOpenRequests) -> None:
    item_id = put(dynamodb)
    record = get(dynamodb, item_id)
    left: Any = {TABLE: {"Keys": [{items.ID: {"S": item_id}}]}}
    with Stubber(dynamodb) as stub:
        stub.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left})
        stub.add_response("batch_get_item", {"Responses": {TABLE: [record]}, "UnprocessedKeys": {}})

        (found,) = records.read([item_id])

    assert isinstance(found, OpenRequest)


def test_keys_that_are_never_processed_are_no_missing_records(
    dynamodb: "DynamoDBClient", records: DynamoDbOpenRequests
) -> None:
    left: Any = {TABLE: {"Keys": [{items.ID: {"S": "a"}}]}}
    with Stubber(dynamodb) as stub:
        for _ in range(10):
            stub.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left})

        (found,) = records.read(["a"])

    assert isinstance(found, Verdict)
    assert found.problem == FailedCall("dynamodb:BatchGetItem", TABLE, "UnprocessedKeys")


def test_letters_are_seen_hidden_and_given_back(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="moved")
    reason = {"tsunagu_dead_letter_reason": {"DataType": "String", "StringValue": "because"}}
    sqs.send_message(QueueUrl=url, MessageBody="ours", MessageAttributes=reason)  # type: ignore[arg-type]
    view = SqsDeadLetterView(lambda: sqs, url)

    seen = view.receive()
    hidden = view.receive()
    problem = view.give_back(seen)

    assert {(letter.body, letter.has_reason) for letter in seen} == {("moved", False), ("ours", True)}
    assert (hidden, problem) == ([], None)
    assert len(view.receive()) == 2


def test_age_is_that_of_the_newest_minute_that_is_known() -> None:
    cloudwatch, clock = boto3.client("cloudwatch"), FakeClock()
    now = datetime.fromtimestamp(clock.now_ms() / 1_000, UTC)
    for minutes, age in ((4, 900.0), (2, 40.0), (9, 7.0)):
        cloudwatch.put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": "reports"}],
                    "Timestamp": now - timedelta(minutes=minutes),
                    "Value": age,
                }
            ],
        )

    ages = [
        CloudWatchQueueAge(lambda: cloudwatch, f"https://sqs.eu-central-1.amazonaws.com/1/{name}", clock).oldest_ms()
        for name in ("reports", "idle")
    ]

    assert ages == [40_000, 0]


@pytest.fixture
def deployed(dynamodb: "DynamoDBClient", sqs: "SQSClient", monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("reports", "dead", "told")}
    topic = boto3.client("sns").create_topic(Name="done")["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=urls["told"], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    raw = {"RawMessageDelivery": "true"}
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    environment = RequestSweeperEnvironment(
        request_scope=SCOPE,
        idempotency_table_name=TABLE,
        idempotency_window_seconds=86_400,
        dead_letter_queue_url=urls["dead"],
        deadline_seconds=3_600,
        resend_after_seconds=300,
        function_timeout_seconds=50,
        metrics_namespace="Tsunagu",
        queue_url=urls["reports"],
        visibility_timeout_seconds=180,
        max_receive_count=96,
        completion_topic_arn=topic,
    )
    for name, value in environment.to_environment().items():
        monkeypatch.setenv(name, value)
    return urls


def test_function_sends_ends_and_closes(
    dynamodb: "DynamoDBClient", sqs: "SQSClient", deployed: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    now = SystemClock().now_ms()
    lost = put(dynamodb, 1, due=now - 1_000)
    late = put(dynamodb, 2, due=now - 4_000_000)
    moved = put(dynamodb, 3, due=now + 100_000)
    cancelled = put(dynamodb, 4, due=now, more={items.STATUS: {"S": "COMPLETED"}, requests.CANCELLED: {"N": str(now)}})
    sqs.send_message(QueueUrl=deployed["dead"], MessageBody=requests.message_body(moved))

    counts = request_sweeper.request_sweeper_handler({}, Context())
    again = request_sweeper.request_sweeper_handler({}, Context())

    assert counts == {"looked_at": 4, "failed": 2, "resent": 1, "closed": 2}
    assert again == {"looked_at": 1, "failed": 0, "resent": 0, "closed": 1}  # the late one is told of and closed
    (message,) = sqs.receive_message(QueueUrl=deployed["reports"])["Messages"]
    assert json.loads(message["Body"]) == {"request_key": lost}
    told = sqs.receive_message(QueueUrl=deployed["told"], MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    assert {
        (json.loads(each["Body"])["request_id"], json.loads(each["Body"])["status"]) for each in told["Messages"]
    } == {
        ("r-2", "FAILED"),
        ("r-3", "FAILED"),
        ("r-4", "CANCELLED"),
    }
    names = {"tsunagu_request_id", "tsunagu_delivery_id", "tsunagu_request_status"}
    assert all(set(each["MessageAttributes"]) == names for each in told["Messages"])
    assert all(requests.OPEN not in get(dynamodb, item_id) for item_id in (late, moved, cancelled))
    assert '"RequestsFailed":2' in capsys.readouterr().out


def test_run_with_a_failed_call_fails_after_it_did_what_it_could(
    dynamodb: "DynamoDBClient", sqs: "SQSClient", deployed: dict[str, str]
) -> None:
    lost = put(dynamodb, 1, due=SystemClock().now_ms() - 1_000)
    sqs.delete_queue(QueueUrl=deployed["dead"])

    with pytest.raises(UnavailableError, match=r"^the sweep is incomplete: sqs:ReceiveMessage on dead: "):
        request_sweeper.request_sweeper_handler({}, Context())

    (message,) = sqs.receive_message(QueueUrl=deployed["reports"])["Messages"]
    assert json.loads(message["Body"]) == {"request_key": lost}
