"""The records of accepted requests in DynamoDB: reads several by one call, and inserts one."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts import items, requests
from tsunagu.runtime.aws.dynamodb import APPLIED, DynamoDbItemStore, refused
from tsunagu.runtime.aws.item_attributes import item_attributes, item_or_verdict, to_attribute
from tsunagu.runtime.idempotency.store import Outcome, Verdict
from tsunagu.runtime.requests.record import FoundRecord, RequestRecord

_TEXTS = {
    "caller": requests.CALLER,
    "body": requests.BODY,
    "content_type": requests.CONTENT_TYPE,
    "progress": requests.PROGRESS,
    "partition": requests.OPEN,
    "trace_header": requests.TRACE,
}
_NUMBERS = {
    "accepted_ms": requests.ACCEPTED,
    "cancelled_ms": requests.CANCELLED,
    "reopened_ms": requests.REOPENED,
    "due_ms": requests.DUE,
    "resends": requests.RESENDS,
    "resent_ms": requests.RESENT,
    "closed_ms": requests.CLOSED,
}


class DynamoDbRequestRecords:
    """Reads and inserts records of requests in the idempotency table.

    Args:
        store: The item store of the table.

    Attributes:
        store: The item store of the table.
    """

    def __init__(self, store: DynamoDbItemStore) -> None:
        self.store = store

    def read_records(self, item_ids: Sequence[str]) -> list[FoundRecord]:
        """Read records consistently. A `Verdict` says that DynamoDB did not answer, or that one cannot be read."""
        found = self.store.read_attributes(item_ids)
        return [record_or_verdict(each) if isinstance(each, Mapping) else each for each in found]

    def insert_record(self, record: RequestRecord) -> Verdict:
        """Write a record that does not exist yet. REFUSED: it exists."""
        client = self.store.client
        try:
            client.put_item(
                TableName=self.store.table_name,
                Item=record_attributes(record),
                ConditionExpression=f"attribute_not_exists({items.ID})",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return refused(None)
        except (ClientError, BotoCoreError) as error:
            return self.store.call_failed(error, "dynamodb:PutItem")
        return APPLIED


def record_attributes(record: RequestRecord) -> dict[str, Any]:
    """Return the attributes of a record in DynamoDB's format. Those of no value are left out, but for the body."""
    texts = {name: getattr(record, field) for field, name in _TEXTS.items()}
    numbers = {name: getattr(record, field) for field, name in _NUMBERS.items()}
    kept = {name: to_attribute(value) for name, value in (texts | numbers).items() if value or name == requests.BODY}
    headers = {name: {"S": value} for name, value in record.headers.items()}
    kind = {requests.KIND: {"S": requests.REQUEST_KIND}}
    # The gateway compares these, so they are there even where they are empty.
    compared = {requests.CONTENT_TYPE: {"S": record.content_type}, items.OWNER: {"S": record.item.owner}}
    return {
        **item_attributes(record.item),
        **kept,
        **kind,
        **compared,
        **({requests.HEADERS: {"M": headers}} if headers else {}),
    }


def record_or_verdict(attributes: Mapping[str, Any]) -> RequestRecord | Verdict:
    """Return a record; or a verdict, if the item is no record of a request, or has another form."""
    item = item_or_verdict(attributes)
    if isinstance(item, Verdict):
        return item
    try:
        if attributes[requests.KIND]["S"] != requests.REQUEST_KIND:
            return _unreadable(requests.KIND)
        texts = {field: _text(attributes, name) for field, name in _TEXTS.items()}
        numbers = {field: int(attributes[name]["N"]) if name in attributes else 0 for field, name in _NUMBERS.items()}
        kept = attributes.get(requests.HEADERS, {"M": {}})["M"]
        headers = {str(name): str(value["S"]) for name, value in kept.items()}
    except (AttributeError, LookupError, TypeError, ValueError):
        return _unreadable("of a request")
    if not texts["caller"] or not item.request_id:
        return _unreadable(requests.CALLER)
    return RequestRecord(item=item, headers=headers, **texts, **numbers)  # type: ignore[arg-type]


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name, {"S": ""})["S"]
    if not isinstance(value, str):
        raise TypeError
    return value


def _unreadable(what: str) -> Verdict:
    return Verdict(Outcome.UNREADABLE, unreadable=f"its attributes {what} must be those of a request")
