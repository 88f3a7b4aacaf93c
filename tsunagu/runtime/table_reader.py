"""Reads of a business function: one item by its key, and pages of items.

Writes are collected on the message or request (`idempotency.writes`) and committed together. Reads are made at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

KeyValue = str | int | Decimal | bytes
TableKey = Mapping[str, KeyValue]
TableItem = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TablePage:
    """A page of items.

    Attributes:
        items: The items: at most `limit`. There may be fewer, or none, because a page has at most 1 MB.
        next_key: Key after which the next page begins. None: this is the last page. The page after may be empty.
    """

    items: tuple[TableItem, ...]
    next_key: TableKey | None


class TableReader(Protocol):
    """Reads one DynamoDB table. All reads are consistent: they see each write that was committed before.

    Items have plain Python values: text, bytes, booleans, None, lists, dicts and sets. A whole number is an `int`, any
    other number a `Decimal`.

    Raises:
        UnavailableError: By each method: DynamoDB did not answer, throttles, or refuses the caller. In a consumer it is
            no attempt of the message.
        ValueError: By each method: DynamoDB refuses the read itself, such as a key that is not that of the table, or a
            limit below 1.
    """

    def get(self, key: TableKey) -> TableItem | None:
        """Return an item, or None if there is none.

        Args:
            key: Partition key, and sort key if the table has one, by the names of the attributes.
        """
        ...

    def query(
        self,
        partition: TableKey,
        *,
        limit: int,
        after: TableKey | None = None,
        descending: bool = False,
        begins_with: TableKey | None = None,
    ) -> TablePage:
        """Return a page of the items of one partition, in the order of their sort keys.

        Args:
            partition: Partition key, by the name of the attribute.
            limit: Most items of the page, 1 or more.
            after: `next_key` of the page before. Default: the first page.
            descending: Whether the highest sort key comes first. Default: the lowest.
            begins_with: Beginning of the sort key, by the name of the attribute. Default: all items of the partition.
        """
        ...

    def scan(self, *, limit: int, after: TableKey | None = None) -> TablePage:
        """Return a page of all items of the table, in no order of their keys.

        Args:
            limit: Most items of the page, 1 or more.
            after: `next_key` of the page before. Default: the first page.
        """
        ...
