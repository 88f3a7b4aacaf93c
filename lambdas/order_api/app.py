"""The order API: creates, shows, lists and cancels orders."""

import functools
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Path, Query, Response

from lambdas.contracts.order_api import NAME, OrderCancelled
from lambdas.order_api import cursor, wiring
from lambdas.order_api.document import document
from lambdas.order_api.models import NewOrder, Order, OrderPage
from lambdas.order_api.problems import add_problems, documented
from lambdas.order_api.service import Orders
from tsunagu import current_request

PAGE_ORDERS, MOST_PAGE_ORDERS = 20, 100

# With or without quotation marks; the quoted form is the same key.
_KEY = '^("[!-~]{1,255}"|[!#-~][!-~]{0,254})$'
_CREATED = {"Location": {"description": "Where the order is shown.", "schema": {"type": "string"}}}

OrderId = Annotated[str, Path(pattern=f"^{NAME}$", description="Id of the order.")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=_KEY,
        description="The same key with the same request is the same request, and gets the same answer.",
    ),
]
Desk = Annotated[Orders, Depends(wiring.orders)]

app = FastAPI(title="Orders", version="1.0.0", generate_unique_id_function=lambda route: route.name)
add_problems(app)


# A route opens its request itself, when body and parameters are checked. So a malformed request costs no call.
@app.post("/orders", status_code=201, responses={201: {"headers": _CREATED}, **documented(409, 422)})
def create(order: NewOrder, _key: Key, orders: Desk, response: Response) -> Order:
    """Create an order. It is confirmed later."""
    request = current_request()
    placed = order.placed(request.request_id)
    created = orders.create(placed, request, request.outbox)
    response.headers["location"] = f"orders/{created.order_id}"
    return Order.of(created)


@app.get("/orders", responses=documented())
def list_all(
    orders: Desk,
    limit: Annotated[int, Query(ge=1, le=MOST_PAGE_ORDERS, description="Most orders of the page.")] = PAGE_ORDERS,
    cursor_of_page: Annotated[
        str | None, Query(alias="cursor", description="`next_cursor` of the page before. Default: the first page.")
    ] = None,
) -> OrderPage:
    """List all orders, page by page. Each order that is there all the time is on one page, once."""
    after = None if cursor_of_page is None else cursor.decode(cursor_of_page)
    return OrderPage.of(orders.page(limit, after))


@app.get("/orders/{order_id}", responses=documented(404))
def show(order_id: OrderId, orders: Desk) -> Order:
    """Show an order."""
    return Order.of(orders.find(order_id))


@app.post("/orders/{order_id}/cancel", responses=documented(404, 409, 422))
def cancel(order_id: OrderId, _key: Key, orders: Desk) -> Order:
    """Cancel an order. One that was cancelled before stays as it is."""
    return Order.of(orders.cancel(OrderCancelled(order_id), current_request()))


app.openapi = functools.partial(document, app)  # type: ignore[method-assign]
