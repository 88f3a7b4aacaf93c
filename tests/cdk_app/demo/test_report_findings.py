import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cdk_app.demo.report_findings import Register, SentReport, compare_reports
from cdk_app.demo.report_requests import PlannedReport
from cdk_app.demo.signed_api import ApiAnswer

GOOD = PlannedReport(name="good", month="2026-01", body="{}", key="k-good")
BROKEN = PlannedReport(name="broken", month="2026-02", body="{}", key="k-broken", failure="OSError")
CANCELLED = PlannedReport(name="cancelled", month="2026-02", body="{}", key="k-cancelled", is_cancelled=True)
FLAWED = PlannedReport(name="flawed", month="", body="{", key="k-flawed", flaw="no JSON")


def answer(status: int, kind: str, fields: Mapping[str, Any] | None = None, seconds: float = 0.1) -> ApiAnswer:
    body = json.dumps(fields or {}).encode()
    return ApiAnswer(status=status, headers={"content-type": kind}, body=body, seconds=seconds, at=1.0)


def accepted(report: PlannedReport, ending: str, **final: Any) -> SentReport:
    answers = [answer(202, "application/json", {"request_id": report.key})] * report.copies
    return SentReport(report=report, answers=answers, final={"status": ending, **final})


MADE = replace(
    accepted(GOOD, "SUCCEEDED"), result=answer(200, "text/csv; charset=utf-8"), chart=answer(200, "image/svg+xml")
)
REFUSED = SentReport(report=FLAWED, answers=[answer(400, "application/problem+json")])
SENT = [MADE, accepted(BROKEN, "FAILED", reason="OSError"), accepted(CANCELLED, "CANCELLED"), REFUSED]
REGISTER = Register(made={("2026-01", "k-good"): 1}, totals={"2026-01": 1, "1999-01": 7})


def test_nothing_is_wrong_when_everything_ended_as_it_must() -> None:
    findings = compare_reports(SENT, REGISTER)

    assert findings.problems == []
    assert (findings.effects, findings.duplicates) == (1, 0)


def test_a_copy_under_the_same_id_is_a_duplicate() -> None:
    assert compare_reports([replace(MADE, answers=[*MADE.answers] * 3)], REGISTER).duplicates == 2


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (replace(MADE, final={"status": "FAILED"}), "good must end SUCCEEDED"),
        (replace(MADE, result=None), "good must have a report, got none"),
        (replace(MADE, chart=answer(404, "application/problem+json")), "good must have a chart of the type image/svg"),
        (
            replace(
                MADE, answers=[*MADE.answers, *MADE.answers, answer(202, "", {"request_id": "k-good"}, seconds=29.5)]
            ),
            "good must be answered",
        ),
        (
            replace(MADE, answers=[*MADE.answers, answer(202, "", {"request_id": "other"})]),
            "good must always be accepted under one id",
        ),
        (replace(REFUSED, answers=[answer(500, "application/problem+json")]), "flawed must be refused by 400"),
        (replace(REFUSED, answers=[answer(400, "application/json")]), "flawed must be refused by 400"),
        (accepted(BROKEN, "FAILED"), "broken must fail with the reason OSError"),
        (accepted(BROKEN, "SUCCEEDED", reason="OSError"), "broken must end FAILED"),
        (accepted(CANCELLED, "SUCCEEDED"), "cancelled must end CANCELLED"),
    ],
)
def test_whatever_is_wrong_is_a_problem(sent: SentReport, problem: str) -> None:
    (sentence,) = compare_reports([sent], REGISTER).problems

    assert sentence.startswith(problem)


def test_answer_that_api_gateway_would_not_wait_for_is_a_problem() -> None:
    late = answer(202, "application/json", {"request_id": "k-good"}, seconds=29.5)
    patient = answer(202, "application/json", {"request_id": "k-good"}, seconds=28.5)

    assert compare_reports([replace(MADE, answers=[patient])], REGISTER).problems == []
    assert compare_reports([replace(MADE, answers=[late])], REGISTER).problems == [
        "good must be answered in less than 29.0 s, got 29.500 s"
    ]


def test_a_report_that_was_not_made_is_lost() -> None:
    assert compare_reports([MADE], replace(REGISTER, made={})).lost == ["good must have an effect, got none"]


def test_a_report_that_was_made_twice_is_doubled() -> None:
    findings = compare_reports(SENT, replace(REGISTER, totals={"2026-01": 2}))

    assert findings.doubled == ["2026-01 must have 1 reports, got 2"]
    assert findings.effects == 2


@pytest.mark.parametrize("sent", [SENT[1], SENT[2]])
def test_a_report_of_a_request_that_did_not_succeed_is_wrong(sent: SentReport) -> None:
    register = Register(made={("2026-02", sent.report.key): 1}, totals={"2026-02": 1})

    findings = compare_reports([sent], register)

    assert findings.wrong == [f"{sent.report.name} must have no effect, got a report"]
    assert findings.doubled == ["2026-02 must have 0 reports, got 1"]
