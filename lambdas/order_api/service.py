"""Orders: how they are stored, confirmed, cancelled and read. HTTP and the queue share this code.

What happens to an order are facts that only ever become true: it was placed, confirmed, cancelled. Each has the time at
which it became true first. So no write depends on the order of messages, and none needs a condition on the status.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Protocol

from lambdas.contracts.order_api import (
    ORDER_PLACED,
    Currency,
    OrderCancelled,
    OrderedArticle,
    OrderPlaced,
)
from tsunagu import Clock, Outbox, RetryableError, TableItem, TableReader


class OrderStatus(StrEnum):
    """What became of an order."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order.

    Attributes:
        order_id: Its id.
        customer: Who pays.
        lines: The articles.
        currency: ISO 4217 code.
        status: What became of it.
        placed_at: When it was placed, in milliseconds since the epoch.
    """

    order_id: str
    customer: str
    lines: list[OrderedArticle]
    currency: Currency
    status: OrderStatus
    placed_at: int

    @property
    def total(self) -> int:
        """Price of the order, in minor units of the currency."""
        return sum(line.quantity * line.price for line in self.lines)


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of orders.

    Attributes:
        orders: The orders.
        last_id: Id of the order after which the next page begins. None: this is the last page.
    """

    orders: list[Order]
    last_id: str | None


class NoSuchOrderError(LookupError):
    """There is no order with this id."""


class WritesOnce(Protocol):
    """A message or an HTTP request, whose writes take effect once."""

    def put(self, table_name: str, item: Mapping[str, object], *, condition: str | None = None) -> None:
        """Put an item."""
        ...

    def update(
        self,
        table_name: str,
        key: Mapping[str, object],
        expression: str,
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Update an item."""
        ...


class Orders:
    """The orders, in a table with the partition key `order_id`.

    Args:
        table_name: The table.
        queue_url: The service's own queue.
        table: Reads the table.
        clock: The time.
    """

    def __init__(self, table_name: str, queue_url: str, table: TableReader, clock: Clock) -> None:
        self._table_name = table_name
        self._queue_url = queue_url
        self._table = table
        self._clock = clock

    def create(self, placed: OrderPlaced, writes: WritesOnce, outbox: Outbox) -> Order:
        """Store a new order, and send it to the queue, where it is confirmed."""
        now = self._clock.now_ms()
        item = {**asdict(placed), "placed_at": now}
        writes.put(self._table_name, item, condition="attribute_not_exists(order_id)")
        outbox.send(self._queue_url, json.dumps(asdict(placed)), attributes={"type": ORDER_PLACED})
        return _order(item)

    def confirm(self, placed: OrderPlaced, writes: WritesOnce) -> None:
        """Confirm an order. One that the API did not create is stored first.

        The count of confirmations has no condition. So it would show if an order were confirmed twice.
        """
        now = self._clock.now_ms()
        details: dict[str, object] = {**asdict(placed), "placed_at": now, "confirmed_at": now}
        del details["order_id"]
        names = {f"#{name}": name for name in details}
        kept = ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in details)
        writes.update(
            self._table_name,
            {"order_id": placed.order_id},
            f"SET {kept} ADD confirmations :one",
            names=names,
            values={":one": 1, **{f":{name}": value for name, value in details.items()}},
        )

    def cancel(self, cancelled: OrderCancelled, writes: WritesOnce) -> Order:
        """Cancel an order, and return it. One that was cancelled before stays as it is.

        Raises:
            NoSuchOrderError: There is no such order.
            UnavailableError: The table did not answer.
        """
        order = self.find(cancelled.order_id)
        writes.update(
            self._table_name,
            {"order_id": cancelled.order_id},
            "SET cancelled_at = if_not_exists(cancelled_at, :now), "
            "cancelled_because = if_not_exists(cancelled_because, :reason)",
            condition="attribute_exists(order_id)",
            values={":now": self._clock.now_ms(), ":reason": cancelled.reason or ""},
        )
        return replace(order, status=OrderStatus.CANCELLED)

    def cancel_once_placed(self, cancelled: OrderCancelled, writes: WritesOnce) -> None:
        """Cancel an order, of which the queue may not have brought the placing yet.

        Raises:
            RetryableError: There is no such order yet. If none comes, the message is dead-lettered for it.
            UnavailableError: The table did not answer.
        """
        try:
            self.cancel(cancelled, writes)
        except NoSuchOrderError as error:
            msg = "an order must be placed before it is cancelled, got no such order"
            raise RetryableError(msg) from error

    def find(self, order_id: str) -> Order:
        """Return an order.

        Raises:
            NoSuchOrderError: There is no such order.
            UnavailableError: The table did not answer.
        """
        item = self._table.get({"order_id": order_id})
        if item is None:
            msg = "there must be an order with this id, got none"
            raise NoSuchOrderError(msg)
        return _order(item)

    def page(self, limit: int, after: str | None = None) -> OrderPage:
        """Return a page of all orders. Each order that is there all the time is on one page, once.

        Args:
            limit: Most orders of the page.
            after: `last_id` of the page before. Default: the first page.

        Raises:
            UnavailableError: The table did not answer.
        """
        page = self._table.scan(limit=limit, after=None if after is None else {"order_id": after})
        last = page.next_key
        return OrderPage([*map(_order, page.items)], None if last is None else str(last["order_id"]))


def _order(item: TableItem) -> Order:
    status = OrderStatus.PLACED
    if "cancelled_at" in item:
        status = OrderStatus.CANCELLED
    elif "confirmed_at" in item:
        status = OrderStatus.CONFIRMED
    return Order(
        order_id=item["order_id"],
        customer=item["customer"],
        lines=[OrderedArticle(**line) for line in item["lines"]],
        currency=item["currency"],
        status=status,
        placed_at=item["placed_at"],
    )
