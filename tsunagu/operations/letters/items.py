"""Reads the items of dead letters in idempotency tables, and closes one for an edited letter."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.aws.item_attributes import item_or_verdict, to_attribute
from tsunagu.runtime.aws.sdk_errors import error_code
from tsunagu.runtime.idempotency.item import Attributes, Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_PER_READ = 100  # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html


class LetterItems:
    """Items of dead letters; see `ItemReader`.

    Args:
        client: Gives the DynamoDB client.
        table_names: Tables in which an item may be.
    """

    def __init__(self, client: "Callable[[], DynamoDBClient]", table_names: Sequence[str]) -> None:
        self._client = client
        self._table_names = table_names

    def read(self, item_ids: Sequence[str]) -> Mapping[str, Item]:
        """Return the items that exist and can be read, by their ids. No failure is raised: what is missing is missing.

        A table that may not be read has no items. The next look reads what was throttled.
        """
        found: dict[str, Item] = {}
        for table_name in self._table_names:
            for start in range(0, len(item_ids), KEYS_PER_READ):
                found |= self._read(table_name, item_ids[start : start + KEYS_PER_READ])
        return found

    def _read(self, table_name: str, item_ids: Sequence[str]) -> dict[str, Item]:
        keys: list[Any] = [{items.ID: {"S": item_id}} for item_id in item_ids]
        try:
            answer = self._client().batch_get_item(RequestItems={table_name: {"Keys": keys, "ConsistentRead": True}})
        except (ClientError, BotoCoreError):
            return {}
        read = (item_or_verdict(each) for each in answer["Responses"].get(table_name, []))
        return {item.id: item for item in read if isinstance(item, Item)}

    def dead(self) -> Iterator[Item]:
        """Yield the items that are DEAD. It reads the whole of each table.

        Raises:
            ClientError: A table may not be read.
        """
        yield from self._scan(items.STATUS, Status.DEAD.value)

    def of_request(self, request_id: str) -> Iterator[Item]:
        """Yield the items of a request. It reads the whole of each table; as `dead`."""
        yield from self._scan(items.REQUEST_ID, request_id)

    def _scan(self, name: str, value: str) -> Iterator[Item]:
        for table_name in self._table_names:
            pages = (
                self._client()
                .get_paginator("scan")
                .paginate(
                    TableName=table_name,
                    FilterExpression="#name = :value",
                    ExpressionAttributeNames={"#name": name},
                    ExpressionAttributeValues={":value": {"S": value}},
                )
            )
            read = (item_or_verdict(each) for page in pages for each in page["Items"])
            yield from (item for item in read if isinstance(item, Item))

    def close(self, item: Item, message_id: str, now_ms: int) -> bool:
        """Mark an item that nobody works on as DEAD, so that an edited message may have its key.

        Args:
            item: The item, as it was read.
            message_id: Message id of the dead letter.
            now_ms: The time, in milliseconds since the epoch.

        Returns:
            Whether it is closed. It is not if somebody has changed it meanwhile.
        """
        values: Attributes = {
            items.STATUS: Status.DEAD.value,
            items.LEASE: items.NEVER,
            items.MESSAGE_IDS: (message_id,),
            items.REASON: item.reason or "its dead letter was edited",
            items.UPDATED: now_ms,
        }
        expected: Attributes = {items.STATUS: item.status.value, items.FENCE: item.fence, items.LEASE: item.lease}
        for table_name in self._table_names:
            try:
                self._client().update_item(
                    TableName=table_name,
                    Key={items.ID: {"S": item.id}},
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                    ConditionExpression=" AND ".join(f"#{name} = :was_{name}" for name in expected),
                    ExpressionAttributeNames={f"#{name}": name for name in {*values, *expected}},
                    ExpressionAttributeValues={
                        **{f":{name}": to_attribute(value) for name, value in values.items()},
                        **{f":was_{name}": to_attribute(value) for name, value in expected.items()},
                    },
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
            else:
                return True
        return False
