"""The records of accepted requests in DynamoDB, and their index, as the sweeper needs them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts import items, requests
from tsunagu.runtime.aws.dynamodb import APPLIED, DynamoDbItemStore
from tsunagu.runtime.aws.item_attributes import item_or_verdict, to_attribute
from tsunagu.runtime.aws.sdk_errors import failed_call
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.requests.open_request import DuePage, OpenRequest, RecordChange, RecordValue

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

IDS_PER_PAGE = 50
READ_ROUNDS = 10  # a call reads 16 MB at most, and a record has up to 400 KB

_OWN_NUMBERS = {
    "accepted_ms": requests.ACCEPTED,
    "reopened_ms": requests.REOPENED,
    "cancelled_ms": requests.CANCELLED,
    "resends": requests.RESENDS,
    "resent_ms": requests.RESENT,
    "closed_ms": requests.CLOSED,
}
# The attributes of an item that the sweeper needs. Outbox, result and body are large, and are left where they are.
_ITEM_ATTRIBUTES = (
    items.ID,
    items.STATUS,
    items.OWNER,
    items.FENCE,
    items.LEASE,
    items.ATTEMPTS,
    items.SETTLED,
    items.REQUEST_ID,
    items.REASON,
    items.PUBLISHED_REASON,
    items.TOLD,
    items.UPDATED,
    items.EXPIRATION,
)
_NAMES = {f"#{number}": name for number, name in enumerate((*_ITEM_ATTRIBUTES, *_OWN_NUMBERS.values()))}


class DynamoDbOpenRequests:
    """Finds, reads and changes the records of one table.

    Args:
        client: DynamoDB client.
        table_name: Table with the index `requests.OPEN_INDEX`.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name
        self._store = DynamoDbItemStore(client, table_name)

    def find_due(self, partition: str, now_ms: int, start: object | None = None) -> DuePage:
        """Return a page of the records of a partition that are due, those that are due longest first.

        Raises:
            UnavailableError: DynamoDB did not answer.
        """
        key: Any = {} if start is None else {"ExclusiveStartKey": start}
        try:
            answer = self._client.query(
                TableName=self._table_name,
                IndexName=requests.OPEN_INDEX,
                KeyConditionExpression="#open = :open AND #due <= :now",
                ExpressionAttributeNames={"#open": requests.OPEN, "#due": requests.DUE},
                ExpressionAttributeValues={":open": {"S": partition}, ":now": {"N": str(now_ms)}},
                Limit=IDS_PER_PAGE,
                **key,
            )
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, "dynamodb:Query", f"{self._table_name}/index/{requests.OPEN_INDEX}")
            msg = f"the index of open requests did not answer: {call}"
            raise UnavailableError(msg, call=call) from error
        return DuePage([each[items.ID]["S"] for each in answer["Items"]], answer.get("LastEvaluatedKey"))

    def read(self, item_ids: Sequence[str]) -> list[OpenRequest | Verdict | None]:
        """Read records, consistently, without what is large. At most a hundred ids."""
        found: dict[str, OpenRequest | Verdict] = {}
        problem = self._read([*item_ids], found)
        unread = None if problem is None else Verdict(Outcome.UNAVAILABLE, problem=problem)
        return [found.get(item_id, unread) for item_id in item_ids]

    def change(self, changes: Sequence[RecordChange]) -> list[Verdict]:
        """Apply each change whose condition holds."""
        return self._store.side_by_side(self._change, changes) if changes else []

    def _read(self, item_ids: Sequence[str], found: dict[str, OpenRequest | Verdict]) -> FailedCall | None:
        keys: Any = [{items.ID: {"S": item_id}} for item_id in item_ids]
        options: Any = {
            "ConsistentRead": True,
            "ProjectionExpression": ", ".join(_NAMES),
            "ExpressionAttributeNames": _NAMES,
        }
        for _ in range(READ_ROUNDS):
            try:
                wanted: Any = {self._table_name: {"Keys": keys, **options}}
                answer = self._client.batch_get_item(RequestItems=wanted)
            except (ClientError, BotoCoreError) as error:
                return failed_call(error, "dynamodb:BatchGetItem", self._table_name)
            for attributes in answer["Responses"].get(self._table_name, []):
                found[attributes[items.ID]["S"]] = open_request(attributes)
            unprocessed = answer.get("UnprocessedKeys", {}).get(self._table_name)
            if not unprocessed:
                return None
            keys = [*unprocessed["Keys"]]
        return FailedCall("dynamodb:BatchGetItem", self._table_name, "UnprocessedKeys")

    def _change(self, change: RecordChange) -> Verdict:
        try:
            self._client.update_item(**update_parameters(self._table_name, change))
        except self._client.exceptions.ConditionalCheckFailedException:
            return Verdict(Outcome.REFUSED)
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, "dynamodb:UpdateItem", self._table_name)
            return Verdict(Outcome.UNAVAILABLE, problem=call)
        return APPLIED


def open_request(attributes: Mapping[str, Any]) -> OpenRequest | Verdict:
    """Return the request of a record; or a verdict, if it has not the form that this release writes."""
    item = item_or_verdict(attributes)
    if not isinstance(item, Item):
        return item
    try:
        numbers = {field: int(attributes[name]["N"]) for field, name in _OWN_NUMBERS.items() if name in attributes}
        return OpenRequest(item=item, **numbers)
    except (LookupError, TypeError, ValueError):
        return Verdict(
            Outcome.UNREADABLE, unreadable="the times of a request must be numbers, and it must have accepted"
        )


def update_parameters(table_name: str, change: RecordChange) -> dict[str, Any]:
    """Return the parameters of the `UpdateItem` for a change."""
    names = {f"#{name}": name for name in (*change.values, *change.removed, *change.where)}
    values = {f":{name}": _attribute(value) for name, value in change.values.items()}
    expected = {f":expected_{name}": to_attribute(value) for name, value in change.where.items() if value is not None}
    sets = ", ".join(f"#{name} = :{name}" for name in change.values)
    removes = f" REMOVE {', '.join(f'#{name}' for name in change.removed)}" if change.removed else ""
    conditions = [
        f"attribute_not_exists(#{name})" if value is None else f"#{name} = :expected_{name}"
        for name, value in change.where.items()
    ]
    return {
        "TableName": table_name,
        "Key": {items.ID: {"S": change.item_id}},
        "UpdateExpression": f"SET {sets}{removes}",
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {**values, **expected},
    }


def _attribute(value: RecordValue) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {"M": {name: {"S": text} for name, text in value.items()}}
    return to_attribute(value)
