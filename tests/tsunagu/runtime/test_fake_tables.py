"""The fake table keeps the contract of the real one, and applies the writes that it knows."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.tsunagu.runtime.table_reader_contract import KEYS, Make, TableReaderContract
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.writes import Writes
from tsunagu.runtime.table_reader import TableReader
from tsunagu.testing.fake_tables import FakeTable


class TestFakeTable(TableReaderContract):
    @pytest.fixture
    def table(self) -> Make:
        def make(items: Sequence[dict[str, Any]]) -> TableReader:
            return FakeTable(*KEYS, items=items)

        return make


def test_reads_fail_while_there_is_a_fault() -> None:
    table = FakeTable("id")
    table.fault = FailedCall("dynamodb:GetItem", "orders", "ThrottlingException")

    with pytest.raises(UnavailableError, match="got dynamodb:GetItem on orders: ThrottlingException") as raised:
        table.get({"id": "1"})

    assert raised.value.call is table.fault


def test_update_reads_the_item_as_it_was() -> None:
    table, writes = FakeTable("id", items=[{"id": "1", "a": 1, "n": 2}]), Writes()
    writes.update(
        "t",
        {"id": "1"},
        "SET #a = if_not_exists(#a, :v), b = :v ADD n :v, m :v REMOVE a_b",
        names={"#a": "a"},
        values={":v": 5},
    )
    writes.update("t", {"id": "2"}, "SET b = :v", values={":v": 5})
    writes.delete("t", {"id": "3"})

    for write in writes.collected():
        table.apply(write)

    assert [*table.items.values()] == [{"id": "1", "a": 1, "b": 5, "n": 7, "m": 5}, {"id": "2", "b": 5}]


@pytest.mark.parametrize(
    ("condition", "is_refused"),
    [
        ("attribute_exists(a)", False),
        ("attribute_not_exists(a)", True),
        ("attribute_exists(#b)", True),
        ("attribute_exists(id) AND attribute_not_exists(#b)", False),
    ],
)
def test_condition_on_an_attribute_holds_or_does_not(condition: str, is_refused: bool) -> None:
    table, writes = FakeTable("id", items=[{"id": "1", "a": 1}]), Writes()
    writes.check("t", {"id": "1"}, condition, names={"#b": "b"})

    assert table.refuses(writes.collected()[0]) is is_refused
