"""Reads and releases the leases of scheduled jobs."""

from typing import TYPE_CHECKING, Any

from tsunagu.contracts import items, schedules
from tsunagu.errors import OperationError
from tsunagu.operations.jobs import DeployedJob
from tsunagu.runtime.aws.job_leases import read_lease
from tsunagu.runtime.single_flight.job_lease import JobLease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def lease_of(client: "DynamoDBClient", job: DeployedJob) -> JobLease | None:
    """Return the lease of a job; None if the job has never run.

    Raises:
        OperationError: The item of the job has another form than this release writes.
    """
    try:
        return read_lease(client, job.table_name, job.name)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        msg = f"the item of the job {job.name} must have the form of this release, got {type(error).__name__}"
        raise OperationError(msg) from error


def release_lease(client: "DynamoDBClient", job: DeployedJob, lease: JobLease) -> None:
    """Release the lease of a job, so that the next tick starts a run.

    A worker of the run that held it commits nothing from now on. Its execution goes on waiting. Stop the execution, if
    nobody needs it.

    Args:
        client: DynamoDB client.
        job: The job.
        lease: The lease, as `lease_of` returned it.

    Raises:
        OperationError: The lease has changed meanwhile. Nothing was released.
    """
    key: Any = {items.ID: {"S": schedules.job_item_id(job.name)}}
    values: Any = {":free": {"S": schedules.FREE}, ":owner": {"S": lease.owner}, ":run": {"N": str(lease.run)}}
    try:
        client.update_item(
            TableName=job.table_name,
            Key=key,
            UpdateExpression="SET #owner = :free",
            ConditionExpression="#owner = :owner AND #run = :run",
            ExpressionAttributeNames={"#owner": schedules.OWNER, "#run": schedules.RUN},
            ExpressionAttributeValues=values,
        )
    except client.exceptions.ConditionalCheckFailedException:
        msg = f"the lease of the job {job.name} must not change while it is released, got another owner or run"
        raise OperationError(msg) from None
