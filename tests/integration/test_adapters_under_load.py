"""What AWS answers under load and in conflict, and what the adapters make of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.stub import ANY, Stubber

from tests.integration.test_message_handler import ENVIRONMENT
from tests.tsunagu.runtime.idempotency.item_store_contract import change, new_item, transact
from tsunagu.contracts import items
from tsunagu.runtime.aws.clients import TRIES_PER_CALL, client_config, dynamodb_client, sns_client, sqs_client
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.item_attributes import item_attributes
from tsunagu.runtime.aws.outbox import AwsOutboxSender
from tsunagu.runtime.aws.sqs import SqsQueueSender, SqsVisibility
from tsunagu.runtime.aws.tasks import StepFunctionsTasks
from tsunagu.runtime.functions.wiring import receiver_config
from tsunagu.runtime.idempotency.store import BusinessWrite, Outcome
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.outbox import Channel, OutboxMessage
from tsunagu.runtime.sending.publish import OutgoingMessage
from tsunagu.testing.fakes import FakeClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def client() -> "DynamoDBClient":
    return boto3.client("dynamodb")


def test_keys_that_dynamodb_did_not_process_are_read_again(client: "DynamoDBClient") -> None:
    item = new_item()
    keys = {"Keys": [{"id": {"S": item.id}}], "ConsistentRead": True}
    with Stubber(client) as stubber:
        left = {"Responses": {"items": []}, "UnprocessedKeys": {"items": keys}}
        stubber.add_response("batch_get_item", left)
        stubber.add_response("batch_get_item", {"Responses": {"items": [item_attributes(item)]}, "UnprocessedKeys": {}})

        assert DynamoDbItemStore(client, "items").read([item.id]) == [item]


def test_keys_that_dynamodb_never_processes_are_unavailable_and_not_absent(client: "DynamoDBClient") -> None:
    keys = {"Keys": [{"id": {"S": "a"}}], "ConsistentRead": True}
    with Stubber(client) as stubber:
        for _ in range(3):
            stubber.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": {"items": keys}})

        (answer,) = DynamoDbItemStore(client, "items").read(["a"])

    assert answer is not None
    assert getattr(answer, "outcome", None) is Outcome.UNAVAILABLE


def test_lost_lease_is_told_as_such_even_if_a_condition_of_the_business_failed_too(client: "DynamoDBClient") -> None:
    item = new_item()
    reasons = [{"Code": "ConditionalCheckFailed", "Item": item_attributes(item)}, {"Code": "ConditionalCheckFailed"}]
    write = BusinessWrite(operation="Put", table_name="t", target={"id": "a"}, condition="attribute_not_exists(id)")
    with Stubber(client) as stubber:
        stubber.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": reasons},
        )

        verdict = transact(DynamoDbItemStore(client, "items"), change(item, {items.FENCE: 9}), write)

    assert (verdict.outcome, verdict.found) == (Outcome.REFUSED, item)


def test_refused_change_of_a_batch_asks_for_the_item_and_returns_it(client: "DynamoDBClient") -> None:
    item = new_item()
    statement = {"Statement": ANY, "Parameters": ANY, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    error = {"Code": "ConditionalCheckFailed", "Message": "no", "Item": item_attributes(item)}
    with Stubber(client) as stubber:
        stubber.add_response("batch_execute_statement", {"Responses": [{"Error": error}]}, {"Statements": [statement]})

        (verdict,) = DynamoDbItemStore(client, "items").update([change(item, {items.FENCE: 9})])

    assert (verdict.outcome, verdict.found) == (Outcome.REFUSED, item)


@pytest.mark.parametrize(
    ("make", "call"),
    [
        (dynamodb_client, lambda client: client.list_tables()),
        (sqs_client, lambda client: client.list_queues()),
        (sns_client, lambda client: client.list_topics()),
    ],
)
def test_call_that_a_service_cannot_answer_is_repeated_by_the_sdk(
    make: Callable[[Any], Any], call: Callable[[Any], object]
) -> None:
    client = make(client_config(5))
    calls: list[str] = []

    def unavailable(request: Any, **_: object) -> AWSResponse:
        calls.append(request.url)
        return AWSResponse(request.url, 503, HTTPHeaders(), _Raw())

    client.meta.events.register_first("before-send", unavailable)

    with pytest.raises(client.exceptions.ClientError):
        call(client)

    assert len(calls) == TRIES_PER_CALL == 3


class _Raw:
    """The empty body of a response."""

    def stream(self) -> list[bytes]:
        return [b""]


def test_visibility_of_every_message_of_a_large_batch_changes_and_stays_below_twelve_hours() -> None:
    client: Any = boto3.client("sqs")
    calls: list[list[dict[str, Any]]] = []

    def record(params: Any, **_: object) -> None:
        calls.append(params["Entries"])

    client.meta.events.register("provide-client-params.sqs.ChangeMessageVisibilityBatch", record)
    url = client.create_queue(QueueName="orders")["QueueUrl"]

    SqsVisibility(lambda: client, url).change([(f"handle-{number}", 100_000) for number in range(25)])

    entries = [entry for call in calls for entry in call]
    assert [entry["ReceiptHandle"] for entry in entries] == [f"handle-{number}" for number in range(25)]
    assert max(map(len, calls)) == 10
    assert {entry["VisibilityTimeout"] for entry in entries} == {42_000}


@pytest.mark.parametrize("sender_fault", [False, True])
@pytest.mark.parametrize("code", ["RequestThrottled", "KmsThrottled", "KMS.ThrottlingException"])
def test_throttled_entry_is_not_given_up_for_good(code: str, sender_fault: bool) -> None:
    client: Any = boto3.client("sqs")
    failed = {"Failed": [{"Id": "0", "Code": code, "SenderFault": sender_fault}]}
    client.meta.events.register("before-call.sqs.SendMessageBatch", lambda **_: (_Http(), failed))

    (result,) = SqsQueueSender(lambda: client, "https://sqs/queue", FakeClock()).send([OutgoingMessage(body="b")])

    assert (result.message_id, result.is_permanent) == (None, False)


class _Http:
    status_code = 200


@pytest.mark.parametrize("channel", [Channel.QUEUE, Channel.TOPIC])
def test_message_of_an_outbox_keeps_its_deduplication_id_on_fifo(channel: Channel) -> None:
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    sent: list[dict[str, Any]] = []
    for client, operation in ((sqs, "sqs.SendMessageBatch"), (sns, "sns.PublishBatch")):
        client.meta.events.register(f"provide-client-params.{operation}", lambda params, **_: sent.append(params))
    target = (
        sqs.create_queue(QueueName="next.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        if channel is Channel.QUEUE
        else sns.create_topic(Name="next.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    )
    message = OutboxMessage(channel=channel, target=target, body="b", group_id="g")
    tasks = StepFunctionsTasks(lambda: boto3.client("stepfunctions"))

    (result,) = AwsOutboxSender(lambda: sqs, lambda: sns, tasks, FakeClock()).send(
        [AddressedMessage(message, "d-1", new_item())]
    )

    ((entry,),) = [params.get("Entries") or params["PublishBatchRequestEntries"] for params in sent]
    assert (entry["MessageGroupId"], entry["MessageDeduplicationId"]) == ("g", "d-1")
    assert result.error is None


@pytest.mark.parametrize("channel", [Channel.QUEUE, Channel.TOPIC])
def test_message_of_an_outbox_keeps_its_group_on_a_standard_target(channel: Channel) -> None:
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    queue_url, topic_arn = sqs.create_queue(QueueName="next")["QueueUrl"], sns.create_topic(Name="next")["TopicArn"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, Attributes=raw)
    target = queue_url if channel is Channel.QUEUE else topic_arn
    message = OutboxMessage(channel=channel, target=target, body="b", group_id="tenant")
    tasks = StepFunctionsTasks(lambda: boto3.client("stepfunctions"))
    sent: list[dict[str, Any]] = []
    for client, operation in ((sqs, "sqs.SendMessageBatch"), (sns, "sns.PublishBatch")):
        client.meta.events.register(f"provide-client-params.{operation}", lambda params, **_: sent.append(params))

    (result,) = AwsOutboxSender(lambda: sqs, lambda: sns, tasks, FakeClock()).send(
        [AddressedMessage(message, "d-1", new_item())]
    )

    ((entry,),) = [params.get("Entries") or params["PublishBatchRequestEntries"] for params in sent]
    (received,) = sqs.receive_message(QueueUrl=queue_url, MessageSystemAttributeNames=["All"])["Messages"]
    assert (result.error, "MessageDeduplicationId" in entry) == (None, False)
    assert received["Attributes"]["MessageGroupId"] == "tenant"


@pytest.mark.parametrize("seconds", [None, 3])
def test_lease_of_the_environment_is_the_lease_of_the_receiver(seconds: int | None) -> None:
    assert receiver_config(replace(ENVIRONMENT, lease_seconds=seconds), "orders").lease_seconds == seconds
