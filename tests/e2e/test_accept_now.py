"""Requests that are accepted at once and worked later: under faults, many at once, twice, and malformed."""

import json
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from aws_cdk import Duration

from cdk_app.demo.accept_now import ReportCounter
from cdk_app.demo.logs import log_lines
from cdk_app.demo.report_requests import PlannedReport, ReportShape
from cdk_app.demo.signed_api import ApiAnswer, SignedApi
from tests.e2e.report_desk import ReportDesk
from tests.e2e.report_run import ReportRun, run_reports
from tests.e2e.reports_app import synthesize_reports
from tests.lambdas.reports.expected import report_text

LARGE_SHAPE = ReportShape(
    reports=435, copied=40, broken=15, cancelled=5, longest_seconds=4, flaky=20, refused=15, endless=5
)
AT_ONCE = 20
PROBLEM = "application/problem+json"
SECRET = "swordfish"


def test_each_request_ends_as_it_must_with_one_effect_or_none(report_run: ReportRun) -> None:
    assert report_run.findings.problems == []


def test_workers_were_killed_while_they_worked(report_run: ReportRun) -> None:
    assert report_run.killed >= 1


def test_requests_are_accepted_while_the_pipe_is_stopped_and_not_started(report_run: ReportRun) -> None:
    assert len(report_run.without_pipe) > 20
    assert set(report_run.without_pipe.values()) == {"ACCEPTED"}


def test_each_failure_is_a_dead_letter_with_its_reason(report_run: ReportRun) -> None:
    failed = Counter(each.report.failure for each in report_run.sent if each.report.failure)
    reasons = [letter.reason or "" for letter in report_run.letters]

    assert Counter(reason for reason in failed for letter in reasons if reason in letter) == failed


def test_a_failed_request_says_how_often_it_was_tried(report_run: ReportRun) -> None:
    attempts = {each.report.failure: (each.final or {})["attempts"] for each in report_run.sent if each.report.failure}

    assert attempts["OSError"] == 3


def test_results_are_the_sales_of_the_month(report_run: ReportRun) -> None:
    succeeded = [each for each in report_run.sent if each.result is not None]

    assert len(succeeded) == 63
    for each in succeeded:
        assert each.result is not None
        assert each.result.body.decode() == report_text(json.loads(each.report.body))


def test_statuses_have_times_and_links(report_run: ReportRun) -> None:
    for each in report_run.sent:
        if each.final is not None:
            assert each.final["accepted_at"] <= each.final["updated_at"]
            assert each.final["links"]["self"].endswith(f"/requests/{each.request_id}")
            assert ("result" in each.final["links"]) == (each.final["status"] == "SUCCEEDED")


def burst(desk: ReportDesk, api: SignedApi, name: str, *, seconds: int, year: int) -> list[tuple[float, float]]:
    """Ask for twenty reports at once that take some seconds, and wait for their ends.

    Returns:
        How long each answer took, and how long after it the report was made, in seconds.
    """
    reports = [
        PlannedReport(
            name=f"{name}-{number}",
            month=f"{year + number}-01",
            body=json.dumps({"month": f"{year + number}-01", "seconds": seconds, "rows": "region"}),
            key=desk.unique,
        )
        for number in range(AT_ONCE)
    ]
    counter = ReportCounter(api, callers=AT_ONCE, patience_seconds=240)
    sent = counter.see_ended(counter.send(reports))
    register = desk.register()
    assert {(each.final or {})["status"] for each in sent} == {"SUCCEEDED"}
    assert {register.totals[report.month] for report in reports} == {1}
    return [
        (answer.seconds, register.made[each.report.month, str(each.request_id)] / 1_000 - answer.at)
        for each in sent
        for answer in each.answers
    ]


def check_burst(
    desk: ReportDesk, api: SignedApi, name: str, *, seconds: int, year: int, tries: int = 1
) -> list[tuple[float, float]]:
    """Check that twenty requests at once are answered while their work runs, and return both clocks of the last try.

    Everything shares this machine, and a worker that starts takes a processor for itself. So the first twenty start the
    workers, and there are more tries until every answer takes less than a second.
    """
    clocks = burst(desk, api, f"{name}-warm", seconds=1, year=year)
    for number in range(1, 1 + tries):
        clocks = burst(desk, api, f"{name}-{number}", seconds=seconds, year=year + number * AT_ONCE)
        assert min(made_later for _, made_later in clocks) > seconds - 1
        if max(answered for answered, _ in clocks) < 1:
            break
    return clocks


DELIVERIES = {"queue": ReportDesk.api, "lambda_event": ReportDesk.event_api}


@pytest.mark.parametrize(("delivery", "year"), [("queue", 2201), ("lambda_event", 2301)])
def test_twenty_at_once_are_answered_while_the_work_runs(
    report_desk: ReportDesk, report_run: ReportRun, delivery: str, year: int
) -> None:
    check_burst(report_desk, DELIVERIES[delivery](report_desk), delivery, seconds=5, year=year)


@pytest.mark.slow
@pytest.mark.parametrize(("delivery", "year"), [("queue", 2401), ("lambda_event", 2501)])
def test_work_of_a_minute_is_answered_as_soon(
    report_desk: ReportDesk, tmp_path: Path, delivery: str, year: int
) -> None:
    assembly = synthesize_reports(tmp_path / "cdk.out", stack_name="patient", longest_work=Duration.seconds(90))
    desk = ReportDesk(report_desk.cloud, report_desk.cloud.deploy(assembly)["patient"])

    clocks = check_burst(desk, DELIVERIES[delivery](desk), delivery, seconds=60, year=year, tries=3)

    assert max(answered for answered, _ in clocks) < 1


def test_fifty_copies_at_once_are_one_request_with_one_effect(report_desk: ReportDesk, report_run: ReportRun) -> None:
    counter, key = report_desk.counter(callers=50), report_desk.unique
    report = PlannedReport(name="copies", month="2601-01", body='{"month": "2601-01"}', key=key, copies=50)

    (sent,) = counter.see_ended(counter.send([report]))

    assert Counter(answer.status for answer in sent.answers) == {202: 50}
    assert {answer.json()["request_id"] for answer in sent.answers} == {key}
    assert (sent.final or {})["status"] == "SUCCEEDED"
    assert report_desk.register().totals["2601-01"] == 1

    other = counter.api.post("/reports", '{"month": "2601-02"}', key=key)
    assert (other.status, other.headers["content-type"]) == (422, PROBLEM)
    theirs = report_desk.counter()
    (of_another,) = theirs.see_ended(
        theirs.send([PlannedReport(name="theirs", month="2601-02", body='{"month": "2601-02"}', key=key)])
    )
    assert (of_another.final or {})["status"] == "SUCCEEDED"
    assert report_desk.register().totals["2601-02"] == 1


def test_a_request_that_is_cancelled_before_its_start_is_never_worked(
    report_desk: ReportDesk, report_run: ReportRun
) -> None:
    counter = report_desk.counter()
    api, key = counter.api, report_desk.unique
    with report_desk.without_pipe():
        assert api.post("/reports", '{"month": "2602-01"}', key=key).status == 202
        cancelled = api.call("DELETE", f"/requests/{key}")
        again = api.call("DELETE", f"/requests/{key}")
    after = PlannedReport(name="after", month="2602-02", body='{"month": "2602-02"}', key=f"{key}-after")
    counter.see_ended(counter.send([after]))  # comes after it through the same pipe

    assert cancelled.json()["status"] == again.json()["status"] == "CANCELLED"
    assert api.call("GET", f"/requests/{key}").json()["status"] == "CANCELLED"
    assert "2602-01" not in report_desk.register().totals
    late = api.call("DELETE", f"/requests/{key}-after")
    assert (late.status, late.headers["content-type"]) == (409, PROBLEM)


def bad_requests(api: SignedApi) -> dict[str, tuple[int, ApiAnswer]]:
    """Send what must be refused; return the expected status and the answer, by what is wrong."""
    good = '{"month": "2603-01"}'

    def post(body: bytes | None, **headers: str) -> ApiAnswer:
        return api.call("POST", "/reports", body, **headers)

    def key(text: str) -> ApiAnswer:
        return api.post("/reports", good, key=text)

    def get(path: str) -> ApiAnswer:
        return api.call("GET", path)

    large = json.dumps({"month": "2603-01", "note": "x" * 300_000}).encode()
    return {
        "no body": (400, post(None)),
        "no JSON": (400, post(f'{{"month": "{SECRET}'.encode())),
        "a wrong type": (400, post(b'{"month": 1}')),
        "rows that do not exist": (400, post(f'{{"month": "2603-01", "rows": "{SECRET}"}}'.encode())),
        "no month": (400, post(b"{}")),
        "a list": (400, post(b"[]")),
        "template syntax alone": (400, post(b"$input.json('$') #set($x = 1) ${context.requestId}")),
        "too large": (413, post(large)),
        "a body of another kind": (415, post(good.encode(), **{"Content-Type": "text/plain"})),
        "a key with a quote": (400, key(f'{SECRET}"b')),
        "a key with a path": (400, key(f"../{SECRET}")),
        "a long key": (400, key("k" * 129)),
        "an empty key": (400, key('""')),
        "template syntax in the key": (400, key("${context.requestId}")),
        "an expression in the key": (400, key('a"}, "x": {"S": "y')),
        "an unknown id": (404, get(f"/requests/{SECRET}")),
        "an id with a path": (404, get("/requests/..%5C..%5Cx")),
        "an id with template syntax": (404, get("/requests/%24context.requestId")),
        "an id with a quote": (404, get("/requests/%22%7D")),
        "a result of an unknown id": (404, get(f"/requests/{SECRET}/result")),
        "an attachment of another name": (404, get(f"/requests/{SECRET}/result/%2e%2e")),
        "an unsigned request": (
            403,
            SignedApi(url=api.url, region=api.region, credentials=None).post("/reports", good),
        ),
        "an unknown path": (403, get("/nothing")),
    }


def test_bad_requests_are_problems_without_effect_and_without_a_word_in_a_log(
    report_desk: ReportDesk, report_run: ReportRun
) -> None:
    before = len(report_desk.records())

    refused = bad_requests(report_desk.api())

    wrong = {
        what: (answer.status, answer.headers.get("content-type"), answer.body[:300])
        for what, (status, answer) in refused.items()
        if answer.status != status or answer.headers.get("content-type") != PROBLEM
    }
    assert wrong == {}
    for what, (status, answer) in refused.items():
        document = answer.json()
        assert (document["status"], bool(document["title"]), bool(document["type"])) == (status, True, True), what
    assert len(report_desk.records()) == before
    assert "2603-01" not in report_desk.register().totals
    assert SECRET not in report_desk.access_log()
    assert SECRET not in "\n".join(log_lines(report_desk.cloud, report_desk.queue.function_name))


def test_hostile_text_in_a_valid_body_reaches_the_worker_as_it_was_sent(
    report_desk: ReportDesk, report_run: ReportRun
) -> None:
    counter = report_desk.counter()
    hostile = {
        "month": "2604-01",
        "note": "'\"\\/ \u2028\u2029 \x7f \U0001f600 $input.body #set($x=1)#end ${context.stage} {{x}} </p> %2e\n\t",
    }
    report = PlannedReport(name="hostile", month="2604-01", body=json.dumps(hostile), key=report_desk.unique)

    (sent,) = counter.see_ended(counter.send([report]))

    assert (sent.final or {})["status"] == "SUCCEEDED"
    (record,) = [item for item in report_desk.records() if item["request_id"]["S"] == report.key]
    assert record["body"]["S"] == report.body


def test_no_log_has_anything_of_a_body(report_desk: ReportDesk, report_run: ReportRun) -> None:
    text = "\n".join(log_lines(report_desk.cloud, report_desk.queue.function_name)) + report_desk.access_log()

    assert "batch settled" in text
    assert not re.search(r"(?<![0-9a-f])210[12]-[01][0-9](?![0-9a-f])", text)
    assert "broken-0" not in text


def test_work_that_runs_out_of_time_fails_with_that_reason(report_desk: ReportDesk, report_run: ReportRun) -> None:
    counter = report_desk.counter()
    report = PlannedReport(
        name="slow", month="2605-01", body='{"month": "2605-01", "seconds": 60}', key=report_desk.unique
    )
    with report_desk.timeout(seconds=6):
        began = time.monotonic()
        (sent,) = counter.see_ended(counter.send([report]))

    assert (sent.final or {})["status"] == "FAILED"
    assert (sent.final or {})["attempts"] == 3
    assert "2605-01" not in report_desk.register().totals
    assert time.monotonic() - began < 120


@pytest.mark.slow
def test_five_hundred_mixed_requests_all_end_as_they_must(report_desk: ReportDesk, tmp_path: Path) -> None:
    # Twenty workers at once share two processors, so each attempt has time for that.
    assembly = synthesize_reports(tmp_path / "cdk.out", stack_name="many", longest_work=Duration.seconds(30))
    desk = ReportDesk(report_desk.cloud, report_desk.cloud.deploy(assembly)["many"])

    run = run_reports(desk, "many", LARGE_SHAPE, first_year=2701, kills=8, lost=30, patience_seconds=1_500)

    assert "\n".join(run.findings.problems) == ""
    assert run.killed >= 6
    assert run.findings.effects > 350  # of 455: the others were killed in each of their attempts
