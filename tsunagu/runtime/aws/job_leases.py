"""The leases of jobs in DynamoDB: reads the job item."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts import items, schedules
from tsunagu.runtime.aws.sdk_errors import failed_call
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.single_flight.job_lease import JobLease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbJobLeases:
    """Reads the leases of jobs from one table.

    Args:
        client: DynamoDB client.
        table_name: Table with the partition key `id`.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def read(self, job: str) -> JobLease | None:
        """Return the lease of a job, by a consistent read; None if the job has never run.

        Raises:
            UnavailableError: The table did not answer, or the item cannot be read.
        """
        try:
            return read_lease(self._client, self._table_name, job)
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, "dynamodb:GetItem", self._table_name)
            msg = f"DynamoDB must return the lease of the job, got {call}"
            raise UnavailableError(msg, call=call) from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            msg = f"the item of the job must have the form of this release, got {type(error).__name__}"
            raise UnavailableError(msg) from error


def read_lease(client: "DynamoDBClient", table_name: str, job: str) -> JobLease | None:
    """Return the lease of a job, by a consistent read; None if the job has never run.

    Raises:
        ClientError, BotoCoreError: DynamoDB did not answer.
        LookupError, ValueError: The item cannot be read.
    """
    key: Any = {items.ID: {"S": schedules.job_item_id(job)}}
    found = client.get_item(TableName=table_name, Key=key, ConsistentRead=True).get("Item")
    return None if found is None else _lease(found)


def _lease(item: Mapping[str, Any]) -> JobLease:
    return JobLease(
        owner=item[schedules.OWNER]["S"],
        run=int(item[schedules.RUN]["N"]),
        slot=item[schedules.SLOT]["S"],
        lease=int(item[schedules.LEASE]["N"]),
        since=int(item[schedules.SINCE]["N"]),
    )
