"""Everything that is recorded of an id, in an account with items, log lines, executions and a job."""

import json
import time
from typing import Any

import boto3
import pytest

from tests.tsunagu.operations.shop import STACK, Shop
from tsunagu.contracts.items import NEVER, Status
from tsunagu.contracts.requests import open_partition
from tsunagu.operations.evidence import letters
from tsunagu.operations.evidence.gather import find_items, gather, places_of
from tsunagu.operations.evidence.model import Evidence
from tsunagu.operations.inventory import read_inventory
from tsunagu.operations.reader import Reader
from tsunagu.runtime.aws.item_attributes import item_attributes
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id

NOW_MS = int(time.time() * 1_000)
SPACE = "orders@shop-Orders"
REQUEST = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071"
MESSAGE = "8f3e7a52-1c1f-4e0f-9a63-0e6d6e8f7a11"


@pytest.fixture
def shop(aws: None) -> Shop:
    return Shop()


def why(shop: Shop, id_: str) -> Evidence:
    reader = Reader(shop.aws())
    places = places_of(reader, [read_inventory(shop.cloudformation.client, STACK)])
    return gather(reader, places, id_, since_ms=NOW_MS - 3_600_000, now_ms=NOW_MS)


def put(shop: Shop, key: object, status: Status, **values: Any) -> str:
    item = Item(
        id=item_id(SPACE, key),
        status=status,
        owner="o",
        fence=3,
        request_id=REQUEST,
        updated=NOW_MS - 60_000,
        **{"lease": NEVER, **values},
    )
    shop.put_item(**item_attributes(item))
    return item.id


def log(function: str, *lines: dict[str, Any]) -> None:
    client, group = boto3.client("logs"), f"/aws/lambda/shop-{function}"
    client.create_log_stream(logGroupName=group, logStreamName="sandbox")
    client.put_log_events(
        logGroupName=group,
        logStreamName="sandbox",
        logEvents=[
            {"timestamp": NOW_MS - 50_000 + number, "message": json.dumps(line)} for number, line in enumerate(lines)
        ],
    )


@pytest.mark.parametrize(
    ("status", "values", "now"),
    [
        (Status.COMPLETED, {}, "done: the effect stands, and everything was sent"),
        (Status.DEAD, {"attempts": 3}, "dead-lettered, after 3 attempts that failed"),
        (Status.RELEASED, {"attempts": 1, "lease": 0}, "waits in its queue for the next delivery, after 1 attempt"),
        (Status.INPROGRESS, {"lease": NOW_MS + 5_000}, "a worker processes it, until 20"),
        (Status.INPROGRESS, {"lease": NOW_MS - 5_000}, "its worker was killed or too slow: the lease ended at 20"),
        (Status.COMMITTED, {"attempts": 2}, "the work is done, and its messages are not sent yet, after 2 rounds"),
    ],
)
def test_a_business_key_says_where_its_message_is(shop: Shop, status: Status, values: dict[str, Any], now: str) -> None:
    put(shop, "o-1", status, **values)

    (finding,) = why(shop, "o-1").findings

    assert (finding.what, finding.stack_name) == ("message of Orders", STACK)
    assert finding.now.startswith(now)
    assert finding.ended == (status is Status.COMPLETED)


def test_a_dead_message_has_its_reason_and_the_commands_for_its_letter(shop: Shop) -> None:
    put(shop, "o-1", Status.DEAD, reason="5 attempts failed, the last with ValueError", message_ids=(MESSAGE,))

    (finding,) = why(shop, "o-1").findings

    assert finding.reason == "5 attempts failed, the last with ValueError"
    assert [advice.command for advice in finding.advice] == [
        f"tsunagu dlq show {MESSAGE} Orders --stack shop",
        f"tsunagu dlq redrive Orders --id {MESSAGE} --stack shop",
    ]


def test_a_refused_call_is_told_with_the_grant_that_is_missing(shop: Shop) -> None:
    put(shop, "o-1", Status.RELEASED, reason="must commit, got dynamodb:PutItem on stock: AccessDeniedException")

    (advice,) = why(shop, "o-1").findings[0].advice

    assert advice.what.startswith("deploy a grant for dynamodb:PutItem on stock; the message comes back by itself")
    assert advice.command == "tsunagu graph shop --permissions --output permissions.svg"


def test_a_number_and_its_text_are_both_looked_for(shop: Shop) -> None:
    put(shop, 4711, Status.COMPLETED)
    put(shop, "4711", Status.DEAD)

    assert len(why(shop, "4711").findings) == 2


def test_a_message_id_leads_to_its_item_by_the_log(shop: Shop) -> None:
    item = put(shop, "o-1", Status.RELEASED, lease=0, attempts=1)
    log(
        "Receiver",
        {"level": "INFO", "message": "START of the sandbox"},
        {
            "level": "WARN",
            "message": "attempt failed",
            "message_id": MESSAGE,
            "item_id": item,
            "request_id": REQUEST,
            "error_type": "ValueError",
            "error_location": "service.py:41",
        },
        {"level": "INFO", "message": "batch settled", "returned_count": 1},
    )

    evidence = why(shop, MESSAGE)

    assert [finding.what for finding in evidence.findings] == ["message of Orders"]
    assert evidence.error_line is not None
    assert evidence.error_line.fields["error_location"] == "service.py:41"
    assert [line.message for line in evidence.around] == ["START of the sandbox", "attempt failed", "batch settled"]


def test_a_request_id_finds_the_items_of_the_index(shop: Shop) -> None:
    put(shop, "o-1", Status.COMPLETED)

    assert [finding.now for finding in why(shop, REQUEST).findings] == [
        "done: the effect stands, and everything was sent"
    ]


def test_an_item_id_finds_its_item(shop: Shop) -> None:
    assert len(why(shop, put(shop, "o-1", Status.COMPLETED)).findings) == 1


def test_an_accepted_request_that_no_worker_has_is_found_whoever_sent_it(shop: Shop) -> None:
    boto3.client("lambda").update_function_configuration(
        FunctionName="shop-Worker",
        Environment={"Variables": {"REQUEST_SCOPE": "api", "IDEMPOTENCY_TABLE_NAME": "items"}},
    )
    shop.put_item(
        id={"S": "api:request#jo:report-1"},
        kind={"S": "REQUEST"},
        caller={"S": "jo"},
        accepted={"N": str(NOW_MS - 1_000)},
        status={"S": "RELEASED"},
        open={"S": open_partition("api", "a")},
        due={"N": str(NOW_MS)},
    )

    (finding,) = why(shop, "report-1").findings

    assert finding.what == "accepted request of api"
    assert finding.now == "accepted, and no worker has claimed it yet; its caller is shown ACCEPTED"
    assert [moment.what for moment in finding.moments] == ["accepted from jo"]
    assert why(shop, "jo:report-1").findings == (why(shop, "report-1").findings)


def test_a_job_has_its_lease_and_its_last_execution(shop: Shop) -> None:
    machine = shop.cloudformation.stacks[STACK].physical_ids["Machine"]
    execution = boto3.client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"]
    boto3.client("stepfunctions").stop_execution(executionArn=execution, error="Stopped", cause="by jo")

    findings = why(shop, "nightly").findings

    assert [finding.what for finding in findings] == ["job nightly", "execution of nightly"]
    assert findings[0].now == "its last execution is ABORTED"
    assert findings[1].now.startswith("ABORTED since 20")
    assert [advice.command for advice in findings[0].advice] == ["tsunagu run nightly --stack shop"]


@pytest.mark.parametrize("by_name", [True, False])
def test_an_execution_is_found_by_its_arn_and_by_its_name(shop: Shop, *, by_name: bool) -> None:
    machine = shop.cloudformation.stacks[STACK].physical_ids["Machine"]
    arn = boto3.client("stepfunctions").start_execution(stateMachineArn=machine, name="tick-1")["executionArn"]

    (finding,) = why(shop, "tick-1" if by_name else arn).findings

    assert (finding.what, finding.now) == ("execution of nightly", "RUNNING")
    assert [advice.command for advice in finding.advice] == [f"aws stepfunctions stop-execution --execution-arn {arn}"]


def test_of_an_unknown_id_nothing_is_found(shop: Shop) -> None:
    evidence = why(shop, "never-seen")

    assert (evidence.findings, evidence.lines, evidence.error_line) == ([], [], None)
    assert len(evidence.searched) == 3


def bury(shop: Shop, queue: str = "OrdersDead", *, key: object = "", reason: str = "", space: str = SPACE) -> str:
    """Send a dead letter as the receiver of Orders does, or SQS itself (without a key). Return its id in the queue."""
    texts = {
        "tsunagu_dead_letter_reason": reason,
        "tsunagu_dead_letter_source": f"{shop.arn('Orders')}/{MESSAGE}",
        "tsunagu_dead_letter_item": item_id(space, key) if key else "",
    }
    attributes: Any = {
        name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text and key
    }
    sent = boto3.client("sqs").send_message(QueueUrl=shop.queues[queue], MessageBody="x", MessageAttributes=attributes)
    return sent["MessageId"]


def receive_count(shop: Shop, queue: str = "OrdersDead") -> int:
    """Receive the letter of a queue, and return how often it has been received before."""
    (received,) = boto3.client("sqs").receive_message(
        QueueUrl=shop.queues[queue], AttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    return int(received["Attributes"]["ApproximateReceiveCount"]) - 1


def test_the_id_of_a_letter_in_its_queue_finds_the_letter_its_item_and_the_log_of_the_message(shop: Shop) -> None:
    put(shop, "o-1", Status.DEAD, attempts=5, reason="5 attempts failed", message_ids=(MESSAGE,))
    log("Receiver", {"level": "ERROR", "message": "attempt failed", "message_id": MESSAGE, "error_type": "ValueError"})
    letter_id = bury(shop, key="o-1", reason="5 attempts failed")

    evidence = why(shop, letter_id)

    assert [(finding.what, finding.now) for finding in evidence.findings] == [
        ("dead letter of Orders", "in the dead-letter queue shop-OrdersDead"),
        ("message of Orders", "dead-lettered, after 5 attempts that failed"),
    ]
    assert [finding.reason for finding in evidence.findings] == ["5 attempts failed"] * 2
    commands = [advice.command for finding in evidence.findings for advice in finding.advice]
    assert commands == [
        f"tsunagu dlq show {MESSAGE} Orders --stack shop",
        f"tsunagu dlq redrive Orders --id {MESSAGE} --stack shop",
    ]
    assert evidence.error_line is not None


def test_a_letter_that_sqs_moved_is_found_and_stays_visible(shop: Shop) -> None:
    letter_id = bury(shop, "LegacyDead")

    (finding,) = why(shop, letter_id).findings

    assert (finding.what, finding.reason) == ("dead letter of Legacy/Dead", "SQS moved it after 4 deliveries")
    assert [advice.command for advice in finding.advice] == [
        f"tsunagu dlq show {letter_id} Legacy/Dead --stack shop",
        f"tsunagu dlq redrive Legacy/Dead --id {letter_id} --stack shop",
    ]
    assert not {"body", "attributes"} & finding.details["letter"].keys()
    assert receive_count(shop, "LegacyDead") == 1


def test_the_start_of_a_letters_id_finds_it(shop: Shop) -> None:
    letter_id = bury(shop)

    (finding,) = why(shop, letter_id[:8]).findings

    assert finding.details["letter"]["id"] == letter_id


def test_a_letter_whose_item_has_expired_is_found_by_its_business_key(shop: Shop) -> None:
    bury(shop, key="o-1", reason="5 attempts failed")

    (finding,) = why(shop, "o-1").findings

    assert (finding.what, finding.reason) == ("dead letter of Orders", "5 attempts failed")


def test_of_receivers_that_share_their_keys_the_letter_says_whose_it_is(shop: Shop) -> None:
    functions = boto3.client("lambda")
    for name, queue in (("Receiver", "Orders"), ("Worker", "Legacy")):
        variables = functions.get_function_configuration(FunctionName=f"shop-{name}")["Environment"]["Variables"]
        shared = {"QUEUE_ARN": shop.arn(queue), "QUEUE_URL": shop.queues[queue], "SHARED_KEYS": "orders"}
        functions.update_function_configuration(
            FunctionName=f"shop-{name}", Environment={"Variables": {**variables, **shared}}
        )
    item = Item(
        id=item_id("orders", "o-1"),
        status=Status.DEAD,
        owner="o",
        fence=1,
        lease=NEVER,
        message_ids=(MESSAGE,),
        updated=NOW_MS,
    )
    shop.put_item(**item_attributes(item))
    letter_id = bury(shop, "LegacyDead", key="o-1", reason="because", space="orders")

    findings = why(shop, "o-1").findings

    assert [finding.what for finding in findings] == ["dead letter of Legacy/Dead", "message of orders"]
    commands = [advice.command for finding in findings for advice in finding.advice]
    assert commands == [
        f"tsunagu dlq show {letter_id} Legacy/Dead --stack shop",
        f"tsunagu dlq redrive Legacy/Dead --id {letter_id} --stack shop",
        "tsunagu dlq list --stack shop",
    ]


def test_a_message_that_its_item_says_to_wait_is_found_among_the_letters(shop: Shop) -> None:
    letter_id = bury(shop)
    log("Receiver", {"level": "WARN", "message": "released", "message_id": letter_id, "item_id": item_id(SPACE, "o-1")})
    put(shop, "o-1", Status.RELEASED, lease=0, attempts=1)

    assert [finding.what for finding in why(shop, letter_id).findings] == ["dead letter of Orders", "message of Orders"]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.DEAD])
def test_letters_are_not_received_when_it_is_known_what_became_of_the_message(shop: Shop, status: Status) -> None:
    put(shop, "o-1", status)
    bury(shop, key="o-2", reason="5 attempts failed")

    assert len(why(shop, "o-1").findings) == 1
    assert receive_count(shop) == 0


def test_letters_that_were_not_looked_at_are_told_with_the_command_that_does(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "LOOKED_AT", 1)
    bury(shop)
    bury(shop)

    evidence = why(shop, "never-seen")

    assert evidence.findings == []
    assert [advice.command for advice in evidence.unseen] == ["tsunagu dlq show never-seen Orders --stack shop"]


def test_items_of_a_key_are_found_in_a_key_space_that_no_item_shows(shop: Shop) -> None:
    put(shop, "o-1", Status.COMPLETED)
    reader = Reader(shop.aws())
    (places,) = places_of(reader, [read_inventory(shop.cloudformation.client, STACK)])

    assert find_items(reader, places, "o-1", ["payments@shop-Orders"]) == []
    assert [found.item.id for found in find_items(reader, places, "o-1", [SPACE])] == [item_id(SPACE, "o-1")]
