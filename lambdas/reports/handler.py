"""The reports function: Lambda calls `handler` with a batch of accepted requests, or with one."""

from lambdas.contracts.reports import ReportRequest
from lambdas.reports import wiring
from tsunagu import Request, Result, accepted_request


@accepted_request("reports")
def handler(report: ReportRequest, request: Request) -> Result:
    """Make a sales report."""
    return wiring.desk().make(report, request)
