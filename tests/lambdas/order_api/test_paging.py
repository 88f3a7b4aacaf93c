"""Pages of orders: each order once, whatever the size of a page; and cursors that are checked."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.order_api import cursor
from lambdas.order_api.models import OrderPage
from lambdas.order_api.service import Orders
from tests.lambdas.order_api.order_world import NEW_ORDER, QUEUE_URL, OrderWorld
from tsunagu.testing.fake_tables import FakeTable
from tsunagu.testing.fakes import FakeClock

IDS = st.text("abcXYZ019-", min_size=1, max_size=64)


def orders_of(order_ids: set[str]) -> tuple[Orders, FakeTable]:
    items = [{"order_id": each, **NEW_ORDER, "placed_at": 1} for each in sorted(order_ids)]
    table = FakeTable("order_id", items=items)
    return Orders("orders", QUEUE_URL, table, FakeClock()), table


@given(order_ids=st.sets(IDS, max_size=30), limits=st.lists(st.integers(1, 40), min_size=1), data=st.data())
def test_every_order_is_on_one_page_once_whatever_the_size_of_a_page(
    order_ids: set[str], limits: list[int], data: st.DataObject
) -> None:
    orders, table = orders_of(order_ids)
    shown: list[str] = []
    following, page_number = None, 0
    while page_number == 0 or following is not None:
        limit = limits[page_number % len(limits)]
        page = OrderPage.of(orders.page(limit, None if following is None else cursor.decode(following)))
        assert len(page.orders) <= limit
        shown += [order.order_id for order in page.orders]
        following, page_number = page.next_cursor, page_number + 1
        if data.draw(st.booleans(), label="an order is created meanwhile"):
            table.put({"order_id": f"late-{page_number}", **NEW_ORDER, "placed_at": 2})

    assert len(shown) == len(set(shown))
    assert sorted(each for each in shown if each in order_ids) == sorted(order_ids)


@given(IDS)
def test_cursor_leads_to_the_order_that_it_was_made_of(order_id: str) -> None:
    made = cursor.encode(order_id)

    assert cursor.decode(made) == order_id
    assert order_id not in made or len(order_id) < 6


@given(order_id=IDS, place=st.integers(0, 200), character=st.sampled_from("AZaz09-_= é"))
def test_changed_cursor_is_refused(order_id: str, place: int, character: str) -> None:
    made = cursor.encode(order_id)
    place %= len(made)
    changed = made[:place] + character + made[place + 1 :]
    if changed == made:
        return

    with pytest.raises(cursor.InvalidCursorError):
        cursor.decode(changed)


@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_any_other_text_is_refused_as_a_cursor(text: str) -> None:
    with pytest.raises(cursor.InvalidCursorError, match="must be the next_cursor of a page of this list") as raised:
        cursor.decode(text)

    assert len(text) < 6 or text not in str(raised.value)


def test_wrong_cursor_is_a_problem(world: OrderWorld) -> None:
    status, body, headers = world.request("GET", "/orders", query="cursor=abc")

    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert body["errors"][0]["field"] == "query.cursor"


def test_pages_of_the_api_have_every_order(world: OrderWorld) -> None:
    created = {world.create(f"k-{number}")["order_id"] for number in range(7)}
    shown, query = [], "limit=3"
    while query:
        status, page, _ = world.request("GET", "/orders", query=query)
        assert status == 200
        shown += [order["order_id"] for order in page["orders"]]
        query = page["next_cursor"] and f"limit=3&cursor={page['next_cursor']}"

    assert sorted(shown) == sorted(created)
