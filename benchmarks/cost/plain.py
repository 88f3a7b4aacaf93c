"""The functions that an engineer writes without the library: they do the same work, and promise less."""

import json
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

WINDOW_SECONDS = 86_400


class PlainConsumer:
    """A function that consumes a queue, with a lock for each message.

    It puts a lock unless there is one, writes, and marks the lock as done; each is a call. So does the idempotency
    utility of Powertools. The lock and the writes are not one: what dies between them is lost, or done twice.

    Args:
        client: DynamoDB.
        locks: Table of the locks.
        table: Table of the business.
        writes: Items that the business writes for a message.
    """

    def __init__(self, client: Any, *, locks: str, table: str, writes: int) -> None:
        self._client = client
        self._locks = locks
        self._table = table
        self._writes = writes

    def handle(self, event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        """Process a batch."""
        for record in event["Records"]:
            self._process(json.loads(record["body"])["order_id"])
        return {"batchItemFailures": []}

    def write(self, order_id: str) -> None:
        """Write what the business writes, item by item."""
        for number in range(self._writes):
            item = {"id": {"S": f"{order_id}#{number}"}, "amount": {"N": "1999"}, "currency": {"S": "EUR"}}
            self._client.put_item(TableName=self._table, Item=item)

    def _process(self, order_id: str) -> None:
        key = {"id": {"S": f"orders#{order_id}"}}
        lock = {**key, "status": {"S": "INPROGRESS"}, "expiration": {"N": str(int(time.time()) + WINDOW_SECONDS)}}
        try:
            self._client.put_item(TableName=self._locks, Item=lock, ConditionExpression="attribute_not_exists(id)")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return
        self.write(order_id)
        self._client.update_item(
            TableName=self._locks,
            Key=key,
            UpdateExpression="SET #status = :done",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":done": {"S": "COMPLETED"}},
        )
