"""The index of the journal in DynamoDB: finds the items of a request by the request id."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts import items
from tsunagu.contracts.pipeline import PreprocessorEnvironment
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.sdk_errors import failed_call
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.pipeline.journal import Journal
from tsunagu.runtime.pipeline.shape import Pipeline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbJournalIndex:
    """Finds the items of a request. The index is a moment behind its table.

    Args:
        client: DynamoDB client.
        table_name: Table with the index `items.REQUEST_INDEX`.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def item_ids(self, request_id: str) -> list[str]:
        """Return the ids of all items of a request, as of a moment ago.

        Raises:
            UnavailableError: DynamoDB did not answer.
        """
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            IndexName=items.REQUEST_INDEX,
            KeyConditionExpression="#request_id = :request_id",
            ExpressionAttributeNames={"#request_id": items.REQUEST_ID},
            ExpressionAttributeValues={":request_id": {"S": request_id}},
        )
        try:
            found: list[Any] = [item for page in pages for item in page["Items"]]
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, "dynamodb:Query", f"{self._table_name}/index/{items.REQUEST_INDEX}")
            msg = f"the index of requests did not answer: {call}"
            raise UnavailableError(msg, call=call) from error
        return [item[items.ID]["S"] for item in found]


def deployed_journal(environment: PreprocessorEnvironment, client: "DynamoDBClient") -> Journal:
    """Return the journal of a deployed pipeline.

    Args:
        environment: The environment of its preprocessor. `PreprocessorEnvironment.from_environment` reads it from the
            variables in the function's configuration.
        client: DynamoDB client with permission to read the table and to query its index.
    """
    table_name = environment.idempotency_table_name
    return Journal(
        Pipeline.from_text(environment.pipeline, environment.steps),
        DynamoDbItemStore(client, table_name),
        DynamoDbJournalIndex(client, table_name),
    )
