"""Finds idempotency items: by their ids, by business keys, and by the ids of requests."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tsunagu.contracts import items
from tsunagu.contracts.items import Status
from tsunagu.contracts.requests import ACCEPTED, CALLER, KIND, OPEN_INDEX, REQUEST_KIND, SHARDS, open_partition
from tsunagu.operations.evidence.places import StackPlaces, queue_name_of, spaces_of
from tsunagu.operations.reader import Reader
from tsunagu.runtime.aws.item_attributes import item_or_verdict
from tsunagu.runtime.aws.sdk_errors import error_code
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id, message_item_id

KEYS_PER_READ = 100  # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
IDS_PER_PARTITION = 1_000
# Key spaces are learned from the first items of a table: all of them are in a page or two.
SCANNED_PAGES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundItem:
    """An item, and where it is.

    Attributes:
        item: The item.
        table: Its table.
        accepted_ms: When the request was accepted, for an accepted request; 0 for another item.
        caller: Who sent it, for an accepted request; "" for another item.
    """

    item: Item
    table: str
    accepted_ms: int = 0
    caller: str = ""

    @property
    def key_space(self) -> str:
        """First part of its id: whose key it is."""
        return self.item.id.partition("#")[0]

    @property
    def is_request(self) -> bool:
        """Whether it is the record of an accepted request."""
        return self.key_space.endswith(":request")


def read_items(reader: Reader, tables: Iterable[str], item_ids: Iterable[str]) -> list[FoundItem]:
    """Return the items that exist and can be read.

    Args:
        reader: Reads from AWS.
        tables: Tables in which they may be.
        item_ids: Their ids.
    """
    ids = [*dict.fromkeys(item_ids)]
    chunks = [
        (table, ids[start : start + KEYS_PER_READ]) for table in tables for start in range(0, len(ids), KEYS_PER_READ)
    ]
    return [found for page in reader.map(lambda chunk: _read(reader, *chunk), chunks) for found in page]


def ids_of_key(places: StackPlaces, key: str, spaces: Iterable[str]) -> Iterator[str]:
    """Yield the ids that the items of a business key can have in a stack.

    Args:
        places: The stack.
        key: The key. A whole number may be the number, or the text.
        spaces: More key spaces, that were learned.
    """
    keys: list[object] = [key, int(key)] if key.lstrip("-").isdigit() else [key]
    known = [space for function in places.receivers for space in spaces_of(function)]
    for space in dict.fromkeys((*known, *spaces)):
        yield message_item_id(space, key)
        for each in keys:
            if each != "":
                yield item_id(space, each)


def ids_of_request(places: StackPlaces, request_id: str) -> Iterator[str]:
    """Yield the ids that the record of an accepted request can have: `caller:id`, or an id that anybody may use."""
    for space in places.request_spaces:
        yield f"{space}#{request_id}"
        yield f"{space}#public:{request_id}"


def open_ids(reader: Reader, places: StackPlaces, request_id: str) -> list[str]:
    """Return the ids of open requests with a request id, whoever sent them."""
    partitions = [
        (table, open_partition(space.removesuffix(":request"), digit))
        for table in places.tables
        for space in places.request_spaces
        for digit in SHARDS
    ]
    found = reader.map(lambda each: _open(reader, *each), partitions)
    return [each for ids in found for each in ids if each.endswith(f":{request_id}")]


def ids_in_index(reader: Reader, tables: Iterable[str], request_id: str) -> list[str]:
    """Return the ids of a request's items in tables with the index of requests, as those of pipelines have."""

    def query(table: str) -> list[str]:
        pages = reader.aws.dynamodb.get_paginator("query").paginate(
            TableName=table,
            IndexName=items.REQUEST_INDEX,
            KeyConditionExpression="#id = :id",
            ExpressionAttributeNames={"#id": items.REQUEST_ID},
            ExpressionAttributeValues={":id": {"S": request_id}},
        )
        return [each[items.ID]["S"] for page in pages for each in page["Items"]]

    pages = reader.map(lambda table: _indexed(reader, lambda: query(table)), tables)
    return [found for ids in pages for found in ids]


def learned_spaces(reader: Reader, places: StackPlaces) -> list[str]:
    """Return the key spaces that only the code of the receivers knows, from the ids of a few items of each table."""
    queues = {queue_name_of(function) for function in places.receivers} - {""}
    found: dict[str, None] = {}
    for table in places.tables:
        for item_id_ in reader.read(partial(_some_ids, reader, table), []):
            space = item_id_.partition("#")[0]
            if space.rpartition("@")[2] in queues:
                found[space] = None
    return [*found]


def _some_ids(reader: Reader, table: str) -> list[str]:
    found: list[str] = []
    start: Mapping[str, Any] = {}
    for _ in range(SCANNED_PAGES):
        answer = reader.aws.dynamodb.scan(
            TableName=table, ProjectionExpression="#id", ExpressionAttributeNames={"#id": items.ID}, **start
        )
        found += [each[items.ID]["S"] for each in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            break
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    return found


def _open(reader: Reader, table: str, partition: str) -> Sequence[str]:
    def query() -> Sequence[str]:
        answer = reader.aws.dynamodb.query(
            TableName=table,
            IndexName=OPEN_INDEX,
            KeyConditionExpression="#open = :open",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":open": {"S": partition}},
            Limit=IDS_PER_PARTITION,
        )
        return [each[items.ID]["S"] for each in answer["Items"]]

    return _indexed(reader, query)


def _indexed(reader: Reader, query: Callable[[], Sequence[str]]) -> Sequence[str]:
    """Return what a query of an index finds; nothing for a table without the index."""
    try:
        return reader.read(query, [])
    except ClientError as error:
        if error_code(error) == "ValidationException":
            return []
        raise


def _read(reader: Reader, table: str, item_ids: Sequence[str]) -> list[FoundItem]:
    def read() -> list[FoundItem]:
        keys: list[Any] = [{items.ID: {"S": each}} for each in item_ids]
        answer = reader.aws.dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        return [found for each in answer["Responses"].get(table, []) if (found := _found(table, each)) is not None]

    return reader.read(read, [])


def _found(table: str, attributes: Mapping[str, Any]) -> FoundItem | None:
    # A record that no worker has claimed yet has no attributes of a claim.
    is_request = attributes.get(KIND, {}).get("S") == REQUEST_KIND
    read = item_or_verdict(attributes)
    item = read if isinstance(read, Item) else _unclaimed(attributes) if is_request else None
    if item is None:
        return None
    accepted = attributes.get(ACCEPTED, {}).get("N", "0")
    return FoundItem(item=item, table=table, accepted_ms=int(accepted), caller=attributes.get(CALLER, {}).get("S", ""))


def _unclaimed(attributes: Mapping[str, Any]) -> Item:
    return Item(id=attributes[items.ID]["S"], status=Status.RELEASED, owner="", fence=0, lease=items.FREE)
