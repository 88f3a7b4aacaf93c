"""The sales of a month, and the report that is made of them."""

import xml.etree.ElementTree as ET
from calendar import monthrange

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.reports.chart import bars
from lambdas.reports.sales import ARTICLES, REGIONS, Warehouse, price
from lambdas.reports.service import add_up
from tsunagu.runtime.errors import PermanentError, RetryableError

MONTHS = st.builds("{:04}-{:02}".format, st.integers(1900, 2999), st.integers(1, 12))
SVG = "{http://www.w3.org/2000/svg}"

warehouse = Warehouse(is_test_mode=True)


@given(MONTHS)
def test_each_day_has_a_sale_of_each_article_in_each_region(month: str) -> None:
    sales = list(warehouse.sales(month, None, 1))

    year, number = map(int, month.split("-"))
    days = monthrange(year, number)[1]
    assert len({(sale.day, sale.article, sale.region) for sale in sales}) == days * len(ARTICLES) * len(REGIONS)
    assert all(sale.amount == sale.pieces * price(sale.article) for sale in sales)
    assert sales == list(warehouse.sales(month, None, 2))


def test_sales_of_regions_add_up_to_those_of_all() -> None:
    of_regions = [sale for region in REGIONS for sale in warehouse.sales("2026-02", region, 1)]

    assert add_up(of_regions, "day") == add_up(warehouse.sales("2026-02", None, 1), "day")


@given(MONTHS, st.sampled_from(["day", "article", "region"]))
def test_rows_are_in_order_and_add_up_to_all_sales(month: str, rows: str) -> None:
    totals = add_up(warehouse.sales(month, None, 1), rows)

    assert list(totals) == sorted(totals)
    assert sum(amount for _, amount in totals.values()) == sum(sale.amount for sale in warehouse.sales(month, None, 1))


def test_region_that_does_not_exist_is_a_permanent_error() -> None:
    with pytest.raises(PermanentError, match="region must be one of east, north, south, west, got 'moon'"):
        warehouse.sales("2026-01", "moon", 1)


def test_flaky_region_fails_at_the_first_attempt_only() -> None:
    with pytest.raises(RetryableError, match="busy"):
        warehouse.sales("2026-01", "flaky-1", 1)

    assert len(list(warehouse.sales("2026-01", "flaky-1", 2))) == 31 * len(ARTICLES)


@pytest.mark.parametrize("attempt", [1, 2, 9])
def test_broken_region_fails_at_every_attempt(attempt: int) -> None:
    with pytest.raises(OSError, match="cannot be read"):
        warehouse.sales("2026-01", "broken-1", attempt)


@pytest.mark.parametrize("region", ["broken-1", "flaky-1"])
def test_regions_of_the_test_mode_do_not_exist_outside_it(region: str) -> None:
    with pytest.raises(PermanentError, match="region must be"):
        Warehouse(is_test_mode=False).sales("2026-01", region, 1)


@given(
    st.dictionaries(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn"])), st.integers(0, 10**9))
)
def test_chart_is_xml_with_a_bar_for_each_value_whatever_its_label(values: dict[str, int]) -> None:
    chart = ET.fromstring(bars('<b> & "quotes"', values))  # noqa: S314 - made here

    found = chart.findall(f"{SVG}rect")
    assert [rect.findtext(f"{SVG}title") for rect in found] == list(values)
    assert all(float(rect.get("y", "")) >= 0 and float(rect.get("height", "")) >= 0 for rect in found)
