"""What the page about accepted requests takes for granted."""

from dataclasses import dataclass

from tsunagu.runtime.json_text import JsonObject


@dataclass
class ReportRequest:
    """A request."""

    month: str


def sales_of(month: str) -> list[JsonObject]:
    """Return rows."""
    return [{"month": month}]


def chart_of(rows: list[JsonObject]) -> str:
    """Return a picture."""
    return str(rows)


def table_of(rows: list[JsonObject]) -> str:
    """Return a table."""
    return str(rows)
