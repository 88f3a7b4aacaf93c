"""Requests for sales reports, as the API and the worker read them, and the environment of the worker."""

import re
from dataclasses import dataclass
from typing import Literal

from tsunagu import EnvironmentContract

SECONDS = range(901)  # what a function of Lambda may run at most

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_NAME = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """A request for the sales report of a month.

    Attributes:
        month: The month, such as `2026-01`.
        region: Only the sales of this region, 1 to 32 small letters, digits and hyphens. Default: those of all regions.
        rows: What a row of the report adds up: a `day`, an `article` or a `region`. Default: a day.
        seconds: How long the report shall take at least, 0 to 900, so that slow work can be shown. Default: 0.

    Raises:
        ValueError: A value is out of range.
    """

    month: str
    region: str | None = None
    rows: Literal["day", "article", "region"] = "day"
    seconds: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if not _MONTH.fullmatch(self.month):
            msg = f"month must be a year and a month such as 2026-01, got {self.month[:16]!r}"
            raise ValueError(msg)
        if self.region is not None and not _NAME.fullmatch(self.region):
            msg = f"region must be 1 to 32 small letters, digits and hyphens, got {self.region[:80]!r}"
            raise ValueError(msg)
        if self.seconds not in SECONDS:
            msg = f"seconds must be between 0 and 900, got {str(self.seconds)[:16]}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsEnvironment(EnvironmentContract):
    """The environment of the reports worker, besides what its API writes.

    Attributes:
        reports_table_name: Table of the register of reports: partition key `month`, sort key `entry`.
        sales_test_mode: Whether the warehouse of sales is in test mode. In test mode it fails for regions whose names
            begin with `broken-` or `flaky-`, so that each kind of failure can be shown. Default: test mode.
    """

    reports_table_name: str
    sales_test_mode: bool = True
