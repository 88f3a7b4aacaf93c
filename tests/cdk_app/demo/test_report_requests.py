import json
from collections import Counter
from dataclasses import asdict

from cdk_app.demo.report_requests import FLAWS, ReportShape, expected_totals, plan_reports
from lambdas.contracts.reports import ReportRequest

SHAPE = ReportShape(reports=30, copied=3, broken=2, cancelled=1, longest_seconds=2, flaky=2, refused=1, endless=1)

reports = plan_reports(1, "load", SHAPE, first_year=2001)


def test_the_same_seed_gives_the_same_requests_and_another_seed_gives_others() -> None:
    assert plan_reports(1, "load", SHAPE, first_year=2001) == reports
    assert plan_reports(2, "load", SHAPE, first_year=2001) != reports


def test_there_are_as_many_of_each_kind_as_asked_for() -> None:
    assert Counter(report.copies for report in reports) == {1: 30 - 3 + 2 + 2 + 1 + 1 + 1 + len(FLAWS), 3: 3}
    assert Counter(report.failure for report in reports if report.failure) == {
        "OSError": 2,
        "region must be one of": 1,
        "killed in attempt": 1,
    }
    assert sorted(report.flaw for report in reports if report.flaw) == sorted(FLAWS)
    assert [report.is_cancelled for report in reports].index(True) == len(reports) - 1


def test_each_request_has_a_name_and_a_key_of_its_own() -> None:
    assert len({report.key for report in reports}) == len({report.name for report in reports}) == len(reports)


def test_valid_requests_are_what_the_worker_reads() -> None:
    for report in reports:
        if not report.flaw:
            fields = json.loads(report.body)
            assert asdict(ReportRequest(**fields)).items() >= fields.items()
            assert 2001 <= int(report.month[:4]) <= 2002


def test_only_what_is_worked_counts_for_the_register() -> None:
    assert sum(expected_totals(reports).values()) == 30 + 2  # those whose first attempt fails are worked too
