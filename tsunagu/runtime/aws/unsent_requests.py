"""The HTTP requests in DynamoDB whose messages are to be sent, and their index, as the sweeper needs them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tsunagu.contracts import requests
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.item_attributes import item_or_verdict
from tsunagu.runtime.aws.open_requests import DynamoDbOpenRequests
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.requests.open_request import DuePage
from tsunagu.runtime.requests.outbox_sweeper import UnsentRequest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbUnsentRequests:
    """Finds and reads the items of one table.

    Args:
        client: DynamoDB client.
        table_name: Table with the index `requests.OPEN_INDEX`.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._index = DynamoDbOpenRequests(client, table_name)
        self._store = DynamoDbItemStore(client, table_name)

    def find_due(self, partition: str, now_ms: int, start: object | None = None) -> DuePage:
        """Return a page of the items of a partition that are due, those that are due longest first.

        Raises:
            UnavailableError: DynamoDB did not answer.
        """
        return self._index.find_due(partition, now_ms, start)

    def read(self, item_ids: Sequence[str]) -> list[UnsentRequest | Verdict | None]:
        """Read items, consistently, with their outboxes."""
        found = self._store.read_attributes(item_ids)
        return [_unsent(each) if isinstance(each, Mapping) else each for each in found]


def _unsent(attributes: Mapping[str, Any]) -> UnsentRequest | Verdict:
    item = item_or_verdict(attributes)
    if not isinstance(item, Item):
        return item
    try:
        sweeps = int(attributes.get(requests.RESENDS, {"N": "0"})["N"])
    except (LookupError, TypeError, ValueError):
        return Verdict(Outcome.UNREADABLE, unreadable=f"its attribute {requests.RESENDS} must be of type N")
    return UnsentRequest(item, is_indexed=requests.OPEN in attributes, sweeps=sweeps)
