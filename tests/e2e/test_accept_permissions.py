"""The worker of accepted requests needs each of its permissions: without one a request is not settled, and then it is.

The roles of gateway, pipe and sweeper are in `tests/tsunagu/local/test_request_gateway.py` and
`tests/e2e/test_request_sweeper.py`, that of a worker of events in `tests/e2e/test_event_permissions.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from cdk_app.demo.report_findings import ENDINGS, compare_reports
from tests.e2e.report_desk import ReportDesk
from tests.e2e.report_run import ReportRun
from tests.e2e.worker_permissions import Case, Worker
from tsunagu.operations.queues import count_messages

pytestmark = pytest.mark.slow  # each permission costs seconds; the templates have all of them for every change

YEAR = 2801

CASES = [
    Case(action="dynamodb:BatchGetItem", resource="ReportsRequestsTableName"),
    Case(action="dynamodb:PartiQLUpdate", resource="ReportsRequestsTableName"),
    Case(action="dynamodb:UpdateItem", resource="ReportsRequestsTableName"),
    Case(action="dynamodb:UpdateItem", resource="ReportsTableName"),
    Case(action="dynamodb:PutItem", resource="ReportsTableName"),
    Case(action="s3:PutObject", resource="ReportsResultBucketName", folder="/.staging"),
    Case(action="s3:GetObject", resource="ReportsResultBucketName", folder="/.staging"),
    Case(action="s3:PutObject", resource="ReportsResultBucketName", folder="/reports"),
    Case(action="sqs:SendMessage", resource="ReportsDeadLetterQueueUrl", fails=True),
    Case(action="sns:Publish", resource="NotificationTopicArn", fails=True),
    Case(action="sqs:ChangeMessageVisibility", resource="ReportsQueueUrl", is_harmless=True),
]
# By way of the gateway, there is always a record. Only the item of a message that names no request is inserted.
NAMELESS = Case(action="dynamodb:PartiQLInsert", resource="ReportsRequestsTableName")
# What the poller of the queue and the key of the topic need, the embedded cloud does not check. `GetObject` on copied
# results is needed when a copy is repeated whose staged object has expired: `tests/integration` sees that call.
NOT_SEEN = [
    *(Case(action=f"sqs:{name}", resource="ReportsQueueUrl") for name in ("ReceiveMessage", "DeleteMessage")),
    Case(action="sqs:GetQueueAttributes", resource="ReportsQueueUrl"),
    Case(action="s3:GetObject", resource="ReportsResultBucketName", folder="/reports"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen in each case, and what became of the requests.

    Attributes:
        statuses: Status of the request while the permission was missing, by the name of the case.
        waiting: Messages in the queue then, waiting or in flight.
        problems: What is wrong with the requests after the permissions were back.
    """

    statuses: Mapping[str, str]
    waiting: Mapping[str, int]
    problems: list[str]


@pytest.fixture(scope="module")
def worker(report_desk: ReportDesk) -> Worker:
    return Worker(report_desk, report_desk.queue.function_name)


@pytest.fixture(scope="module")
def seen(report_desk: ReportDesk, report_run: ReportRun, worker: Worker) -> Seen:
    counter, sqs = report_desk.counter(), report_desk.cloud.client("sqs")
    sent, statuses, waiting = [], {}, {}
    for number, case in enumerate(CASES):
        with worker.without(case):
            before = len(worker.lines())
            sent += counter.send([case.report(YEAR + number, report_desk.unique)])
            worker.wait_until_denied(case, before)
            statuses[case.name] = str(counter.api.call("GET", f"/requests/{sent[-1].request_id}").json()["status"])
            waiting[case.name] = count_messages(sqs, report_desk.queue.queue_url)
    ended = counter.see_ended(sent)
    problems = compare_reports(ended, report_desk.register()).problems
    return Seen(statuses=statuses, waiting=waiting, problems=problems)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_a_request_is_not_settled_without(seen: Seen, case: Case) -> None:
    if case.is_harmless:
        return
    assert seen.waiting[case.name] >= 1
    # The record of a request that fails says so before its letter is sent and told.
    assert (seen.statuses[case.name] in ENDINGS) is case.fails


def test_each_request_ends_with_one_effect_when_the_permissions_are_back(seen: Seen) -> None:
    assert seen.problems == []


def test_a_message_that_names_no_request_is_not_dead_lettered_without_the_permission_to_insert(
    report_desk: ReportDesk, worker: Worker, seen: Seen
) -> None:
    sqs, queue = report_desk.cloud.client("sqs"), report_desk.queue
    body = f'{{"nameless": "{report_desk.unique}"}}'
    with worker.without(NAMELESS):
        before = len(worker.lines())
        sqs.send_message(QueueUrl=queue.queue_url, MessageBody=body)
        worker.wait_until_denied(NAMELESS, before)
        assert body not in {letter.body for letter in report_desk.letters()}


def test_every_permission_of_the_role_has_its_case(worker: Worker) -> None:
    assert worker.granted_beside([*CASES, NAMELESS, *NOT_SEEN]) == []
