"""Makes sales reports, and keeps the register of those that were made."""

import csv
import io
import math
from collections.abc import Iterable

from lambdas.contracts.reports import ReportRequest
from lambdas.reports.chart import bars
from lambdas.reports.sales import Sale, Warehouse
from tsunagu import Clock, Request, Result

# Slow work has at least so many parts. Each begins with its progress and a heartbeat, more often than a lease is long.
LEAST_PARTS, LONGEST_PART_SECONDS = 10, 5
CHART = "chart.svg"

_HEADINGS = ("pieces", "amount")


class ReportDesk:
    """Makes reports.

    Args:
        table_name: The register: partition key `month`, sort key `entry`.
        warehouse: Knows the sales.
        clock: Waits, where a report shall take its time.
    """

    def __init__(self, table_name: str, warehouse: Warehouse, clock: Clock) -> None:
        self._table_name = table_name
        self._warehouse = warehouse
        self._clock = clock

    def make(self, report: ReportRequest, request: Request) -> Result:
        """Make a report, and register it together with the end of its request.

        The update of the total has no condition. So it would show if a request were worked twice.

        Returns:
            The report as CSV; its chart is attached as `chart.svg`.

        Raises:
            PermanentError: There is no such region.
            RetryableError: The sales could not be read, but can be later.
        """
        self._take_time(report.seconds, request)
        sales = self._warehouse.sales(report.month, report.region, request.attempt)
        totals = add_up(sales, report.rows)
        request.attach(CHART, _chart(report, totals), "image/svg+xml")
        self._register(report, request, totals)
        return Result(_csv(report.rows, totals), "text/csv; charset=utf-8")

    def _take_time(self, seconds: int, request: Request) -> None:
        parts = max(LEAST_PARTS, math.ceil(seconds / LONGEST_PART_SECONDS)) if seconds else 0
        for part in range(parts):
            request.heartbeat()
            request.progress(f"{part} of {parts}")
            self._clock.sleep(seconds / parts)

    def _register(self, report: ReportRequest, request: Request, totals: "Totals") -> None:
        request.put(
            self._table_name,
            {
                "month": report.month,
                "entry": f"REPORT#{request.caller}#{request.id}",
                "request_id": request.id,
                "rows": len(totals),
                "amount": sum(amount for _, amount in totals.values()),
                "made_at": self._clock.now_ms(),
            },
        )
        request.update(
            self._table_name, {"month": report.month, "entry": "TOTAL"}, "ADD reports :one", values={":one": 1}
        )


Totals = dict[str, tuple[int, int]]


def add_up(sales: Iterable[Sale], rows: str) -> Totals:
    """Return the pieces and the amount of each row, in the order of the rows' names.

    Args:
        sales: The sales.
        rows: What makes a row: `day`, `article` or `region`.
    """
    totals: Totals = {}
    for sale in sales:
        name = getattr(sale, rows)
        pieces, amount = totals.get(name, (0, 0))
        totals[name] = (pieces + sale.pieces, amount + sale.amount)
    return dict(sorted(totals.items()))


def _csv(rows: str, totals: Totals) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # as RFC 4180 says
    writer.writerow([rows, *_HEADINGS])
    writer.writerows([name, *total] for name, total in totals.items())
    return text.getvalue()


def _chart(report: ReportRequest, totals: Totals) -> str:
    title = f"Sales of {report.month}, {report.region or 'all regions'}, by {report.rows}"
    return bars(title, {name: amount for name, (_, amount) in totals.items()})
