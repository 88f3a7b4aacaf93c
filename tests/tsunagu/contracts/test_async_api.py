"""The AsyncAPI document of a queue: its messages, their schemas, and references that lead somewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import jsonschema_rs
import pytest
from pydantic import BaseModel, Field

from tsunagu.contracts.async_api import QueueApi


@dataclass
class Placed:
    """An order was placed.

    More about it.
    """

    order_id: str
    count: int = 1
    kind: Literal["$ref", "new"] = "new"


@dataclass
class Tree:
    name: str
    children: "list[Tree]" = field(default_factory=list)


class Line(BaseModel):
    sku: str = Field(pattern="^[a-z]+$")


class Checked(BaseModel):
    """Checked by pydantic."""

    lines: list[Line]


class Own:
    @classmethod
    def from_json(cls, _value: Any) -> "Own":
        return cls()


MODELS = {"order.placed": Placed, "tree": Tree, "checked": Checked, "own": Own}


def document(**settings: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"title": "Orders", "version": "1", "models": MODELS} | settings
    return QueueApi(**chosen).document()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def at(found: dict[str, Any], reference: str) -> Any:
    place: Any = found
    for part in reference.removeprefix("#/").split("/"):
        place = place[part]
    return place


def is_valid(payload: Any, message_type: str, found: dict[str, Any]) -> bool:
    """Whether a payload is as the schema of its type says, with the whole document as the root of references."""
    schema = {**found, "$ref": found["components"]["messages"][message_type]["payload"]["$ref"]}
    return bool(jsonschema_rs.Draft7Validator(_nested(schema)).is_valid(payload))


def _nested(schema: dict[str, Any]) -> dict[str, Any]:
    return {"allOf": [{"$ref": schema["$ref"]}], "components": schema["components"]}


def test_every_reference_leads_somewhere() -> None:
    found = document()

    targets = [at(found, reference) for reference in references(found)]

    assert len(targets) > 10
    assert all(isinstance(target, dict) for target in targets)


def test_each_type_is_a_message_that_the_queue_receives() -> None:
    found = document()

    assert set(found["channels"]["queue"]["messages"]) == set(MODELS)
    assert {
        (operation["action"], at(found, operation["messages"][0]["$ref"])["$ref"])
        for operation in found["operations"].values()
    } == {("receive", f"#/components/messages/{name}") for name in MODELS}


def test_message_has_the_name_and_the_first_line_of_its_class() -> None:
    message = document()["components"]["messages"]["order.placed"]

    assert (message["name"], message["title"], message["summary"]) == ("order.placed", "Placed", "An order was placed.")
    assert message["headers"]["properties"]["type"]["const"] == "order.placed"
    assert "summary" not in document()["components"]["messages"]["tree"]  # the dataclass wrote that docstring itself


def test_type_has_the_name_that_the_router_has_for_it() -> None:
    headers = document(type_name="event_type")["components"]["messages"]["tree"]["headers"]

    assert [*headers["properties"]] == ["event_type"]


@pytest.mark.parametrize(
    ("message_type", "payload", "expected"),
    [
        ("order.placed", {"order_id": "1"}, True),
        ("order.placed", {"order_id": "1", "kind": "$ref"}, True),
        ("order.placed", {"order_id": 1}, False),
        ("order.placed", {}, False),
        ("tree", {"name": "a", "children": [{"name": "b", "children": []}]}, True),
        ("tree", {"name": "a", "children": [{"name": 1}]}, False),
        ("checked", {"lines": [{"sku": "tea"}]}, True),
        ("checked", {"lines": [{"sku": "TEA"}]}, False),
        ("own", ["anything"], True),
    ],
)
def test_schema_of_a_message_says_what_its_class_takes(message_type: str, payload: Any, expected: bool) -> None:
    assert is_valid(payload, message_type, document()) is expected


def test_characters_that_a_name_must_not_have_are_replaced() -> None:
    found = document(models={"order placed": Placed})

    assert [*found["components"]["messages"]] == ["order_placed"]
    assert found["components"]["messages"]["order_placed"]["name"] == "order placed"


def test_two_types_with_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="must have names of their own in the document, got 'a b' and 'a/b'"):
        document(models={"a b": Placed, "a/b": Placed})


def test_class_that_no_json_can_be_read_into_is_refused() -> None:
    with pytest.raises(TypeError, match="a model must be a dataclass"):
        document(models={"x": int})


def test_address_is_that_of_the_queue_if_it_is_known() -> None:
    assert document()["channels"]["queue"]["address"] is None
    assert document(address="orders")["channels"]["queue"]["address"] == "orders"
    assert document(description="About orders.")["info"]["description"] == "About orders."
