"""The worker of requests that the gateway hands over needs each of its permissions: without one a request fails.

Lambda gives the event up after its tries, and the settler makes the request FAILED.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from cdk_app.demo.report_findings import ENDINGS
from cdk_app.demo.signed_api import SignedApi
from tests.e2e.report_desk import ReportDesk
from tests.e2e.worker_permissions import Case, Worker

pytestmark = pytest.mark.slow  # three tries of each request

YEAR = 2851
LOOK_SECONDS = 120  # the schedule ticks once a minute
TRIES = 3

# The record is not written; or not read, which a try after the first one does.
UNWRITTEN_CASES = [
    Case(action="dynamodb:PutItem", resource="EventReportsRequestsTableName"),
    Case(action="dynamodb:BatchGetItem", resource="EventReportsRequestsTableName", stumbles=True),
]
WORKED_CASES = [
    Case(action="dynamodb:PartiQLUpdate", resource="EventReportsRequestsTableName"),
    Case(action="dynamodb:UpdateItem", resource="EventReportsRequestsTableName"),
    Case(action="dynamodb:UpdateItem", resource="ReportsTableName"),
    Case(action="dynamodb:PutItem", resource="ReportsTableName"),
    Case(action="s3:PutObject", resource="EventReportsResultBucketName", folder="/.staging"),
]
# The effect stands: what comes after it is missing.
COMMITTED_CASES = [
    Case(action="s3:GetObject", resource="EventReportsResultBucketName", folder="/.staging"),
    Case(action="s3:PutObject", resource="EventReportsResultBucketName", folder="/reports"),
]
# The record of a request that fails says so before its letter is sent and told.
REFUSED_CASES = [
    Case(action="sqs:SendMessage", resource="EventReportsDeadLetterQueueUrl", fails=True),
    Case(action="sns:Publish", resource="NotificationTopicArn", fails=True),
]
SILENT = REFUSED_CASES[0]  # neither the worker nor Lambda can send a letter
CASES = [*UNWRITTEN_CASES, *WORKED_CASES, *COMMITTED_CASES, *REFUSED_CASES]
# Needed when a copy is repeated whose staged object has expired: `tests/integration` sees that call.
NOT_SEEN = [Case(action="s3:GetObject", resource="EventReportsResultBucketName", folder="/reports")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the requests ended.

    Attributes:
        documents: Status documents, by the name of the case.
        effects: Number of reports by month.
        letters: Bodies of the letters that name its request, by the name of the case.
    """

    documents: Mapping[str, Mapping[str, str]]
    effects: Mapping[str, int]
    letters: Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def worker(report_desk: ReportDesk) -> Worker:
    return Worker(report_desk, report_desk.stack["EventReportsFunctionName"])


@pytest.fixture(scope="module")
def ended(report_desk: ReportDesk, worker: Worker) -> Ended:
    api, keys = report_desk.event_api(), {}
    for number, case in enumerate(CASES):
        keys[case.name] = key = report_desk.unique
        with worker.without(case):
            lines, last_try = len(worker.lines()), worker.count_invocations() + TRIES
            assert api.post("/reports", case.report(YEAR + number, key).body, key=key).status == 202
            worker.wait_until_denied(case, lines)
            wait_until(lambda last=last_try: worker.count_invocations() >= last)  # type: ignore[misc]
    documents = {name: wait_for_the_end(api, key) for name, key in keys.items()}
    letters: set[str] = set()

    def are_seen() -> bool:  # a sweeper that looks at letters hides them meanwhile
        letters.update(letter.body for letter in report_desk.event_letters())
        return all(any(keys[case.name] in body for body in letters) for case in CASES if case != SILENT)

    wait_until(are_seen)
    told = {name: [body for body in letters if key in body] for name, key in keys.items()}
    return Ended(documents=documents, effects=report_desk.register().totals, letters=told)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LOOK_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"not within {LOOK_SECONDS} s"
        time.sleep(0.1)


def wait_for_the_end(api: SignedApi, key: str) -> Mapping[str, str]:
    """Wait until the settler has ended a request; return its status document."""
    document: dict[str, str] = {}

    def has_ended() -> bool:
        answer = api.call("GET", f"/requests/{key}")
        document.update(answer.json() if answer.status == 200 else {})
        return document.get("status") in ENDINGS

    wait_until(has_ended)
    return document


@pytest.mark.parametrize("case", [*UNWRITTEN_CASES, *WORKED_CASES, *COMMITTED_CASES], ids=lambda case: str(case.name))
def test_a_request_fails_with_the_reason_without(ended: Ended, case: Case) -> None:
    error = "UnavailableError" if case in UNWRITTEN_CASES else "RequestNotDoneError"
    shown, month = ended.documents[case.name], f"{YEAR + CASES.index(case)}-01"

    assert shown["status"] == "FAILED"
    assert shown["reason"].startswith(f"Lambda gave the event up after {TRIES} tries, the last one with {error}")
    assert ended.effects.get(month, 0) == (1 if case in COMMITTED_CASES else 0)
    assert len(ended.letters[case.name]) == 1


@pytest.mark.parametrize("case", REFUSED_CASES, ids=lambda case: str(case.name))
def test_a_refused_request_is_not_told_of_without(ended: Ended, case: Case) -> None:
    assert ended.documents[case.name]["status"] == "FAILED"
    assert str(case.report(YEAR, "").failure) in ended.documents[case.name]["reason"]
    # What the worker cannot send or tell of is not done, so Lambda gives its event up.
    assert any("requestPayload" in body for body in ended.letters[case.name]) is (case != SILENT)


def test_every_permission_of_the_role_has_its_case(worker: Worker) -> None:
    assert worker.granted_beside([*CASES, *NOT_SEEN]) == []
