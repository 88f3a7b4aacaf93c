"""What a request for a report may be."""

from typing import Any

import pytest

from lambdas.contracts.reports import ReportRequest
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.receiving.model import parser

VALID: dict[str, Any] = {"month": "2026-01"}

read = parser(ReportRequest)


def test_month_is_enough() -> None:
    assert read(VALID) == ReportRequest("2026-01", region=None, rows="day", seconds=0)


def test_field_of_a_newer_caller_is_ignored() -> None:
    assert read({**VALID, "currency": "EUR"}) == read(VALID)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"month": "2026-13"}, "month must be a year and a month such as 2026-01, got '2026-13'"),
        ({"month": "2026-01\n"}, "month must be"),
        ({"month": 202601}, "month"),
        ({"region": ""}, "region must be 1 to 32 small letters, digits and hyphens, got ''"),
        ({"region": "North"}, "region must be"),
        ({"region": "n" * 33}, "region must be"),
        ({"rows": "hour"}, "rows"),
        ({"seconds": -1}, "seconds must be between 0 and 900, got -1"),
        ({"seconds": 901}, "seconds must be"),
        ({"seconds": 1.5}, "seconds"),
        ({"seconds": "1"}, "seconds"),
    ],
)
def test_request_that_breaks_its_contract_is_refused_with_the_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidMessageError, match=reason):
        read({**VALID, **change})


def test_request_without_a_month_is_refused() -> None:
    with pytest.raises(InvalidMessageError, match="month"):
        read({"rows": "day"})
