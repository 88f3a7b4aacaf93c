"""Records of requests in DynamoDB: read as they were written, and whatever has another form harms nothing."""

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tsunagu.contracts.items import Status
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.request_records import DynamoDbRequestRecords, record_attributes, record_or_verdict
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.testing.requests import accepted

RECORD = accepted('{"a": 1.10}', caller="role:a", headers={"x-id": "7"}, trace_header="Root=1")


@pytest.fixture
def records() -> DynamoDbRequestRecords:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return DynamoDbRequestRecords(DynamoDbItemStore(client, "items"))


def test_record_is_read_as_it_was_written_and_written_once(records: DynamoDbRequestRecords) -> None:
    late = replace(
        RECORD,
        item=replace(RECORD.item, status=Status.DEAD, fence=3, reason="r"),
        cancelled_ms=1,
        reopened_ms=2,
        progress="3 of 10",
        resends=4,
        resent_ms=5,
        closed_ms=6,
    )
    plain = accepted("", request_id="r-2", content_type="")

    verdicts = [records.insert_record(each) for each in (late, plain, replace(late, body="other"))]

    assert [verdict.outcome for verdict in verdicts] == [Outcome.APPLIED, Outcome.APPLIED, Outcome.REFUSED]
    assert records.read_records([plain.item.id, late.item.id, "reports:request#a:r-9"]) == [plain, late, None]


def test_record_has_what_the_gateway_compares_even_where_it_is_empty() -> None:
    attributes = record_attributes(accepted("", content_type=""))

    empty = ("body", "content_type", "owner")
    assert [attributes[name] for name in empty] == [{"S": ""}] * 3
    assert attributes.keys().isdisjoint({"headers", "cancelled", "reopened", "expiration", "progress"})


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("kind", None),
        ("kind", {"S": "PIPELINE"}),
        ("kind", {"N": "1"}),
        ("caller", None),
        ("caller", {"N": "1"}),
        ("request_id", None),
        ("body", {"B": b"x"}),
        ("headers", {"M": {"x": {"N": "1"}}}),
        ("headers", {"S": "x"}),
        ("accepted", {"S": "now"}),
        ("due", {"N": "many"}),
        ("status", {"S": "ACCEPTED"}),
        ("fence", None),
    ],
)
def test_record_of_another_form_is_unreadable_and_quotes_nothing(name: str, attribute: dict[str, Any] | None) -> None:
    changed = {**record_attributes(RECORD), name: attribute}
    verdict = record_or_verdict({key: value for key, value in changed.items() if value is not None})

    assert isinstance(verdict, Verdict)
    assert verdict.outcome is Outcome.UNREADABLE
    assert "many" not in verdict.unreadable


@pytest.mark.parametrize(("code", "is_fault"), [("ThrottlingException", False), ("AccessDeniedException", True)])
def test_call_that_fails_is_no_answer(records: DynamoDbRequestRecords, code: str, is_fault: bool) -> None:
    def fail(**_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": code}}, "PutItem")

    records.store.client.meta.events.register("before-call.dynamodb.PutItem", fail)

    verdict = records.insert_record(RECORD)

    assert verdict.outcome is Outcome.UNAVAILABLE
    assert verdict.problem is not None
    assert (verdict.problem.operation, verdict.problem.is_configuration_fault) == ("dynamodb:PutItem", is_fault)
