"""Hostile writes: whatever a message hands over as a write, its neighbours are done, and it counts and dies."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.runtime.world import MAX_ATTEMPTS, World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message


class WithoutText:
    def __repr__(self) -> str:
        raise RuntimeError


class OddText(str):
    __slots__ = ()

    def isascii(self) -> bool:
        raise RuntimeError


HOLDS_ITSELF: list[Any] = []
HOLDS_ITSELF.append(HOLDS_ITSELF)

WRITES: dict[str, Callable[[Any], None]] = {
    "item is null": lambda message: message.put("t", None),
    "item is a list": lambda message: message.put("t", ["id"]),
    "key is text": lambda message: message.delete("t", "id"),
    "key is null": lambda message: message.update("t", None, "ADD n :one", values={":one": 1}),
    "table is a list": lambda message: message.put(["t"], {"id": "1"}),
    "table is null": lambda message: message.check(None, {"id": "1"}, "attribute_exists(id)"),
    "names are mixed": lambda message: message.put("t", {1: "a", "b": 2, None: 3}),
    "names inside are none": lambda message: message.put("t", {"id": "1", "list": [{None: 1}]}),
    "expression is a number": lambda message: message.update("t", {"id": "1"}, 5),
    "condition is a mapping": lambda message: message.put("t", {"id": "1"}, condition={"id": "1"}),
    "values are a list": lambda message: message.put("t", {"id": "1"}, values=["1"]),
    "placeholders are a list": lambda message: message.put("t", {"id": "1"}, names=["#id"]),
    "value holds itself": lambda message: message.put("t", {"id": "1", "list": HOLDS_ITSELF}),
    "value has no text": lambda message: message.put("t", {"id": WithoutText()}),
    "text has no size": lambda message: message.put("t", {"id": OddText("1")}, condition="attribute_exists(id)"),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("concurrency", [1, 3])
def test_hostile_write_harms_no_neighbour_and_its_message_dies_with_a_reason(name: str, concurrency: int) -> None:
    world = World()
    world.store.effects.append({"id": "1"})  # so that the condition of a write that could be stored does not hold
    world.concurrency = concurrency

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "bad":
            WRITES[name](message)
            message.put("t", {"id": "1"}, condition="attribute_not_exists(id)")
        message.put("effects", {"order_id": body["order_id"]})

    bad = record(order("bad"), "m-bad")

    assert world.receive(record(order("o-1"), "m-1"), bad, record(order("o-2"), "m-2"), process=process) == ["m-bad"]
    for _ in range(MAX_ATTEMPTS - 2):
        assert world.receive(bad, process=process) == ["m-bad"]

    assert world.receive(bad, process=process) == []
    assert [effect.get("order_id") for effect in world.store.effects[1:]] == ["o-1", "o-2"]
    assert [item.reason != "" for item in world.store.items.values() if item.status is Status.DEAD] == [True]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner),
        max_leaves=8,
    ),
    st.sampled_from(["item", "key", "table", "condition", "names", "values"]),
)
def test_no_value_in_a_write_harms_a_neighbour(value: Any, place: str) -> None:
    world = World()

    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "odd":
            target, table = ({"id": "1"} if place not in {"item", "key"} else value), value if place == "table" else "t"
            options = {place: value} if place in {"condition", "names", "values"} else {}
            if place == "key":
                message.update(table, target, "ADD n :one", **options)
            else:
                message.put(table, target, **options)
        message.put("effects", {"order_id": body["order_id"]})

    returned = world.receive(*(record(order(key), f"m-{key}") for key in ("o-1", "odd", "o-2")), process=process)

    assert set(returned) <= {"m-odd"}
    assert {"order_id": "o-1"} in world.store.effects
    assert {"order_id": "o-2"} in world.store.effects


def test_what_the_function_changes_after_it_handed_over_a_write_is_not_written() -> None:
    """One dictionary for all messages, filled anew for each: the writes wait until the end of the batch."""
    world = World()
    item: dict[str, Any] = {"lines": []}

    def process(body: JsonObject, message: Message) -> None:
        item["order_id"] = body["order_id"]
        item["lines"].append(body["order_id"])
        message.put("effects", item)
        item["lines"].clear()

    assert world.receive(*(record(order(key), f"m-{key}") for key in ("o-1", "o-2")), process=process) == []
    assert world.store.effects == [{"order_id": "o-1", "lines": ["o-1"]}, {"order_id": "o-2", "lines": ["o-2"]}]


@pytest.mark.parametrize("target", [{"id": "a", 5: "b"}, {"id": "a", "counts": {None: 1}}, {"id": "a", "l": [{1: 2}]}])
def test_attribute_name_that_is_not_text_is_refused_and_not_converted(target: dict[Any, Any]) -> None:
    world = World()

    def process(_body: JsonObject, message: Message) -> None:
        with pytest.raises(TypeError, match=r"^the attribute names of a write must be text, got (5|None|1)$"):
            message.put("effects", target)

    assert world.receive(record(order("o-1")), process=process) == []
    assert world.store.effects == []
