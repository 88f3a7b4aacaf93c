"""Writes are collected as the business function asks for them, in its order."""

from collections.abc import Callable
from typing import Any

import pytest

from tsunagu.runtime.idempotency.store import BusinessWrite
from tsunagu.runtime.idempotency.writes import Writes
from tsunagu.runtime.sending.seal import Seal

KEY = {"account": "a-1"}
WITH: dict[str, Any] = {"condition": "#n = :v", "names": {"#n": "name"}, "values": {":v": 7}}


@pytest.mark.parametrize(
    ("ask", "operation", "update"),
    [
        (lambda writes: writes.put("accounts", KEY, **WITH), "Put", None),
        (lambda writes: writes.update("accounts", KEY, "SET #n = :v", **WITH), "Update", "SET #n = :v"),
        (lambda writes: writes.delete("accounts", KEY, **WITH), "Delete", None),
        (lambda writes: writes.check("accounts", KEY, **WITH), "ConditionCheck", None),
    ],
    ids=["put", "update", "delete", "check"],
)
def test_write_is_collected_with_all_that_it_was_given(
    ask: Callable[[Writes], None], operation: str, update: str | None
) -> None:
    writes = Writes()

    ask(writes)

    (write,) = writes.collected()
    assert (write.operation, write.table_name, write.target, write.update) == (operation, "accounts", KEY, update)
    assert (write.condition, write.names, write.values) == ("#n = :v", {"#n": "name"}, {":v": 7})


def test_write_without_placeholders_has_none() -> None:
    writes = Writes()

    writes.delete("accounts", KEY)

    assert writes.collected() == (BusinessWrite(operation="Delete", table_name="accounts", target=KEY),)


def test_writes_of_another_object_come_after_ones_own() -> None:
    first, second = Writes(), Writes()
    first.put("t", {"id": 1})
    second.put("t", {"id": 2})

    first.extend(second)

    assert [write.target for write in first.collected()] == [{"id": 1}, {"id": 2}]


def test_writes_that_come_too_late_are_refused_in_words() -> None:
    seal = Seal()
    seal.is_closed = True
    writes = Writes(seal)
    sentence = "^writes must be given before the message is completed, got it after: it is not carried out$"

    with pytest.raises(RuntimeError, match=sentence):
        writes.extend(Writes())
    with pytest.raises(RuntimeError, match=sentence):
        writes.put("t", KEY)
    assert writes.collected() == ()


ODD: Any = ["odd"]


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda writes: writes.put(ODD, KEY), "table_name of a write must be text, got list"),
        (lambda writes: writes.update("t", KEY, ODD), "update of a write must be text, got list"),
        (lambda writes: writes.delete("t", KEY, condition=ODD), "condition of a write must be text, got list"),
        (lambda writes: writes.put("t", ODD), "the item or key of a write must be a mapping, got list"),
        (lambda writes: writes.delete("t", None), "the item or key of a write must be a mapping, got NoneType"),
        (lambda writes: writes.put("t", KEY, names=ODD), "names of a write must be a mapping, got list"),
        (lambda writes: writes.put("t", KEY, values=ODD), "values of a write must be a mapping, got list"),
        (lambda writes: writes.put("t", {5: 1}), "the attribute names of a write must be text, got 5"),
        (lambda writes: writes.put("t", {"a": [{5: 1}]}), "the attribute names of a write must be text, got 5"),
    ],
)
def test_write_of_another_form_is_refused_in_words(ask: Callable[[Any], None], sentence: str) -> None:
    writes = Writes()

    with pytest.raises(TypeError) as caught:
        ask(writes)

    assert (str(caught.value), writes.collected()) == (sentence, ())


def test_values_are_copied_and_keep_what_they_are() -> None:
    value: dict[str, Any] = {
        "list": [1, {"a": "b"}],
        "tuple": (1, 2),
        "set": {1},
        "bytes": b"b",
        "bytearray": bytearray(b"c"),
        "none": None,
    }
    writes = Writes()
    writes.put("t", value)
    before = writes.collected()[0].target
    value["list"].append(2)
    value["list"][1]["a"] = "c"
    value["set"].add(2)
    value["bytearray"].extend(b"d")

    assert before == {
        "list": [1, {"a": "b"}],
        "tuple": [1, 2],
        "set": frozenset({1}),
        "bytes": b"b",
        "bytearray": b"c",
        "none": None,
    }
    assert (type(before["set"]), type(before["bytearray"])) == (frozenset, bytes)
