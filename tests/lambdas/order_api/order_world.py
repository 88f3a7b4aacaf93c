"""The order service in memory: its table, its queue, HTTP requests and messages."""

from typing import Any

from lambdas.contracts.order_api import ORDER_CANCELLED, ORDER_PLACED
from lambdas.order_api import handler, wiring
from lambdas.order_api.app import app
from lambdas.order_api.service import Orders
from tests.tsunagu.runtime.web.web_world import WebWorld
from tests.tsunagu.runtime.world import record
from tsunagu.testing.fake_tables import FakeTable, FakeTableStore

QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/111122223333/orders"
NEW_ORDER: dict[str, Any] = {
    "customer": "c-1",
    "lines": [{"sku": "tea", "quantity": 2, "price": 250}, {"sku": "cup", "quantity": 1, "price": 900}],
    "currency": "EUR",
}


class OrderWorld(WebWorld):
    """The application and the consumers of `lambdas/order_api`, over one table.

    Attributes:
        table: The table of the orders.
        orders: The service behind both; the fixture hands it to the consumers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.table = FakeTable("order_id")
        self.store = FakeTableStore(orders=self.table)
        self.orders = Orders("orders", QUEUE_URL, self.table, self.clock)
        self.app = app
        self.app.dependency_overrides[wiring.orders] = lambda: self.orders
        self.on(ORDER_PLACED)(handler.confirm)
        self.on(ORDER_CANCELLED)(handler.cancel)

    def create(self, key: str = "k-1", **fields: Any) -> dict[str, Any]:
        """Create an order by HTTP; return it."""
        status, created, _ = self.request("POST", "/orders", NEW_ORDER | fields, key=key)
        assert status == 201, created
        order: dict[str, Any] = created
        return order

    def deliver_outbox(self) -> list[str]:
        """Hand over what the outbox has sent, each message once; return what SQS must deliver again."""
        sent, self.outbox.sent = self.outbox.sent, []
        records = [
            record(
                message.outbox_message.body,
                f"sent-{number}",
                attributes={name: str(value) for name, value in message.outbox_message.attributes.items()},
            )
            for number, message in enumerate(sent)
        ]
        return self.receive_typed(*records)

    def end(self) -> None:
        self.close()
        self.loop.close()
        app.dependency_overrides.clear()


def placed(order_id: str, message_id: str = "m-1", **fields: Any) -> dict[str, Any]:
    """Return a record that says that an order was placed."""
    body = {"order_id": order_id, **NEW_ORDER, **fields}
    return record(body, message_id, attributes={"type": ORDER_PLACED})


def cancelled(order_id: str, message_id: str = "m-2", **fields: Any) -> dict[str, Any]:
    """Return a record that says that an order was cancelled."""
    return record({"order_id": order_id, **fields}, message_id, attributes={"type": ORDER_CANCELLED})
