"""Reads a DynamoDB table for a business function.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.runtime.aws.attribute_values import plain_item, to_attributes
from tsunagu.runtime.aws.sdk_errors import error_code, failed_call
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.table_reader import TableItem, TableKey, TablePage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# The read itself is wrong: no retry, and no permission, mends it.
_WRONG_READS = frozenset({"ValidationException", "SerializationException", "ParamValidationError"})


class DynamoDbTableReader:
    """Reads one table, always consistently.

    Args:
        client: DynamoDB client.
        table_name: Name of the table.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def get(self, key: TableKey) -> TableItem | None:
        """Return an item, or None if there is none."""
        answer = self._call("GetItem", self._client.get_item, Key=to_attributes(key))
        return plain_item(answer["Item"]) if "Item" in answer else None

    def query(
        self,
        partition: TableKey,
        *,
        limit: int,
        after: TableKey | None = None,
        descending: bool = False,
        begins_with: TableKey | None = None,
    ) -> TablePage:
        """Return a page of the items of one partition, in the order of their sort keys."""
        sort = begins_with or {}
        names = [*partition, *sort]
        conditions = [f"#{number} = :{number}" for number in range(len(partition))]
        conditions += [f"begins_with(#{number}, :{number})" for number in range(len(partition), len(names))]
        values = to_attributes(
            {f":{number}": value for number, value in enumerate([*partition.values(), *sort.values()])}
        )
        return self._page(
            "Query",
            self._client.query,
            limit,
            after,
            KeyConditionExpression=" AND ".join(conditions),
            ExpressionAttributeNames={f"#{number}": name for number, name in enumerate(names)},
            ExpressionAttributeValues=values,
            ScanIndexForward=not descending,
        )

    def scan(self, *, limit: int, after: TableKey | None = None) -> TablePage:
        """Return a page of all items of the table, in no order of their keys."""
        return self._page("Scan", self._client.scan, limit, after)

    def _page(
        self, operation: str, call: Callable[..., Any], limit: int, after: TableKey | None, **parameters: Any
    ) -> TablePage:
        start = {} if after is None else {"ExclusiveStartKey": to_attributes(after)}
        answer = self._call(operation, call, Limit=limit, **start, **parameters)
        last = answer.get("LastEvaluatedKey")
        return TablePage(tuple(map(plain_item, answer["Items"])), plain_item(last) if last else None)

    def _call(self, operation: str, call: Callable[..., Any], **parameters: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = call(TableName=self._table_name, ConsistentRead=True, **parameters)
        except (ClientError, BotoCoreError) as error:
            failed = failed_call(error, f"dynamodb:{operation}", self._table_name)
            if error_code(error) in _WRONG_READS:
                msg = f"DynamoDB must accept the read, got {failed}: {error}"
                raise ValueError(msg) from error
            msg = f"DynamoDB must answer the read, got {failed}"
            raise UnavailableError(msg, call=failed) from error
        return answer
