"""The documents of the order service that are checked in are those of the code, and say what the code does."""

import json
from typing import Any

import jsonschema_rs
import pytest

from cdk_app.order_documents import ASYNC_API, OPEN_API, async_api, open_api
from tests.lambdas.order_api.order_world import NEW_ORDER, OrderWorld


def test_documents_are_those_of_the_code() -> None:
    assert OPEN_API.read_text() == open_api(), "run `make openapi`, and read the difference"
    assert ASYNC_API.read_text() == async_api(), "run `make openapi`, and read the difference"


def test_open_api_document_has_the_routes_of_the_application() -> None:
    found = json.loads(open_api())

    assert found["openapi"].startswith("3.1.")
    assert {(path, verb) for path, verbs in found["paths"].items() for verb in verbs} == {
        ("/orders", "get"),
        ("/orders", "post"),
        ("/orders/{order_id}", "get"),
        ("/orders/{order_id}/cancel", "post"),
    }


def test_every_error_of_every_route_is_documented_as_a_problem() -> None:
    for methods in json.loads(open_api())["paths"].values():
        for operation in methods.values():
            errors = {
                name: each["content"] for name, each in operation["responses"].items() if not name.startswith("2")
            }
            of_gateway = {"403", "429"}

            assert {"400", "500", "503", "default"} <= errors.keys()
            assert all("application/problem+json" in errors[name] for name in errors.keys() - of_gateway)


def schema_of(document: dict[str, Any], name: str) -> Any:
    schema = {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "components": document["components"]}
    return jsonschema_rs.validator_for(schema)


def test_answers_are_as_the_open_api_document_says(world: OrderWorld) -> None:
    document = json.loads(open_api())
    _, created, _ = world.request("POST", "/orders", NEW_ORDER, key="k-1")
    _, page, _ = world.request("GET", "/orders", query="limit=1")
    _, problem, _ = world.request("GET", "/orders", query="limit=0")

    schema_of(document, "NewOrder").validate(NEW_ORDER)
    schema_of(document, "Order").validate(created)
    schema_of(document, "OrderPage").validate(page)
    schema_of(document, "Problem").validate(problem)


@pytest.mark.parametrize("fields", [{}, {"currency": None}])
def test_message_that_the_service_sends_itself_is_as_the_async_api_document_says(
    world: OrderWorld, fields: dict[str, Any]
) -> None:
    document = json.loads(async_api())
    world.create()
    body = json.loads(world.bodies_sent()[0]) | fields

    assert schema_of(document, "order.placed").is_valid(body) is (not fields)
