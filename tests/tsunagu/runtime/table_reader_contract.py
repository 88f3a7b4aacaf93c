"""The contract of table readers: the fake and the reader of DynamoDB must pass the same tests."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from tsunagu.runtime.table_reader import TableKey, TablePage, TableReader

KEYS = ("account", "entry")
ITEM: dict[str, Any] = {
    "account": "a-1",
    "entry": "e-1",
    "whole": 12,
    "huge": 10**30,
    "part": Decimal("1.5"),
    "text": "",
    "yes": True,
    "nothing": None,
    "bytes": b"\x00\xff",
    "list": [1, {"deep": Decimal("0.1")}],
    "numbers": {1, 2},
    "texts": {"a", "b"},
}
FEW = [{"account": account, "entry": f"e-{number}"} for account in ("a-1", "a-2") for number in range(5)]

Make = Callable[[Sequence[dict[str, Any]]], TableReader]


def all_pages(read: Callable[[TableKey | None], TablePage]) -> list[TablePage]:
    pages = [read(None)]
    while pages[-1].next_key is not None:
        pages.append(read(pages[-1].next_key))
    return pages


def entries(pages: Sequence[TablePage]) -> list[str]:
    return [f"{item['account']} {item['entry']}" for page in pages for item in page.items]


class TableReaderContract:
    def test_item_is_read_as_it_was_written(self, table: Make) -> None:
        found = table([ITEM]).get({"account": "a-1", "entry": "e-1"})

        assert found == ITEM
        assert found is not None
        assert {name: type(value) for name, value in found.items()} == {
            name: type(value) for name, value in ITEM.items()
        }

    def test_there_may_be_no_item(self, table: Make) -> None:
        assert table([ITEM]).get({"account": "a-1", "entry": "e-2"}) is None

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
    @pytest.mark.parametrize("descending", [False, True])
    def test_pages_of_a_partition_have_each_of_its_items_once_and_in_order(
        self, table: Make, limit: int, descending: bool
    ) -> None:
        reader = table(FEW)

        pages = all_pages(
            lambda after: reader.query({"account": "a-1"}, limit=limit, after=after, descending=descending)
        )

        expected = [f"a-1 e-{number}" for number in range(5)]
        assert entries(pages) == (expected[::-1] if descending else expected)
        assert max(len(page.items) for page in pages) <= limit

    def test_a_query_may_ask_for_the_beginning_of_the_sort_key(self, table: Make) -> None:
        reader = table([*FEW, {"account": "a-1", "entry": "f-1"}])

        page = reader.query({"account": "a-1"}, limit=10, begins_with={"entry": "f-"})

        assert entries([page]) == ["a-1 f-1"]

    @pytest.mark.parametrize("limit", [1, 3, 10, 100])
    def test_pages_of_a_table_have_each_item_once(self, table: Make, limit: int) -> None:
        reader = table(FEW)

        pages = all_pages(lambda after: reader.scan(limit=limit, after=after))

        assert sorted(entries(pages)) == [f"{item['account']} {item['entry']}" for item in FEW]
        assert max(len(page.items) for page in pages) <= limit

    def test_pages_of_an_empty_table_are_empty(self, table: Make) -> None:
        reader = table([])

        assert reader.scan(limit=1) == reader.query({"account": "a-1"}, limit=1) == TablePage((), None)

    @pytest.mark.parametrize(
        "read",
        [
            lambda reader: reader.get({"account": "a-1"}),
            lambda reader: reader.get({"account": "a-1", "entry": "e-1", "third": "x"}),
            lambda reader: reader.query({"entry": "e-1"}, limit=1),
            lambda reader: reader.query({"account": "a-1"}, limit=0),
            lambda reader: reader.scan(limit=0),
        ],
    )
    def test_wrong_read_is_refused(self, table: Make, read: Callable[[TableReader], object]) -> None:
        with pytest.raises(ValueError, match="must"):
            read(table(FEW))
