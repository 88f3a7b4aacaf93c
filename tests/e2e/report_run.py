"""Mixed requests for reports: some twice, some invalid, some that fail, the pipe stopped, and workers killed."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cdk_app.demo.accept_now import PATIENCE_SECONDS, ReportCounter
from cdk_app.demo.driver import kill_next_working_handlers
from cdk_app.demo.payment_findings import FoundDeadLetter
from cdk_app.demo.report_findings import Register, ReportFindings, SentReport, compare_reports
from cdk_app.demo.report_requests import PlannedReport, ReportShape, plan_reports
from tests.e2e.report_desk import ReportDesk

SEED = 2026
SHAPE = ReportShape(reports=60, copied=6, broken=3, cancelled=1, longest_seconds=3, flaky=3, refused=3)
KILL_PATIENCE_SECONDS = 20
KILLED = "killed in attempt 3"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRun:
    """Result of the requests.

    Attributes:
        sent: Each request with its answers, its last status and its result. One that was killed in its last
            attempt must fail with that reason, whatever was planned.
        without_pipe: Status of each request that was sent while the pipe was stopped, then; by name.
        killed: Workers killed while they worked.
        register: The register of reports when all had ended.
        findings: Comparison of the requests with the register.
        letters: Dead letters of the worker.
        seconds: How long it took.
    """

    sent: Sequence[SentReport]
    without_pipe: Mapping[str, str]
    killed: int
    register: Register
    findings: ReportFindings
    letters: Sequence[FoundDeadLetter]
    seconds: float


def run_reports(
    desk: ReportDesk,
    name: str,
    shape: ReportShape,
    *,
    first_year: int,
    kills: int,
    lost: int = 0,
    patience_seconds: float = PATIENCE_SECONDS,
) -> ReportRun:
    """Send the requests, with every fault, and see them ended.

    The first third is sent while the pipe is stopped. While the others are sent, workers are killed.
    What is lost is sent before all that.

    Args:
        desk: Where.
        name: Begins the names of the requests.
        shape: How many of which kind.
        first_year: Year of their months, which no other run has.
        kills: How often workers are killed.
        lost: How many requests reach the queue, and vanish from it before a worker gets them.
        patience_seconds: How long the requests may take to end, after they were sent.
    """
    began = time.monotonic()
    counter = desk.counter(patience_seconds=patience_seconds)
    reports = plan_reports(SEED, name, shape, first_year=first_year)
    vanished, reports = _send_and_lose(desk, counter, reports[:lost]), reports[lost:]
    first = len(reports) // 3
    with desk.without_pipe():
        sent = counter.send(reports[:first])
        without_pipe = {each.report.name: each.final["status"] for each in counter.look(sent) if each.final is not None}
    with ThreadPoolExecutor(1) as killer:
        kill = killer.submit(_kill, desk, kills)
        sent += counter.send(reports[first:])
        ended = [_as_killed(each) for each in counter.see_ended([*vanished, *sent])]
        killed = kill.result()
    register = desk.register()
    return ReportRun(
        sent=ended,
        without_pipe=without_pipe,
        killed=killed,
        register=register,
        findings=compare_reports(ended, register),
        letters=desk.letters(),
        seconds=time.monotonic() - began,
    )


def _send_and_lose(desk: ReportDesk, counter: ReportCounter, reports: Sequence[PlannedReport]) -> list[SentReport]:
    """Send requests, and take their messages out of the queue: after that, only the sweeper brings them to a worker."""
    if not reports:
        return []
    with desk.without_worker():
        sent = counter.send(reports)
        desk.lose_messages(len({each.request_id for each in sent if each.request_id is not None}))
        statuses = {each.final["status"] for each in counter.look(sent) if each.final is not None}
    assert statuses == {"ACCEPTED"}
    return sent


def _as_killed(sent: SentReport) -> SentReport:
    """Expect the failure of a request whose last attempt was killed: whoever kills does not choose whom it meets."""
    if KILLED not in str((sent.final or {}).get("reason")):
        return sent
    return replace(sent, report=replace(sent.report, failure=KILLED))


def _kill(desk: ReportDesk, kills: int) -> int:
    function_name = desk.queue.function_name
    return sum(
        kill_next_working_handlers(desk.cloud, function_name, patience_seconds=KILL_PATIENCE_SECONDS)
        for _ in range(kills)
    )
