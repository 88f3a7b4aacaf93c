"""`tsunagu dlq` against a cloud: killed again and again over thousands of letters, and on a stack of another team."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.correctness.desks import Desk
from tests.correctness.plain_stack import BROKEN, STACK_NAME, synthesize_plain
from tests.e2e.command import TSUNAGU, tsunagu
from tsunagu.contracts.messages import dead_letter_source
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.queues import count_messages
from tsunagu.runtime.idempotency.keys import item_id, key_space
from tsunagu.testing.patience import eventually

LETTERS, KILLS = 5_000, 5
PLACE = ("--stack", "desk")
# The whole stack is protected, and these are letters of a test. No first letter: the desk is in order.
ALL = ("--yes", "--force", "--no-canary", "--stop-after", "0", "--rate", "500", "--wait", "0")


def put_letters(desk: Desk, keys: Sequence[str], group: str = "") -> None:
    """Put letters into the dead-letter queue as the desk's receiver does."""
    sqs = desk.cloud.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=desk.queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for start in range(0, len(keys), 10):
        entries: list[Any] = [letter(arn, number, key, group) for number, key in enumerate(keys[start : start + 10])]
        sqs.send_message_batch(QueueUrl=desk.dead_letter_queue_url, Entries=entries)


def letter(arn: str, number: int, key: str, group: str) -> dict[str, Any]:
    attributes = {
        "tsunagu_dead_letter_reason": "the desk was out of order",
        "tsunagu_dead_letter_source": dead_letter_source(arn, f"before-{key}"),
        "tsunagu_dead_letter_item": item_id(key_space("desk", arn), key),
    }
    fifo = {"MessageGroupId": group, "MessageDeduplicationId": key} if group else {}
    sent = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    return {"Id": str(number), "MessageBody": json.dumps({"key": key}), "MessageAttributes": sent, **fifo}


def killed_redrive(desk: Desk, name: str, letters: int) -> None:
    """Begin a redrive, and kill it when it has moved so many letters."""
    sqs, url = desk.cloud.client("sqs"), desk.dead_letter_queue_url
    before = count_messages(sqs, url)
    command = subprocess.Popen(
        [TSUNAGU, "dlq", "redrive", name, *PLACE, *ALL],
        env=os.environ | desk.cloud.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: count_messages(sqs, url) <= before - letters, seconds=300)
    finally:
        command.send_signal(signal.SIGKILL)
        command.wait()


def redrive_the_rest(desk: Desk, name: str) -> None:
    """Redrive until nothing is left. Letters that a killed redrive has received come back after a minute or so."""
    deadline = time.monotonic() + 400
    while count_messages(desk.cloud.client("sqs"), desk.dead_letter_queue_url):
        result = tsunagu(desk.cloud, "dlq", "redrive", name, *PLACE, *ALL)
        assert result.returncode == 0, result.stderr
        assert time.monotonic() < deadline, result.stderr
        time.sleep(5)


def effects(desk: Desk, prefix: str) -> dict[str, dict[str, Any]]:
    """Return the effects of all keys that begin with `prefix`."""
    pages = desk.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=desk.outputs["EffectsTableName"])
    items = (item for page in pages for item in page["Items"])
    return {item["key"]["S"]: item for item in items if item["key"]["S"].startswith(prefix)}


def test_redrive_of_thousands_that_is_killed_five_times_processes_each_letter_once(desks: dict[str, Desk]) -> None:
    desk = desks["StandardTransaction"]
    keys = [f"thousands-{number}" for number in range(LETTERS)]
    put_letters(desk, keys)

    for _ in range(KILLS):
        killed_redrive(desk, "StandardTransaction", 500)
    redrive_the_rest(desk, "StandardTransaction")
    desk.wait_until_empty(seconds=600)

    found = effects(desk, "thousands-")
    assert Counter(item["effects"]["N"] for item in found.values()) == {"1": LETTERS}
    assert found.keys() == {*keys}


def test_groups_of_a_redrive_that_is_killed_keep_their_order(desks: dict[str, Desk]) -> None:
    desk = desks["FifoTransaction"]
    groups = {group: [f"ordered-{group}-{number:03}" for number in range(80)] for group in "abc"}
    for group, keys in groups.items():
        put_letters(desk, keys, group)

    for _ in range(2):
        killed_redrive(desk, "FifoTransaction", 40)
    redrive_the_rest(desk, "FifoTransaction")
    desk.wait_until_empty(seconds=300)

    found = effects(desk, "ordered-")
    for keys in groups.values():
        times = [int(found[key]["recorded_at"]["N"]) for key in keys]
        assert times == sorted(times)
        assert {found[key]["effects"]["N"] for key in keys} == {"1"}


@pytest.fixture(scope="module")
def plain(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The outputs of the stack of another team."""
    assembly = synthesize_plain(tmp_path_factory.mktemp("plain") / "cdk.out")
    return cloud.deploy(assembly)[STACK_NAME]


def dlq(cloud: EmbeddedCloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tsunagu(cloud, "dlq", *arguments, "--stack", STACK_NAME)


def listed(cloud: EmbeddedCloud, name: str) -> dict[str, Any]:
    result = dlq(cloud, "list", name, "--json")
    assert result.returncode == 0, result.stderr
    queues: list[dict[str, Any]] = json.loads(result.stdout)["queues"]
    return queues[0]


def wait_for_letters(cloud: EmbeddedCloud, name: str, count: int) -> dict[str, Any]:
    found: dict[str, Any] = eventually(lambda: (queue := listed(cloud, name))["seen"] == count and queue, seconds=120)
    return found


def repair(cloud: EmbeddedCloud, function_name: str) -> None:
    functions = cloud.client("lambda")
    configuration = functions.get_function_configuration(FunctionName=function_name)
    variables = {**configuration["Environment"]["Variables"], BROKEN: "no"}
    functions.update_function_configuration(FunctionName=function_name, Environment={"Variables": variables})


def taken(cloud: EmbeddedCloud, url: str) -> list[str]:
    sqs, found = cloud.client("sqs"), []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in received:
            found.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return sorted(found)


def test_letters_that_sqs_moved_go_back_to_their_queue(cloud: EmbeddedCloud, plain: Mapping[str, str]) -> None:
    for number in range(3):
        cloud.client("sqs").send_message(QueueUrl=plain["OrdersUrl"], MessageBody=f"order {number}")
    (group,) = wait_for_letters(cloud, "OrdersDead", 3)["groups"]
    assert group["reason"] == "SQS moved it after 2 deliveries"

    refused = dlq(cloud, "redrive", "OrdersDead", "--yes", "--drained", "2")
    assert refused.returncode == 1
    assert "the first letter died again" in refused.stderr
    assert wait_for_letters(cloud, "OrdersDead", 3)["groups"][0]["redriven"] == 1

    repair(cloud, plain["WorkerName"])
    result = dlq(cloud, "redrive", "OrdersDead", "--yes", "--drained", "2", "--wait", "30")
    assert (result.returncode, result.stdout) == (0, "sent back 3: 3 resolved\n"), result.stderr
    assert taken(cloud, plain["DoneUrl"]) == ["order 0", "order 1", "order 2"]


def test_what_sns_could_not_deliver_goes_to_the_queue_in_its_envelope(
    cloud: EmbeddedCloud, plain: Mapping[str, str]
) -> None:
    cloud.client("sns").publish(TopicArn=plain["TopicArn"], Message='{"sale": 1}')
    (group,) = wait_for_letters(cloud, "SalesDead", 1)["groups"]
    assert group["reason"].startswith("SNS could not deliver it to ")
    shown = json.loads(dlq(cloud, "show", group["such_as"], "SalesDead", "--json").stdout)
    assert (shown["origin"], shown["body"]) == ("subscription", {"sale": 1})

    result = dlq(cloud, "redrive", "SalesDead", "--yes", "--no-canary", "--wait", "0")
    assert result.returncode == 0, result.stderr
    (body,) = taken(cloud, plain["StockUrl"])
    assert json.loads(body)["Message"] == '{"sale": 1}'


@pytest.mark.parametrize(
    ("name", "origin", "reason"),
    [("Billed", "destination", "ValueError: bill … cannot be paid"), ("Mailed", "function", "cannot be paid")],
)
def test_failed_invocations_are_made_again(
    cloud: EmbeddedCloud, plain: Mapping[str, str], name: str, origin: str, reason: str
) -> None:
    function_name = plain[f"{name}Name"]
    for number in range(2):
        payload = json.dumps({"bill": number}).encode()
        cloud.client("lambda").invoke(FunctionName=function_name, InvocationType="Event", Payload=payload)
    (group,) = wait_for_letters(cloud, f"{name}Dead", 2)["groups"]
    assert reason.replace("…", "N") in group["kind"]
    shown = json.loads(dlq(cloud, "show", group["such_as"], f"{name}Dead", "--json").stdout)
    assert shown["origin"] == origin

    repair(cloud, function_name)
    result = dlq(cloud, "redrive", f"{name}Dead", "--yes", "--no-canary", "--wait", "0")
    assert result.returncode == 0, result.stderr
    eventually(lambda: count_messages(cloud.client("sqs"), plain["DoneUrl"]) == 2)
    assert taken(cloud, plain["DoneUrl"]) == ['{"bill": 0}', '{"bill": 1}']
