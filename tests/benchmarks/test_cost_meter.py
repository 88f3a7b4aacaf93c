"""The meter counts what AWS bills for: units of items, pieces of calls, seconds and log lines of an invocation."""

import logging
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.cost.billing import billed_requests
from benchmarks.cost.load import Load
from benchmarks.cost.meter import Meter
from benchmarks.cost.receive_once import record
from benchmarks.cost.tables import BilledTables
from benchmarks.cost.usage import Usage

LOAD = Load(batch=1)
INSTANT = replace(LOAD, durations=replace(LOAD.durations, work=0.0))


def item(size_bytes: int, **more: Any) -> dict[str, Any]:
    """Return an item of so many bytes, besides `more`."""
    return {"id": {"S": "i"}, "text": {"S": "-" * (size_bytes - len("iditext"))}, **more}


def put(tables: BilledTables, content: dict[str, Any], *, condition: str | None = None) -> None:
    conditional = {} if condition is None else {"ConditionExpression": condition}
    tables.answer("PutItem", {"TableName": "t", "Item": content, **conditional})


@pytest.mark.parametrize(("size", "units"), [(100, 1), (1_024, 1), (1_025, 2)])
def test_write_is_billed_by_the_size_of_the_item(size: int, units: int) -> None:
    tables = BilledTables({})

    put(tables, item(size))

    assert tables.units == {"dynamodb.write": units}


def test_update_is_billed_by_the_larger_item_and_a_refused_write_by_the_one_that_is_there() -> None:
    tables = BilledTables({})
    put(tables, item(2_000))
    put(tables, item(100))
    put(tables, item(2_000))
    assert tables.units["dynamodb.write"] == 3 * 2

    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        put(tables, item(100), condition="attribute_not_exists(id)")

    assert tables.units["dynamodb.write"] == 4 * 2


def test_transaction_is_billed_twice() -> None:
    tables = BilledTables({})
    entries = [{"Put": {"TableName": "t", "Item": item(100) | {"id": {"S": name}}}} for name in "ab"]

    tables.answer("TransactWriteItems", {"TransactItems": entries, "ClientRequestToken": "1"})

    assert tables.units == {"dynamodb.write": 4}


def test_index_is_written_when_an_item_enters_moves_or_leaves() -> None:
    tables, counted = BilledTables({"t": [("open",)]}), []
    for opened in ({}, {"open": {"S": "1"}}, {"open": {"S": "1"}}, {"open": {"S": "2"}}, {}):
        before = tables.units["dynamodb.write"]
        put(tables, item(100, **opened))
        counted.append(tables.units["dynamodb.write"] - before)

    assert counted == [1, 2, 1, 3, 2]


@pytest.mark.parametrize(("consistent", "units"), [(True, 2 + 1), (False, 1 + 0.5)])
def test_read_is_billed_by_four_kib_and_an_item_that_is_not_there_too(consistent: bool, units: float) -> None:
    tables = BilledTables({})
    put(tables, item(5_000))
    keys = [{"id": {"S": "i"}}, {"id": {"S": "none"}}]

    tables.answer("BatchGetItem", {"RequestItems": {"t": {"Keys": keys, "ConsistentRead": consistent}}})

    assert tables.units["dynamodb.read"] == units


@pytest.mark.parametrize(("size", "requests"), [(0, 1), (65_536, 1), (65_537, 2), (262_144, 4)])
def test_each_64_kib_of_a_call_are_a_request(size: int, requests: int) -> None:
    assert billed_requests(size) == requests


def used_by(call: Any, *, load: Load = INSTANT) -> Usage:
    meter = Meter(load)
    return meter.invoke(lambda _event, _context: call(meter), {})


def test_calls_of_each_service_are_counted_and_waited_for() -> None:
    def call(meter: Meter) -> None:
        meter.client("s3").put_object(Bucket="b", Key="k", Body=b"")
        meter.client("sns").publish(TopicArn="arn:aws:sns:us-east-1:123456789012:t", Message="-" * 65_537)
        meter.client("sqs").send_message(QueueUrl="https://sqs.us-east-1.amazonaws.com/1/q", MessageBody="a")

    used, durations = used_by(call), INSTANT.durations

    assert (used["s3.put"], used["sns.publish"], used["sqs.request"]) == (1, 2, 1)
    seconds = durations.s3_put + 2 * durations.publish
    assert used["lambda.gb-second"] == pytest.approx(seconds * INSTANT.memory_gib)


def test_refusal_reaches_the_handler_as_an_error_of_the_sdk() -> None:
    def call(meter: Meter) -> None:
        for _ in range(2):
            meter.client("dynamodb").put_item(
                TableName="t", Item={"id": {"S": "i"}}, ConditionExpression="attribute_not_exists(id)"
            )

    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        used_by(call)


def test_lines_of_the_log_are_counted_with_those_of_lambda() -> None:
    silent = used_by(lambda _: None)
    spoken = used_by(lambda _: logging.getLogger("orders").info("message processed"))

    assert silent["cloudwatch.log-gb"] * 1e9 == INSTANT.platform_log_bytes
    assert 50 < (spoken["cloudwatch.log-gb"] - silent["cloudwatch.log-gb"]) * 1e9 < 500


def test_message_that_comes_back_is_no_usage() -> None:
    meter = Meter(LOAD)

    with pytest.raises(RuntimeError, match="each message must be processed"):
        meter.deliver(lambda *_: {"batchItemFailures": [{"itemIdentifier": "1"}]}, [record("{}", 1, {})])


def test_batch_is_received_in_pieces_and_deleted_in_one_call() -> None:
    meter = Meter(LOAD)

    used = meter.deliver(lambda *_: None, [record("-" * 65_536, number, {}) for number in range(3)])

    assert used["sqs.request"] == 3 + 1
