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
