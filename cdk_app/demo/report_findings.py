"""Compares the requests that were sent with the answers of the API, the register of reports, and the results.

Nothing here asks the worker or the records of the requests. Effects are the items of the register.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdk_app.demo.report_requests import PlannedReport, expected_totals
from cdk_app.demo.signed_api import ApiAnswer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SUCCEEDED, FAILED, CANCELLED = ENDINGS = ("SUCCEEDED", "FAILED", "CANCELLED")
PROBLEM = "application/problem+json"
# API, workers and callers share this machine. So no time is compared but API Gateway's own limit, after which there is
# no answer: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
LONGEST_ANSWER_SECONDS = 29.0

_ENTRY, _TOTAL = "REPORT#", "TOTAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentReport:
    """A request with what the API said about it.

    Attributes:
        report: The request.
        answers: The answer to each copy.
        final: The last status document; None for a request that was not accepted.
        result: Answer to the request for the result; None where the status names none.
        chart: Answer to the request for the chart; None where the status names no result.
    """

    report: PlannedReport
    answers: Sequence[ApiAnswer]
    final: Mapping[str, Any] | None = None
    result: ApiAnswer | None = None
    chart: ApiAnswer | None = None

    @property
    def request_id(self) -> str | None:
        """Id that the first answer has; None when it accepts nothing."""
        return str(self.answers[0].json()["request_id"]) if self.answers[0].status == 202 else None  # noqa: PLR2004

    @property
    def slowest_seconds(self) -> float:
        """How long the slowest answer took."""
        return max(answer.seconds for answer in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The register of reports.

    Attributes:
        made: When each report was made, in milliseconds since the epoch, by month and request id.
        totals: Number of reports by month. A report that was made twice counts twice.
    """

    made: Mapping[tuple[str, str], int]
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFindings:
    """Result of the comparison.

    Attributes:
        effects: Reports made. A report that was made twice counts twice.
        duplicates: Copies that had no effect of their own.
        lost: A sentence for each request without effect.
        doubled: A sentence for each month with more reports than requests.
        wrong: A sentence for each other problem.
    """

    effects: int
    duplicates: int
    lost: Sequence[str]
    doubled: Sequence[str]
    wrong: Sequence[str]

    @property
    def problems(self) -> list[str]:
        """Every sentence."""
        return [*self.lost, *self.doubled, *self.wrong]


def read_register(dynamodb: "DynamoDBClient", table_name: str) -> Register:
    """Read the whole register."""
    made: dict[tuple[str, str], int] = {}
    totals: dict[str, int] = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True):
        for item in page["Items"]:
            month, entry = item["month"]["S"], item["entry"]["S"]
            if entry == _TOTAL:
                totals[month] = int(item["reports"]["N"])
            elif entry.startswith(_ENTRY):
                made[month, item["request_id"]["S"]] = int(item["made_at"]["N"])
    return Register(made=made, totals=totals)


def compare_reports(sent: Sequence[SentReport], register: Register) -> ReportFindings:
    """Compare requests with what became of them. What belongs to months of others is left out."""
    expected = expected_totals([each.report for each in sent])
    lost = [
        f"{each.report.name} must have an effect, got none"
        for each in sent
        if each.report.is_worked and not _is_made(each, register)
    ]
    doubled = [
        f"{month} must have {expected.get(month, 0)} reports, got {register.totals[month]}"
        for month in {each.report.month for each in sent} & register.totals.keys()
        if register.totals[month] > expected.get(month, 0)
    ]
    accepted = Counter(each.request_id for each in sent for _ in each.answers if each.request_id)
    return ReportFindings(
        effects=sum(register.totals.get(month, 0) for month in expected),
        duplicates=accepted.total() - len(accepted),
        lost=lost,
        doubled=doubled,
        wrong=[sentence for each in sent for sentence in _wrong(each, register)],
    )


def _is_made(sent: SentReport, register: Register) -> bool:
    return (sent.report.month, sent.request_id) in register.made


def _wrong(sent: SentReport, register: Register) -> Iterator[str]:
    name, report = sent.report.name, sent.report
    if sent.slowest_seconds >= LONGEST_ANSWER_SECONDS:
        yield f"{name} must be answered in less than {LONGEST_ANSWER_SECONDS} s, got {sent.slowest_seconds:.3f} s"
    if report.flaw:
        yield from _wrong_refusals(sent)
        return
    for answer in sent.answers:
        if answer.status != 202 or answer.json()["request_id"] != sent.request_id:  # noqa: PLR2004
            yield f"{name} must always be accepted under one id, got {answer.status} {answer.body[:200]!r}"
    if sent.final is None:
        return
    ending = CANCELLED if report.is_cancelled else FAILED if report.failure else SUCCEEDED
    if sent.final.get("status") != ending:
        yield f"{name} must end {ending}, got {dict(sent.final)}"
    if report.failure and report.failure not in sent.final.get("reason", ""):
        yield f"{name} must fail with the reason {report.failure}, got {sent.final.get('reason')}"
    if not report.is_worked and _is_made(sent, register):
        yield f"{name} must have no effect, got a report"
    if report.is_worked:
        yield from _wrong_result(sent)


def _wrong_refusals(sent: SentReport) -> Iterator[str]:
    for answer in sent.answers:
        kind = answer.headers.get("content-type", "")
        if answer.status != 400 or not kind.startswith(PROBLEM):  # noqa: PLR2004
            yield f"{sent.report.name} must be refused by 400 {PROBLEM}, got {answer.status} {kind}"


def _wrong_result(sent: SentReport) -> Iterator[str]:
    for what, answer, kind in (("report", sent.result, "text/csv"), ("chart", sent.chart, "image/svg+xml")):
        if answer is None:
            yield f"{sent.report.name} must have a {what}, got none"
        elif answer.status != 200 or not answer.headers.get("content-type", "").startswith(kind):  # noqa: PLR2004
            yield (
                f"{sent.report.name} must have a {what} of the type {kind}, "
                f"got {answer.status} {answer.headers.get('content-type')}"
            )
