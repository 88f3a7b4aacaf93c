"""The worker of accepted requests needs each of its permissions: without one a request is not settled, and then it is.

The roles of gateway, pipe and sweeper are in `tests/tsunagu/local/test_request_gateway.py` and
`tests/e2e/test_request_sweeper.py`.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from cdk_app.demo.logs import log_lines
from cdk_app.demo.report_findings import ENDINGS, compare_reports
from cdk_app.demo.report_requests import PlannedReport
from tests.e2e.permissions import without_permission
from tests.e2e.report_desk import ReportDesk
from tests.e2e.report_run import ReportRun
from tsunagu.operations.queues import count_messages

YEAR = 2801
LOOK_SECONDS = 60
REFUSED = "moon-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A permission of the worker's role, and a request that needs it.

    Attributes:
        action: What is taken away.
        resource: Output of the stack with the name of the resource.
        folder: Prefix of the objects that it is taken away on. Default: it is not about objects.
        fails: Whether the request is one that the worker refuses, so that it becomes a dead letter.
        is_harmless: Whether the request ends all the same, and only the log says what is missing.
    """

    action: str
    resource: str
    folder: str = ""
    fails: bool = False
    is_harmless: bool = False

    @property
    def name(self) -> str:
        return f"{self.action} on {self.resource}{self.folder}"

    def report(self, number: int, key: str) -> PlannedReport:
        month = f"{YEAR + number}-01"
        region = {"region": REFUSED} if self.fails else {}
        failure = "region must be one of" if self.fails else None
        body = json.dumps({"month": month, **region})
        return PlannedReport(name=self.name, month=month, body=body, key=key, failure=failure)


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
ELSEWHERE = ("kms:", "logs:", "xray:")


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
def seen(report_desk: ReportDesk, report_run: ReportRun) -> Seen:
    counter, sqs = report_desk.counter(), report_desk.cloud.client("sqs")
    sent, statuses, waiting = [], {}, {}
    for number, case in enumerate(CASES):
        with without(report_desk, case):
            before = len([*lines(report_desk)])
            sent += counter.send([case.report(number, report_desk.unique)])
            wait_until_denied(report_desk, case, before)
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
    report_desk: ReportDesk, seen: Seen
) -> None:
    sqs, queue = report_desk.cloud.client("sqs"), report_desk.queue
    body = f'{{"nameless": "{report_desk.unique}"}}'
    with without(report_desk, NAMELESS):
        before = len([*lines(report_desk)])
        sqs.send_message(QueueUrl=queue.queue_url, MessageBody=body)
        wait_until_denied(report_desk, NAMELESS, before)
        assert body not in {letter.body for letter in report_desk.letters()}


def test_every_permission_of_the_role_has_its_case(report_desk: ReportDesk) -> None:
    iam, name = report_desk.cloud.client("iam"), role(report_desk)
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names]
    granted = {
        (action, resource)
        for document in documents
        for statement in document["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if not action.startswith(ELSEWHERE)
    }
    cases = {(case.action, part(report_desk, case)) for case in (*CASES, NAMELESS, *NOT_SEEN)}

    assert [
        (action, resource)
        for action, resource in granted
        if not any(action == known and named in resource for known, named in cases)
    ] == []


def role(desk: ReportDesk) -> str:
    configuration = desk.cloud.client("lambda").get_function_configuration(FunctionName=desk.queue.function_name)
    return str(configuration["Role"]).split("/")[-1]


def part(desk: ReportDesk, case: Case) -> str:
    """The part of an ARN that names the resource of a case."""
    name = desk.stack[case.resource].rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return f"{name}{case.folder}"


def without(desk: ReportDesk, case: Case) -> Any:
    return without_permission(desk.cloud.client("iam"), role(desk), case.action, part(desk, case))


def lines(desk: ReportDesk) -> Iterator[Mapping[str, Any]]:
    for text in log_lines(desk.cloud, desk.queue.function_name):
        try:
            line = json.loads(text)
        except ValueError:  # the Python interpreter itself writes text
            continue
        yield line if isinstance(line, dict) else {}


def wait_until_denied(desk: ReportDesk, case: Case, lines_before: int) -> None:
    """Wait until the log says that the action was denied."""
    deadline = time.monotonic() + LOOK_SECONDS
    while not any(line.get("operation") == case.action for line in [*lines(desk)][lines_before:]):
        assert time.monotonic() < deadline, f"{case.name} was never denied"
        time.sleep(0.1)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
