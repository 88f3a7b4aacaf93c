"""The item store by single conditional writes, side by side on threads.

Ten times the calls of a batch, and the processor time of each; for tables or accounts in which PartiQL is not allowed.
"""

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts import items
from tsunagu.runtime.aws.dynamodb import APPLIED, DynamoDbItemStore, EntryT, call_failed, item_attributes, refused
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import Verdict


class SingleWriteItemStore(DynamoDbItemStore):
    """Keeps idempotency items in one table; each write is a call of its own.

    Args:
        client: DynamoDB client.
        table_name: Table with the partition key `id`.
    """

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that are absent."""
        return self._each(self._put, new_items)

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes."""
        return self._each(self._update, changes)

    def _each(self, write: Callable[[EntryT], object], entries: Sequence[EntryT]) -> list[Verdict]:
        def verdict(entry: EntryT) -> Verdict:
            try:
                write(entry)
            except self.client.exceptions.ConditionalCheckFailedException as error:
                found: Any = error.response.get("Item")
                return refused(found)
            except (ClientError, BotoCoreError) as error:
                return call_failed(error)
            return APPLIED

        return self.side_by_side(verdict, entries)

    def _put(self, item: Item) -> object:
        return self.client.put_item(
            TableName=self.table_name,
            Item=item_attributes(item),
            ConditionExpression=f"attribute_not_exists({items.ID})",
        )

    def _update(self, change: Change) -> object:
        return self.client.update_item(**self.update_parameters(change))
