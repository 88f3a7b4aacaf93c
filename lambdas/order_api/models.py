"""What the API takes and answers. The schemas have all limits, so that the OpenAPI document has them too."""

from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lambdas.contracts.order_api import LINES, NAME, PRICES, QUANTITIES, Currency, OrderedArticle, OrderPlaced
from lambdas.order_api import cursor, service

Name = Annotated[str, Field(pattern=f"^{NAME}$", description="1 to 64 letters, digits and hyphens.")]
Code = Annotated[Currency, Field(description="ISO 4217 code.")]
Amount = Annotated[int, Field(ge=0, description="Minor units of the currency.")]


def _whole(value: object) -> object:
    """Return a number such as 3.0 as 3: JSON has one kind of number, and its schema calls both an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)


class Line(BaseModel):
    """A line of an order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sku: Annotated[Name, Field(description="The article, 1 to 64 letters, digits and hyphens.")]
    quantity: Annotated[int, Field(ge=QUANTITIES[0], le=QUANTITIES[-1], description="Pieces."), Whole]
    price: Annotated[int, Field(ge=0, le=PRICES[-1], description="Price of a piece, in minor units."), Whole]


class NewOrder(BaseModel):
    """An order to be created."""

    model_config = ConfigDict(extra="forbid", strict=True)

    customer: Annotated[Name, Field(description="Who pays, 1 to 64 letters, digits and hyphens.")]
    lines: Annotated[list[Line], Field(min_length=LINES[0], max_length=LINES[-1])]
    currency: Code

    def placed(self, order_id: str) -> OrderPlaced:
        """Return the message that says that this order was placed."""
        lines = [OrderedArticle(line.sku, line.quantity, line.price) for line in self.lines]
        return OrderPlaced(order_id, self.customer, lines, self.currency)


class Order(BaseModel):
    """An order."""

    order_id: Name
    customer: Name
    lines: list[Line]
    currency: Code
    total: Amount
    status: service.OrderStatus
    placed_at: Annotated[int, Field(ge=0, description="Milliseconds since the epoch.")]

    @classmethod
    def of(cls, order: service.Order) -> Self:
        """Return what the API shows of an order."""
        return cls(
            order_id=order.order_id,
            customer=order.customer,
            lines=[Line(sku=line.sku, quantity=line.quantity, price=line.price) for line in order.lines],
            currency=order.currency,
            total=order.total,
            status=order.status,
            placed_at=order.placed_at,
        )


class OrderPage(BaseModel):
    """A page of orders, in no particular order."""

    orders: list[Order]
    next_cursor: Annotated[
        str | None, Field(description="The `cursor` of the next page; null on the last one. The next may be empty.")
    ]

    @classmethod
    def of(cls, page: service.OrderPage) -> Self:
        """Return what the API shows of a page."""
        following = None if page.last_id is None else cursor.encode(page.last_id)
        return cls(orders=[*map(Order.of, page.orders)], next_cursor=following)
