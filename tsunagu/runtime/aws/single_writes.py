"""The item store with single conditional writes, which run in parallel threads.

It is for tables or accounts that do not allow PartiQL. A batch of ten messages takes ten times as many calls.
"""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.contracts import items
from tsunagu.runtime.aws.dynamodb import APPLIED, DynamoDbItemStore, refused
from tsunagu.runtime.aws.item_attributes import item_attributes
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.store import Verdict


class SingleWriteItemStore(DynamoDbItemStore):
    """Stores idempotency items in one table. Each write is a call of its own.

    Args:
        client: DynamoDB client.
        table_name: Table with the partition key `id`.
    """

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        """Create items that are absent."""
        return self.side_by_side(self._insert_alone, new_items)

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        """Apply conditional changes."""
        return self.side_by_side(self.update_alone, changes)

    def _insert_alone(self, item: Item) -> Verdict:
        try:
            self.client.put_item(
                TableName=self.table_name,
                Item=item_attributes(item),
                ConditionExpression=f"attribute_not_exists({items.ID})",
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            found: Any = error.response.get("Item")
            return refused(found)
        except (ClientError, BotoCoreError) as error:
            return self.call_failed(error, "dynamodb:PutItem")
        return APPLIED
