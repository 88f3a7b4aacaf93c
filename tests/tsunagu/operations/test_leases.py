"""The lease of a job in a table of moto: read, and released under its condition."""

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tsunagu.contracts.schedules import SLOT_PATTERN, job_item_id
from tsunagu.errors import OperationError
from tsunagu.operations.jobs import DeployedJob, start_run
from tsunagu.operations.leases import lease_of, release_lease
from tsunagu.runtime.single_flight.job_lease import JobLease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

JOB = DeployedJob(name="sync", state_machine_arn="arn:machine", table_name="items")
LEASE = JobLease(owner="execution", run=3, slot="2026-11-28T14:00:00Z", lease=9, since=8)


@pytest.fixture
def table(aws: None) -> "DynamoDBClient":
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    put(client, LEASE)
    return client


def put(client: "DynamoDBClient", lease: JobLease) -> None:
    item: Any = {
        "id": {"S": job_item_id("sync")},
        "owner": {"S": lease.owner},
        "run": {"N": str(lease.run)},
        "slot": {"S": lease.slot},
        "lease": {"N": str(lease.lease)},
        "since": {"N": str(lease.since)},
    }
    client.put_item(TableName="items", Item=item)


def test_lease_is_read_and_released(table: "DynamoDBClient") -> None:
    assert lease_of(table, JOB) == LEASE

    release_lease(table, JOB, LEASE)

    assert lease_of(table, JOB) == JobLease(owner="", run=3, slot=LEASE.slot, lease=9, since=8)


def test_job_that_has_never_run_has_no_lease(table: "DynamoDBClient") -> None:
    assert lease_of(table, DeployedJob(name="other", state_machine_arn="", table_name="items")) is None


@pytest.mark.parametrize("change", [{"owner": "another"}, {"run": 4}, {"owner": ""}])
def test_lease_that_has_changed_is_not_released(table: "DynamoDBClient", change: dict[str, Any]) -> None:
    values: dict[str, Any] = {"owner": "execution", "run": 3, "slot": LEASE.slot, "lease": 9, "since": 8}
    changed = JobLease(**{**values, **change})
    put(table, changed)

    with pytest.raises(OperationError, match="must not change while it is released"):
        release_lease(table, JOB, LEASE)

    assert lease_of(table, JOB) == changed


def test_slot_of_a_manual_run_is_its_second_in_utc() -> None:
    asked: list[dict[str, str]] = []

    class Client:
        def start_execution(self, **call: str) -> dict[str, str]:
            asked.append(call)
            return {"executionArn": "execution"}

    client: Any = Client()
    at = datetime(2026, 11, 28, 15, 0, 1, 999_999, tzinfo=timezone(timedelta(hours=1)))

    assert start_run(client, JOB, at=at) == "execution"
    assert asked == [{"stateMachineArn": "arn:machine", "input": '{"slot": "2026-11-28T14:00:01Z"}'}]
    assert SLOT_PATTERN.fullmatch(f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
