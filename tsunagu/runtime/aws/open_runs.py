"""The index of open runs in DynamoDB, and the readers of a deployed pipeline's open runs."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.journal import DynamoDbJournalIndex
from tsunagu.runtime.aws.open_requests import DynamoDbOpenRequests
from tsunagu.runtime.pipeline.open_runs import OpenRuns
from tsunagu.runtime.pipeline.run_reader import RunReader
from tsunagu.runtime.pipeline.shape import Pipeline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbOpenRunIndex:
    """Finds the starts of open runs. The index is a moment behind its table.

    Args:
        client: DynamoDB client.
        table_name: Table with the index `requests.OPEN_INDEX`.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._index = DynamoDbOpenRequests(client, table_name)

    def pages(self, partition: str, until_ms: int) -> Iterator[Sequence[str]]:
        """Return pages of the ids of starts that were committed until then, oldest first, as of a moment ago.

        Raises:
            UnavailableError: DynamoDB did not answer.
        """
        following: object | None = None
        while True:
            page = self._index.find_due(partition, until_ms, following)
            if page.item_ids:
                yield page.item_ids
            following = page.following
            if following is None:
                return


def deployed_open_runs(pipeline: Pipeline, client: "DynamoDBClient", table_name: str) -> OpenRuns:
    """Return the open runs of a deployed pipeline.

    Args:
        pipeline: The pipeline.
        client: DynamoDB client with permission to read the table, and to query its two indexes.
        table_name: Table of the items of starts and services.
    """
    items, by_request = DynamoDbItemStore(client, table_name), DynamoDbJournalIndex(client, table_name)
    return OpenRuns(pipeline.name, RunReader(pipeline, items, by_request), DynamoDbOpenRunIndex(client, table_name))
