"""The order API: HTTP events in, orders in the table and messages in the outbox out."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.lambdas.order_api.order_world import NEW_ORDER, QUEUE_URL, OrderWorld, cancelled, placed
from tsunagu.runtime.errors import FailedCall
from tsunagu.testing.events.http import http_api_event as http_api

PROBLEM = "application/problem+json"


def order(order_id: str, status: str) -> dict[str, Any]:
    return {"order_id": order_id, **NEW_ORDER, "total": 1_400, "status": status, "placed_at": 1_800_000_000_000}


def is_problem(answer: tuple[int, Any, Mapping[str, str]], status: int) -> bool:
    got, body, headers = answer
    assert (got, headers.get("content-type")) == (status, PROBLEM), answer
    assert {"type", "title", "status", "detail"} <= body.keys()
    assert body["status"] == status
    return True


def test_created_order_is_shown_and_listed(world: OrderWorld) -> None:
    created = world.create()

    assert created == order(created["order_id"], "placed")
    assert world.request("GET", f"/orders/{created['order_id']}")[:2] == (200, created)
    assert world.request("GET", "/orders")[:2] == (200, {"orders": [created], "next_cursor": None})


def test_answer_says_where_the_order_is(world: OrderWorld) -> None:
    _, created, headers = world.request("POST", "/orders", NEW_ORDER, key="k-1")

    assert headers["location"] == f"orders/{created['order_id']}"  # relative, whatever the stage or the domain


def test_created_order_is_sent_to_the_queue_once_and_confirmed_there(world: OrderWorld) -> None:
    created = world.create()
    (sent,) = world.outbox.sent

    again = world.create()
    failed = world.deliver_outbox()

    assert again == created
    assert (sent.outbox_message.target, json.loads(sent.outbox_message.body)) == (
        QUEUE_URL,
        {"order_id": created["order_id"], **NEW_ORDER},
    )
    assert failed == []
    assert world.request("GET", f"/orders/{created['order_id']}")[1] == order(created["order_id"], "confirmed")


def test_repeated_request_creates_nothing_more(world: OrderWorld) -> None:
    world.create()

    status, _, headers = world.request("POST", "/orders", NEW_ORDER, key="k-1")

    assert (status, headers["idempotency-replayed"]) == (201, "true")
    assert (len(world.table.items), len(world.outbox.sent)) == (1, 1)


def test_cancelled_order_stays_cancelled(world: OrderWorld) -> None:
    created = world.create()
    path = f"/orders/{created['order_id']}"

    status, shown, _ = world.request("POST", f"{path}/cancel", key="k-2")
    at = world.table.get({"order_id": created["order_id"]})
    world.clock.ms += 1
    world.request("POST", f"{path}/cancel", key="k-3")
    world.deliver_outbox()  # the confirmation comes late

    assert (status, shown) == (200, order(created["order_id"], "cancelled"))
    assert world.request("GET", path)[1]["status"] == "cancelled"
    found = world.table.get({"order_id": created["order_id"]})
    assert found is not None
    assert at is not None
    assert found["cancelled_at"] == at["cancelled_at"]


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [("GET", "/orders/o-1", None), ("POST", "/orders/o-1/cancel", "k-1"), ("GET", "/nothing", None)],
)
def test_missing_order_is_a_problem(world: OrderWorld, method: str, path: str, key: str | None) -> None:
    assert is_problem(world.request(method, path, key=key), 404)
    assert world.table.items == {}


def test_wrong_method_is_a_problem(world: OrderWorld) -> None:
    answer = world.request("DELETE", "/orders/o-1")

    assert is_problem(answer, 405)
    assert answer[2]["allow"] == "GET"


SECRET = "4111-1111"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"customer": f"{SECRET} x"}, "body.customer"),
        ({"customer": 7}, "body.customer"),
        ({"currency": SECRET}, "body.currency"),
        ({"lines": []}, "body.lines"),
        ({"lines": [{"sku": "tea", "quantity": 0, "price": 1}]}, "body.lines.0.quantity"),
        ({"lines": [{"sku": "tea", "quantity": 1.5, "price": 1}]}, "body.lines.0.quantity"),
        ({"lines": [{"sku": "tea", "quantity": True, "price": 1}]}, "body.lines.0.quantity"),
        ({"lines": [{"sku": "tea", "quantity": 1, "price": -1}]}, "body.lines.0.price"),
        ({SECRET: 1}, "body"),
    ],
)
def test_malformed_order_is_a_problem_without_its_values(world: OrderWorld, fields: dict[str, Any], field: str) -> None:
    answer = world.request("POST", "/orders", NEW_ORDER | fields, key="k-1")

    assert is_problem(answer, 400)
    assert [fault["field"] for fault in answer[1]["errors"]] == [field]
    assert SECRET not in json.dumps(answer[1])
    assert world.store.calls == []  # it costs no call


def test_body_that_is_no_json_is_a_problem(world: OrderWorld) -> None:
    event = http_api("POST", "/orders", body=f"{{{SECRET}", headers={"idempotency-key": "k-1"})
    answer = world.handle(event)

    assert answer["statusCode"] == 400
    assert answer["headers"]["content-type"] == PROBLEM
    assert SECRET not in answer["body"]


@pytest.mark.parametrize("key", [None, "", '""', "a b", "k" * 256, "é"])
def test_order_without_a_key_is_a_problem(world: OrderWorld, key: str | None) -> None:
    assert is_problem(world.request("POST", "/orders", NEW_ORDER, key=key), 400)
    assert world.table.items == {}


def test_quoted_key_is_the_same_key(world: OrderWorld) -> None:
    assert world.create('"k-1"') == world.create("k-1")


def test_key_of_another_request_is_a_problem(world: OrderWorld) -> None:
    world.create()

    assert is_problem(world.request("POST", "/orders", NEW_ORDER | {"customer": "c-2"}, key="k-1"), 422)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=1.5"])
def test_wrong_size_of_a_page_is_a_problem(world: OrderWorld, query: str) -> None:
    answer = world.request("GET", "/orders", query=query)

    assert is_problem(answer, 400)
    assert [fault["field"] for fault in answer[1]["errors"]] == ["query.limit"]


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [("GET", "/orders/o-1", None), ("GET", "/orders", None), ("POST", "/orders/o-1/cancel", "k-1")],
)
def test_table_that_does_not_answer_is_a_problem_that_passes(
    world: OrderWorld, method: str, path: str, key: str | None
) -> None:
    world.table.put({"order_id": "o-1", **NEW_ORDER, "placed_at": 1})
    world.table.fault = FailedCall("dynamodb:GetItem", "orders", "ThrottlingException")

    answer = world.request(method, path, key=key)
    world.table.fault = None

    assert is_problem(answer, 503)
    assert answer[2]["retry-after"] == "2"
    assert world.request(method, path, key=key)[0] == 200  # with the same key


def test_unexpected_error_is_a_problem_without_its_text(world: OrderWorld) -> None:
    world.table.put({"order_id": "o-1", "customer": SECRET})  # an item of another form

    answer = world.request("GET", "/orders/o-1")

    assert is_problem(answer, 500)
    assert SECRET not in json.dumps(answer[1])
    assert "lines" not in json.dumps(answer[1])


def test_orders_of_the_queue_and_of_the_api_are_the_same(world: OrderWorld) -> None:
    assert world.receive_typed(placed("o-1")) == []
    assert world.receive_typed(cancelled("o-1")) == []

    assert world.request("GET", "/orders/o-1")[:2] == (200, order("o-1", "cancelled"))
