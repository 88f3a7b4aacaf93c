"""Reads the items of dead letters in idempotency tables, without changing them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.runtime.aws.item_attributes import item_or_verdict
from tsunagu.runtime.idempotency.item import Item

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
        for table_name in self._table_names:
            pages = (
                self._client()
                .get_paginator("scan")
                .paginate(
                    TableName=table_name,
                    FilterExpression="#status = :dead",
                    ExpressionAttributeNames={"#status": items.STATUS},
                    ExpressionAttributeValues={":dead": {"S": Status.DEAD.value}},
                )
            )
            read = (item_or_verdict(each) for page in pages for each in page["Items"])
            yield from (item for item in read if isinstance(item, Item))
